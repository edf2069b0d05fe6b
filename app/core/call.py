"""A whole call on disk, read a stretch at a time.

An hour of stereo is never in memory at once. What is accepted is what `audio.decode` accepts.
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
    """What a call's header says.

    Attributes:
        n_channels: the number of channels.
        sampling_rate: in Hz.
        n_samples: of each channel.
    """

    n_channels: int
    sampling_rate: int
    n_samples: int

    @property
    def duration(self) -> float:
        """In seconds."""
        return self.n_samples / self.sampling_rate


def inspect(path: Path, *, min_seconds: float, max_seconds: float) -> CallFormat:
    """Read the header of a call, and check that the file is all there.

    Args:
        path: a WAV or FLAC file.
        min_seconds: the shortest call that is accepted; an empty one never is.
        max_seconds: the longest.

    Returns:
        Its format.

    Raises:
        UnsupportedMediaType: not a WAV or FLAC file, or a codec that is not on the list.
        AudioUndecodable: broken, cut off, out of range, or a FLAC that does not say how long it is.
        AudioTooShort: shorter than `min_seconds`, or empty.
        AudioTooLong: longer than `max_seconds`.
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
            "The FLAC does not say how long it is, as one from a pipe. Write it to a file, or send WAV."
        )
    if cut:
        raise cut_off()
    check_length(n_samples, sampling_rate, min_seconds, max_seconds)
    return CallFormat(n_channels, sampling_rate, n_samples)


def read(path: Path, start: int, stop: int) -> Signal:
    """Decode a stretch of a call.

    Args:
        path: a file that `inspect` has accepted.
        start: the first sample.
        stop: the first one after the stretch.

    Returns:
        All channels, shape (n_channels, stop - start), at the file's own sampling rate.

    Raises:
        AudioUndecodable: broken, cut off, or not finite there.
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
