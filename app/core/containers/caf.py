"""The header of a CAF file (Apple Core Audio Format)."""

import struct
from typing import BinaryIO

from app.core.containers.header import Header, cut_off, damaged, linear, read_at, refused, size_of

MAGIC = frozenset({b"caff"})

_CHUNK = struct.Struct(">4sq")
_DESCRIPTION = struct.Struct(">d4s5I")
_EDIT_COUNT = 4
_MAX_CHUNKS = 1_000
_IS_FLOAT, _IS_LITTLE = 1, 2
_PCM = {8: "PCM_S8", 16: "PCM_16", 24: "PCM_24", 32: "PCM_32"}
_FLOAT = {32: "FLOAT", 64: "DOUBLE"}
_G711 = {b"ulaw": "ULAW", b"alaw": "ALAW"}


def read_caf(file: BinaryIO) -> Header:
    """Read the header of a CAF file.

    Args:
        file: a file that begins with an entry of `MAGIC`.

    Raises:
        UnsupportedMediaType: the codec is not accepted.
        AudioUndecodable: the header is damaged or out of range, or samples are missing.
    """
    end = size_of(file)
    place, description = 8, b""
    for _ in range(_MAX_CHUNKS):
        chunk = read_at(file, place, _CHUNK.size)
        if len(chunk) < _CHUNK.size:
            break
        name, size = _CHUNK.unpack(chunk)
        place += _CHUNK.size
        if name == b"data":
            start = place + _EDIT_COUNT
            size = end - start if size == -1 else size - _EDIT_COUNT
            if size > end - start:
                raise cut_off()
            return _describe(description, start, size)
        if not 0 <= size <= end - place:  # a file has no position beyond 2**63
            break
        if name == b"desc":
            description = description or file.read(_DESCRIPTION.size)
        place += size
    raise damaged("CAF")


def _describe(description: bytes, start: int, size: int) -> Header:
    """Return the header for the content of `desc` and the place of the samples."""
    if len(description) < _DESCRIPTION.size or size < 0:
        raise damaged("CAF")
    rate, kind, flags, _, _, n_channels, bits = _DESCRIPTION.unpack(description)
    linear_codecs = _FLOAT if flags & _IS_FLOAT else _PCM
    codec = linear_codecs.get(bits) if kind == b"lpcm" else _G711.get(kind)
    if codec is None:
        raise refused("CAF", f"{kind.decode('ascii', 'backslashreplace').strip()} of {bits} bits")
    if rate != rate // 1:  # NaN and infinity are unequal, too
        raise damaged("CAF")
    return linear(
        "caf",
        codec,
        sampling_rate=int(rate),
        n_channels=n_channels,
        start=start,
        size=size,
        endian="LITTLE" if flags & _IS_LITTLE else "BIG",
    )
