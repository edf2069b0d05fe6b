"""The header of an Ogg file with Vorbis or Opus (RFC 3533, RFC 7845, Vorbis I)."""

import struct
from typing import BinaryIO

from app.core.containers.header import Header, check_range, damaged, read_at, refused, size_of

MAGIC = frozenset({b"OggS"})

_PAGE = struct.Struct("<4sBBqIIIB")
_FIRST_PAGE = 2
_VORBIS = struct.Struct("<7sIBI")
_OPUS = struct.Struct("<8sBBHI")
_OPUS_RATES = frozenset({8_000, 12_000, 16_000, 24_000, 48_000})
"""The rates at which libopus decodes. It decodes recordings of other rates at 48 kHz."""
_OPUS_RATE = 48_000
_OTHERS = {b"\x7fFLAC": "FLAC", b"Speex  ": "Speex", b"\x80theora": "Theora"}


def read_ogg(file: BinaryIO) -> Header:
    """Read the first page of an Ogg file.

    Args:
        file: a file that begins with an entry of `MAGIC`.

    Returns:
        The header, without a number of samples, which only the last page has.

    Raises:
        UnsupportedMediaType: the codec is not accepted.
        AudioUndecodable: the header is damaged or out of range.
    """
    head = read_at(file, 0, _PAGE.size + 255)
    if len(head) < _PAGE.size:
        raise damaged("Ogg")
    _, version, kind, _, _, _, _, n_segments = _PAGE.unpack_from(head)
    packet = head[_PAGE.size + n_segments :]
    if version or kind != _FIRST_PAGE or n_segments != 1:
        raise damaged("Ogg")
    if packet.startswith(b"OpusHead"):
        return _opus(packet, size_of(file))
    if packet.startswith(b"\x01vorbis"):
        return _vorbis(packet, size_of(file))
    codec = next((name for start, name in _OTHERS.items() if packet.startswith(start)), "of an unknown kind")
    raise refused("Ogg", codec)


def _vorbis(packet: bytes, size: int) -> Header:
    """Return the header of Vorbis for its identification packet."""
    if len(packet) < _VORBIS.size:
        raise damaged("Ogg")
    _, version, n_channels, rate = _VORBIS.unpack_from(packet)
    if version:
        raise damaged("Ogg")
    check_range(rate, n_channels)
    return Header(("ogg",), "VORBIS", rate, n_channels, None, 0, size)


def _opus(packet: bytes, size: int) -> Header:
    """Return the header of Opus for its identification packet."""
    if len(packet) < _OPUS.size:
        raise damaged("Ogg")
    _, version, n_channels, _, rate = _OPUS.unpack_from(packet)
    if version >> 4:
        raise damaged("Ogg")
    if rate not in _OPUS_RATES:
        rate = _OPUS_RATE
    check_range(rate, n_channels)
    return Header(("ogg",), "OPUS", rate, n_channels, None, 0, size)
