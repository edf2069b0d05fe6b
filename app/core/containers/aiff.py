"""The header of an AIFF or AIFF-C file."""

import struct
from typing import BinaryIO, Literal

from app.core.containers.header import Header, cut_off, damaged, linear, read_at, refused, size_of

MAGIC = frozenset({b"FORM"})

_CHUNK = struct.Struct(">4sI")
_COMMON = struct.Struct(">hIhHQ")
_COMPRESSION = slice(18, 22)
_SOUND_START = 8
_MAX_CHUNKS = 1_000
_EXPONENT_BIAS = 16_383
_PCM = {1: "PCM_S8", 2: "PCM_16", 3: "PCM_24", 4: "PCM_32"}
_CODECS = {
    **dict.fromkeys((b"fl32", b"FL32"), "FLOAT"),
    **dict.fromkeys((b"fl64", b"FL64"), "DOUBLE"),
    **dict.fromkeys((b"ulaw", b"ULAW"), "ULAW"),
    **dict.fromkeys((b"alaw", b"ALAW"), "ALAW"),
    b"raw ": "PCM_U8",
    b"in24": "PCM_24",
    b"in32": "PCM_32",
}


def read_aiff(file: BinaryIO) -> Header:
    """Read the header of an AIFF or AIFF-C file.

    Args:
        file: a file that begins with an entry of `MAGIC`.

    Raises:
        UnsupportedMediaType: the file is another kind of IFF, or its codec is not accepted.
        AudioUndecodable: the header is damaged or out of range, or samples are missing.
    """
    end = size_of(file)
    kind = read_at(file, 8, 4)
    if kind not in {b"AIFF", b"AIFC"}:
        raise refused("IFF", kind.decode("ascii", "backslashreplace"))
    place, common, start, size = 12, b"", 0, 0
    for _ in range(_MAX_CHUNKS):
        chunk = read_at(file, place, _CHUNK.size)
        if len(chunk) < _CHUNK.size or (common and start):
            break
        name, n_bytes = _CHUNK.unpack(chunk)
        place += _CHUNK.size
        if name == b"COMM":
            common = common or file.read(min(n_bytes, _COMPRESSION.stop))
        elif name == b"SSND" and not start:
            start = place + _SOUND_START + int.from_bytes(file.read(4), "big")
            size = n_bytes - (start - place)
        place += n_bytes + n_bytes % 2
    if len(common) < _COMMON.size or not start:
        raise damaged("AIFF")
    return _describe(common, start, size, end - start, is_compressed=kind == b"AIFC")


def _describe(common: bytes, start: int, size: int, available: int, *, is_compressed: bool) -> Header:
    """Return the header for the content of `COMM` and the place of the samples."""
    n_channels, n_samples, bits, exponent, mantissa = _COMMON.unpack_from(common)
    rate = mantissa * 2.0 ** min(exponent - _EXPONENT_BIAS - 63, 0)
    codec, endian = _codec(common[_COMPRESSION] if is_compressed else b"NONE", bits)
    if rate != int(rate):
        raise damaged("AIFF")
    place = {"start": start, "size": max(size, 0)}
    whole = linear("aiff", codec, sampling_rate=int(rate), n_channels=n_channels, endian=endian, **place)
    needed = n_samples * whole.frame_size
    if needed > available:
        raise cut_off()
    return linear(
        "aiff",
        codec,
        sampling_rate=int(rate),
        n_channels=n_channels,
        start=start,
        size=needed,
        endian=endian,
    )


def _codec(compression: bytes, bits: int) -> tuple[str, Literal["LITTLE", "BIG"]]:
    """Return the codec of a compression type, and the order of its bytes."""
    if compression in _CODECS:
        return _CODECS[compression], "BIG"
    width = -(-bits // 8)
    if compression not in {b"NONE", b"twos", b"sowt"}:
        raise refused("AIFF", compression.decode("ascii", "backslashreplace"))
    if width not in _PCM:
        raise refused("AIFF", f"PCM of {bits} bits")
    return _PCM[width], "LITTLE" if compression == b"sowt" else "BIG"
