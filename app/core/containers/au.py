"""The header of an AU file (Sun, NeXT)."""

import struct
from typing import BinaryIO

from app.core.containers.header import (
    LINEAR,
    Blocks,
    Header,
    check_range,
    cut_off,
    damaged,
    linear,
    read_at,
    refused,
    size_of,
)

MAGIC = frozenset({b".snd"})

_HEADER = struct.Struct(">4s5I")
_LENGTH_UNKNOWN = 0xFFFF_FFFF
_CODECS = {1: "ULAW", 2: "PCM_S8", 3: "PCM_16", 4: "PCM_24", 5: "PCM_32", 6: "FLOAT", 7: "DOUBLE", 27: "ALAW"}
_BLOCKS = {"G721_32": Blocks(60, 120), "G723_24": Blocks(45, 120), "G723_40": Blocks(75, 120)}
_ENCODINGS = {23: "G721_32", 25: "G723_24", 26: "G723_40"}


def read_au(file: BinaryIO) -> Header:
    """Read the header of an AU file.

    Args:
        file: a file that begins with an entry of `MAGIC`.

    Raises:
        UnsupportedMediaType: the codec is not accepted.
        AudioUndecodable: the header is damaged or out of range, or samples are missing.
    """
    end = size_of(file)
    fields = read_at(file, 0, _HEADER.size)
    if len(fields) < _HEADER.size:
        raise damaged("AU")
    _, start, size, encoding, rate, n_channels = _HEADER.unpack(fields)
    if not _HEADER.size <= start <= end:
        raise damaged("AU")
    codec = _CODECS.get(encoding) or _ENCODINGS.get(encoding)
    if codec is None:
        raise refused("AU", str(encoding))
    check_range(rate, n_channels)
    if size == _LENGTH_UNKNOWN:
        size = end - start
    if size > end - start:
        raise cut_off()
    if codec in LINEAR:
        order = {"start": start, "size": size}
        return linear("au", codec, sampling_rate=rate, n_channels=n_channels, endian="BIG", **order)
    if n_channels != 1:
        raise damaged("AU")
    blocks = _BLOCKS[codec]
    n_samples = size // blocks.n_bytes * blocks.n_samples
    return Header(("au", "g72x"), codec, rate, 1, n_samples, start, size, "BIG", blocks)


def au_header(codec: str, sampling_rate: int, size: int) -> bytes:
    """Return the header of an AU file of G.721 or G.723, up to the first byte of its samples."""
    encoding = {name: number for number, name in _ENCODINGS.items()}[codec]
    return _HEADER.pack(b".snd", _HEADER.size, size, encoding, sampling_rate, 1)
