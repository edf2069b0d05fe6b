"""A call on disk, read in parts, so that an hour of stereo never fills the memory.

The accepted formats are those of `audio.decode`.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile

from app.core.audio import (
    FRAMES_UNKNOWN,
    MAGIC,
    Signal,
    check_finite,
    check_format,
    check_length,
    cut_off,
    not_a_recording,
    undecodable,
)
from app.core.errors import AudioUndecodable
from app.core.riff import is_cut_off


@dataclass(frozen=True, slots=True)
class CallFormat:
    """The format of a call, from the header of its file.

    Attributes:
        n_channels: the number of channels.
        sampling_rate: the sampling rate, in Hz.
        n_samples: the number of samples in each channel.
    """

    n_channels: int
    sampling_rate: int
    n_samples: int

    @property
    def duration(self) -> float:
        """The duration, in seconds."""
        return self.n_samples / self.sampling_rate


def inspect(path: Path, *, min_seconds: float, max_seconds: float) -> CallFormat:
    """Read the header of a call, and check that the file is complete.

    Args:
        path: the path of a WAV or FLAC file.
        min_seconds: the duration of the shortest accepted call. An empty call is never accepted.
        max_seconds: the duration of the longest accepted call.

    Returns:
        The format of the call.

    Raises:
        UnsupportedMediaType: the file is neither WAV nor FLAC, or its codec is not accepted.
        AudioUndecodable: the file is damaged, cut off or out of range, or a FLAC header lacks the length.
        AudioTooShort: the call is shorter than `min_seconds`, or empty.
        AudioTooLong: the call is longer than `max_seconds`.
    """
    with path.open("rb") as file:
        if file.read(4) not in MAGIC:
            raise not_a_recording()
        cut = is_cut_off(file)
    try:
        with soundfile.SoundFile(path) as sound:
            check_format(sound)
            n_samples, sampling_rate, n_channels = sound.frames, int(sound.samplerate), sound.channels
    except soundfile.LibsndfileError as error:
        raise undecodable(error) from error
    if n_samples >= FRAMES_UNKNOWN:
        raise AudioUndecodable(
            "The FLAC header lacks the length, as after encoding to a pipe. Encode to a file, or send WAV."
        )
    if cut:
        raise cut_off()
    check_length(n_samples, sampling_rate, min_seconds, max_seconds)
    return CallFormat(n_channels, sampling_rate, n_samples)


def read(path: Path, start: int, stop: int) -> Signal:
    """Decode a part of a call.

    Args:
        path: the path of a file that `inspect` has accepted.
        start: the first sample of the part.
        stop: the first sample after the part.

    Returns:
        All channels, shape (n_channels, stop - start), at the sampling rate of the file.

    Raises:
        AudioUndecodable: the part is damaged, cut off or not finite.
    """
    try:
        with soundfile.SoundFile(path) as sound:
            sound.seek(start)
            samples = sound.read(stop - start, dtype="float32", always_2d=True)
            sampling_rate = int(sound.samplerate)
    except soundfile.LibsndfileError as error:
        raise undecodable(error) from error
    if len(samples) < stop - start:
        raise cut_off()
    check_finite(samples)
    return Signal(np.ascontiguousarray(samples.T), sampling_rate)
