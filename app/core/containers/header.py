"""The header of a recording, as our own parsers read it."""

import io
from dataclasses import dataclass
from typing import BinaryIO, Literal

from app.core.errors import AudioUndecodable, UnsupportedMediaType

MIN_SAMPLING_RATE = 8_000
MAX_SAMPLING_RATE = 48_000
MAX_CHANNELS = 8

CONVERT = "Convert the recording, for example with `ffmpeg -i in.m4a out.flac`."
"""The advice for a recording that no format of this service covers."""

LINEAR = frozenset({"PCM_S8", "PCM_U8", "PCM_16", "PCM_24", "PCM_32", "FLOAT", "DOUBLE", "ALAW", "ULAW"})
"""The codecs without state: each sample has its own bytes."""
WIDTHS = {
    "PCM_S8": 1,
    "PCM_U8": 1,
    "ALAW": 1,
    "ULAW": 1,
    "PCM_16": 2,
    "PCM_24": 3,
    "PCM_32": 4,
    "FLOAT": 4,
    "DOUBLE": 8,
}
"""The bytes of one sample of a codec without state."""


@dataclass(frozen=True, slots=True)
class Blocks:
    """The blocks of a codec with state. Each block gives the same number of samples.

    Attributes:
        n_bytes: the bytes of a block.
        n_samples: the samples of a block, in each channel.
    """

    n_bytes: int
    n_samples: int


@dataclass(frozen=True, slots=True)
class Header:
    """The format of a recording, and the place of its samples.

    Attributes:
        formats: the names of the formats that must be enabled: the container, and the codec if it has a name
            of its own.
        codec: the codec, by its name in libsndfile.
        sampling_rate: the sampling rate, in Hz.
        n_channels: the number of channels.
        n_samples: the number of samples in each channel; None if the file does not declare it.
        start: the position of the first byte of the samples.
        size: the number of bytes of the samples that the file has.
        endian: the order of the bytes of a sample.
        blocks: the blocks of a codec that is decoded block by block; None for other codecs.
        skip: the number of samples that an encoder put before the first one (encoder delay).
    """

    formats: tuple[str, ...]
    codec: str
    sampling_rate: int
    n_channels: int
    n_samples: int | None
    start: int
    size: int
    endian: Literal["LITTLE", "BIG"] = "LITTLE"
    blocks: Blocks | None = None
    skip: int = 0

    @property
    def frame_size(self) -> int:
        """The bytes of one sample of all channels, of a codec without state."""
        return WIDTHS[self.codec] * self.n_channels


def linear(  # noqa: PLR0913  # the fields of a header, by name
    container: str,
    codec: str,
    *,
    sampling_rate: int,
    n_channels: int,
    start: int,
    size: int,
    endian: Literal["LITTLE", "BIG"] = "LITTLE",
) -> Header:
    """Return the header of a recording whose codec has no state.

    Raises:
        AudioUndecodable: the sampling rate or the number of channels is out of range.
    """
    check_range(sampling_rate, n_channels)
    n_samples = size // (WIDTHS[codec] * n_channels)
    return Header((container,), codec, sampling_rate, n_channels, n_samples, start, size, endian)


def check_range(sampling_rate: float, n_channels: int) -> None:
    """Check that the sampling rate and the number of channels are accepted.

    Raises:
        AudioUndecodable: one of them is out of range.
    """
    if not MIN_SAMPLING_RATE <= sampling_rate <= MAX_SAMPLING_RATE:
        raise AudioUndecodable(
            f"The sampling rate is {sampling_rate:g} Hz. "
            f"Convert the recording to a rate from {MIN_SAMPLING_RATE} to {MAX_SAMPLING_RATE} Hz."
        )
    if not 1 <= n_channels <= MAX_CHANNELS:
        raise AudioUndecodable(f"The recording has {n_channels} channels. Send 1 to {MAX_CHANNELS}.")


def refused(container: str, codec: str) -> UnsupportedMediaType:
    """Return the error for a codec that this service never decodes.

    Args:
        container: the name of the container, for people.
        codec: the name of the codec, for people.
    """
    return UnsupportedMediaType(f"{container} with codec {codec} is not accepted. {CONVERT}")


def damaged(container: str) -> AudioUndecodable:
    """Return the error for a header that contradicts itself or ends too early."""
    return AudioUndecodable(f"The {container} header is damaged. Export the recording again and resend.")


def cut_off() -> AudioUndecodable:
    """Return the error for a file that ends too early."""
    return AudioUndecodable(
        "The recording is cut off: it is shorter than its header declares. Send the whole file."
    )


def size_of(file: BinaryIO) -> int:
    """Return the size of a file in bytes. The function changes the position in the file."""
    return file.seek(0, io.SEEK_END)


def read_at(file: BinaryIO, place: int, size: int) -> bytes:
    """Read up to `size` bytes at a position of a file."""
    file.seek(place)
    return file.read(size)
