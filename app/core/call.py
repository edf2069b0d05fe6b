"""A call on disk, read in parts, so that an hour of stereo never fills the memory.

The accepted formats are those of `audio.decode`. A decoder of MP3 or Ogg needs much time for each short part.
Such a call is therefore copied, in parts that several workers can decode, to a WAV file.
"""

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from app.core import decoder
from app.core.audio import Signal, check_complete, check_finite, check_length, resample
from app.core.containers import DEFAULT_FORMATS, FORMATS, identify
from app.core.containers.header import LINEAR, Header
from app.core.containers.riff import riff_header
from app.core.errors import AudioUndecodable

COPY_RATE = 16_000
"""The highest sampling rate of a copy, in Hz: that of the networks and of the detector."""
MARGIN = 1
"""Seconds before and after a part of a copy, so that the resampler has no edge within the call."""
_COPY_WIDTH = 2
"""Bytes of a sample of a copy, PCM_16."""


@dataclass(frozen=True, slots=True)
class CallFormat:
    """The format of a call, from the header of its file.

    Attributes:
        n_channels: the number of channels.
        sampling_rate: the sampling rate, in Hz.
        n_samples: the number of samples in each channel.
        needs_copy: whether the analysis must read a copy of the call.
    """

    n_channels: int
    sampling_rate: int
    n_samples: int
    needs_copy: bool = False

    @property
    def duration(self) -> float:
        """The duration, in seconds."""
        return self.n_samples / self.sampling_rate

    @property
    def copy(self) -> "CallFormat":
        """The format of the copy of this call."""
        rate = min(self.sampling_rate, COPY_RATE)
        return CallFormat(self.n_channels, rate, self.n_samples * rate // self.sampling_rate)


def inspect(
    path: Path, *, min_seconds: float, max_seconds: float, formats: Collection[str] = DEFAULT_FORMATS
) -> CallFormat:
    """Read the header of a call, and check that the file is complete.

    Args:
        path: the path of the recording.
        min_seconds: the duration of the shortest accepted call. An empty call is never accepted.
        max_seconds: the duration of the longest accepted call.
        formats: the enabled formats, by the names of `containers.FORMATS`.

    Returns:
        The format of the call.

    Raises:
        UnsupportedMediaType: the format of the file is unknown or not enabled.
        AudioUndecodable: the file is damaged, cut off or out of range, or it lacks its length.
        AudioTooShort: the call is shorter than `min_seconds`, or empty.
        AudioTooLong: the call is longer than `max_seconds`.
    """
    with path.open("rb") as file:
        header = identify(file, formats)
        n_samples = decoder.count_samples(file, header)
    if n_samples is None:
        raise AudioUndecodable(
            "The file lacks the length of the call, as after encoding to a pipe. Encode to a file, or send "
            "WAV."
        )
    check_length(n_samples, header.sampling_rate, min_seconds, max_seconds)
    return CallFormat(header.n_channels, header.sampling_rate, n_samples, _needs_copy(header))


def _needs_copy(header: Header) -> bool:
    """Return whether a short part of a call takes too long to decode."""
    return header.codec not in LINEAR | {"FLAC"} and header.blocks is None


def read(path: Path, start: int, stop: int) -> Signal:
    """Decode a part of a call.

    Args:
        path: the path of a file that `inspect` has accepted, or of its copy.
        start: the first sample of the part.
        stop: the first sample after the part.

    Returns:
        All channels, shape (n_channels, stop - start), at the sampling rate of the file.

    Raises:
        AudioUndecodable: the part is damaged, cut off or not finite.
    """
    with path.open("rb") as file:
        header = identify(file, FORMATS)
        samples = decoder.read(file, header, start, stop)
    check_complete(header, len(samples), stop - start)
    check_finite(samples)
    missing = max(stop - start - len(samples), 0)
    return Signal(np.ascontiguousarray(np.pad(samples, ((0, missing), (0, 0))).T), header.sampling_rate)


def copy_header(form: CallFormat) -> bytes:
    """Return the header of a copy. The samples, PCM of 16 bits, reach to the end of the file."""
    return riff_header("PCM_16", form.sampling_rate, form.n_channels)


def copy_size(form: CallFormat) -> int:
    """Return the size of a copy, in bytes."""
    return len(copy_header(form)) + form.n_samples * form.n_channels * _COPY_WIDTH


def copy_offset(form: CallFormat, start: int) -> int:
    """Return the first byte of a part in a copy.

    Args:
        form: the format of the copy.
        start: the start of the part, in seconds.
    """
    return len(copy_header(form)) + start * form.sampling_rate * form.n_channels * _COPY_WIDTH


def decode_part(path: Path, form: CallFormat, start: int, stop: int) -> bytes:
    """Decode a part of a call for its copy.

    Args:
        path: the path of a file that `inspect` has accepted.
        form: the format of the copy, from `CallFormat.copy`.
        start: the start of the part, in seconds.
        stop: the end of the part, in seconds.

    Returns:
        The interleaved samples, PCM of 16 bits, little-endian.

    Raises:
        AudioUndecodable: the part is damaged.
    """
    with path.open("rb") as file:
        header = identify(file, FORMATS)
        rate, first = header.sampling_rate, max(start - MARGIN, 0)
        samples = decoder.read(file, header, first * rate, (stop + MARGIN) * rate)
    check_finite(samples)
    # The damaged parts of a lossy file are missing. Silence takes their place.
    missing = (stop + MARGIN - first) * rate - len(samples)
    signal = resample(Signal(np.pad(samples, ((0, missing), (0, 0))).T, rate), form.sampling_rate)
    begin, end = start * form.sampling_rate, min(stop * form.sampling_rate, form.n_samples)
    offset = begin - first * form.sampling_rate
    part = np.clip(np.rint(signal.samples[:, offset : offset + end - begin] * 32_768), -32_768, 32_767)
    return part.T.astype("<i2").tobytes()
