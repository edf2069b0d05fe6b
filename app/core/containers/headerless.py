"""Headerless audio: samples alone, as telephone systems store and send them."""

from typing import Literal

from app.core.containers.riff import riff_header

Encoding = Literal["linear16", "mulaw", "alaw"]
"""The encoding of a sample. The bytes of `linear16` are little-endian."""

TELEPHONE_RATE = 8_000
"""The usual sampling rate of headerless audio in Hz (ITU-T G.711)."""

MAGIC_SIZE = 4
"""The bytes by which `has_header` recognizes a container."""

_CODECS: dict[Encoding, str] = {"linear16": "PCM_16", "mulaw": "ULAW", "alaw": "ALAW"}


def describe_samples(
    encoding: Encoding, sampling_rate: int | None = None, n_channels: int | None = None
) -> bytes:
    """Return the header of a WAV file, which makes headerless audio a recording.

    Args:
        encoding: the encoding of a sample.
        sampling_rate: the sampling rate in Hz; None stands for 8,000.
        n_channels: the number of interleaved channels; None stands for 1.

    Example:
        >>> describe_samples("mulaw")[:4]
        b'RIFF'
    """
    return riff_header(_CODECS[encoding], sampling_rate or TELEPHONE_RATE, n_channels or 1)
