"""The header of a WAV file: RIFF and RF64 (EBU Tech 3306)."""

import struct
from typing import BinaryIO

from app.core.containers.header import (
    LINEAR,
    WIDTHS,
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

MAGIC = frozenset({b"RIFF", b"RF64"})

# A recorder that writes to a pipe cannot know the length. It writes the largest possible length instead
# (0xFFFFFFFF, 0x7FFFFFFF or slightly less). Such a file is complete.
_LENGTH_UNKNOWN = 0x7FFF_0000
_CHUNK = struct.Struct("<4sI")
_FORMAT = struct.Struct("<HHIIHH")
_FORMAT_BYTES = 64
"""More bytes of a `fmt ` chunk than any accepted codec has."""
_MAX_CHUNKS = 1_000
_RF64_DATA_SIZE = slice(8, 16)
_EXTENSIBLE = 0xFFFE
_SUBFORMAT = slice(24, 40)
_GUID_TAIL = bytes.fromhex("000000001000800000aa00389b71")
"""The GUID of a subformat after its tag (Microsoft, mmreg.h)."""
_PCM, _MS_ADPCM, _FLOAT, _ALAW, _MULAW, _IMA_ADPCM, _GSM, _G721 = 1, 2, 3, 6, 7, 0x11, 0x31, 0x40
_NAMES = {0x45: "G.726", 0x55: "MP3", 0x83: "G.729", 0x161: "WMA", 0xFF: "AAC"}
"""Tags that people send (RFC 2361), for the message."""
_GSM_BLOCK = Blocks(65, 320)
_G721_BLOCK = Blocks(60, 120)
_MAX_BLOCK = 8_192


def read_riff(file: BinaryIO) -> Header:
    """Read the header of a WAV file.

    Args:
        file: a file that begins with an entry of `MAGIC`.

    Returns:
        The header. An empty `data` chunk in a header that was never completed stands for the rest of the
        file, as does the largest length.

    Raises:
        UnsupportedMediaType: the codec is not accepted.
        AudioUndecodable: the header is damaged or out of range, or at least two bytes are missing. One
            missing byte may be padding that the writer omitted.
    """
    end = size_of(file)
    start = read_at(file, 0, 12)
    is_long, declared_end = start[:4] == b"RF64", int.from_bytes(start[4:8], "little") + 8
    if start[8:] != b"WAVE":
        raise damaged("WAV")
    place, long_size, description = 12, 0, b""
    for _ in range(_MAX_CHUNKS):
        chunk = read_at(file, place, _CHUNK.size)
        if len(chunk) < _CHUNK.size:
            break
        name, size = _CHUNK.unpack(chunk)
        place += _CHUNK.size
        if name == b"ds64":
            long_size = int.from_bytes(file.read(16)[_RF64_DATA_SIZE], "little")
        elif name == b"fmt ":
            if description:
                raise damaged("WAV")
            description = file.read(min(size, _FORMAT_BYTES))
        elif name == b"data":
            is_unknown = size >= _LENGTH_UNKNOWN or (size == 0 and declared_end <= place)
            size = long_size if is_long else end - place if is_unknown else size
            header = _describe(description, place, min(size, end - place))
            if size > end - place + 1:
                raise cut_off()
            return header
        place += size + _padding(file, place + size, size)
    raise damaged("WAV")


def _padding(file: BinaryIO, place: int, size: int) -> int:
    """Return the bytes of padding after a chunk: one after an odd size, unless the writer omitted it."""
    return int(size % 2 == 1 and read_at(file, place, 1) == b"\0")


def _describe(description: bytes, start: int, size: int) -> Header:
    """Return the header for the content of a `fmt ` chunk and the place of the samples."""
    if len(description) < _FORMAT.size:
        raise damaged("WAV")
    # Recorders often write a wrong byte rate, and nothing depends on it.
    tag, n_channels, rate, _, block, bits = _FORMAT.unpack_from(description)
    if tag == _EXTENSIBLE:
        subformat = description[_SUBFORMAT]
        if subformat[2:] != _GUID_TAIL:
            raise refused("WAV", "of an unknown subformat")
        tag = int.from_bytes(subformat[:2], "little")
    check_range(rate, n_channels)
    codec, blocks = _codec(tag, n_channels, block, bits)
    if codec in LINEAR:
        return linear("wav", codec, sampling_rate=rate, n_channels=n_channels, start=start, size=size)
    if blocks is None:
        raise damaged("WAV")
    name = {_GSM: "gsm", _G721: "g72x"}.get(tag, "adpcm")
    n_samples = size // blocks.n_bytes * blocks.n_samples
    return Header(("wav", name), codec, rate, n_channels, n_samples, start, size, blocks=blocks)


def _codec(tag: int, n_channels: int, block: int, bits: int) -> tuple[str, Blocks | None]:
    """Return the codec of a tag, and its blocks; no blocks if the fields contradict each other."""
    if tag in {_PCM, _FLOAT}:
        return _linear_codec(tag, n_channels, block, bits), None
    if tag == _ALAW:
        return "ALAW", None
    if tag == _MULAW:
        return "ULAW", None
    if tag == _GSM:
        return "GSM610", _GSM_BLOCK if (n_channels, block) == (1, _GSM_BLOCK.n_bytes) else None
    if tag == _G721:
        return "G721_32", _G721_BLOCK if n_channels == 1 else None
    if tag in {_IMA_ADPCM, _MS_ADPCM}:
        codec, head, first = ("IMA_ADPCM", 4, 1) if tag == _IMA_ADPCM else ("MS_ADPCM", 7, 2)
        data = block - head * n_channels
        fits = data > 0 and block <= _MAX_BLOCK and n_channels <= 2  # noqa: PLR2004  # the codecs have no more
        if tag == _IMA_ADPCM:
            fits = fits and data % (4 * n_channels) == 0
        return codec, Blocks(block, data * 2 // n_channels + first) if fits else None
    raise refused("WAV", _NAMES.get(tag, f"0x{tag:04x}"))


def _linear_codec(tag: int, n_channels: int, block: int, bits: int) -> str:
    """Return the codec of PCM or float. The block wins over the bits, if it has room for them."""
    width, rest = divmod(block, n_channels)
    codecs = {8: "DOUBLE", 4: "FLOAT"} if tag == _FLOAT else dict(_PCM_BY_WIDTH)
    if rest or width not in codecs or width * 8 < bits:
        width = -(-bits // 8)
    if width not in codecs:
        raise refused("WAV", f"{'float' if tag == _FLOAT else 'PCM'} of {bits} bits")
    return codecs[width]


_PCM_BY_WIDTH = {1: "PCM_U8"} | {WIDTHS[codec]: codec for codec in ("PCM_16", "PCM_24", "PCM_32")}
_HEADER = struct.Struct("<4sI4s4sIHHIIHH")


def riff_header(
    codec: str, sampling_rate: int, n_channels: int, *, size: int | None = None, blocks: Blocks | None = None
) -> bytes:
    """Return the header of a WAV file, up to the first byte of its samples.

    Args:
        codec: the codec, by its name in libsndfile; one that `read_riff` accepts.
        sampling_rate: the sampling rate, in Hz.
        n_channels: the number of channels.
        size: the number of bytes of the samples; None: unknown, the samples reach to the end of the file.
        blocks: the blocks of the codec; None for a codec without state.
    """
    tag = _TAGS[codec]
    if blocks is None:
        block, bits, extension = WIDTHS[codec] * n_channels, WIDTHS[codec] * 8, b""
    else:
        block, bits = blocks.n_bytes, 0 if tag == _GSM else 4
        fields = struct.pack("<H", blocks.n_samples)
        if tag == _MS_ADPCM:
            fields += struct.pack("<H14h", len(_MS_COEFFICIENTS) // 2, *_MS_COEFFICIENTS)
        extension = struct.pack("<H", len(fields)) + fields
    byte_rate = sampling_rate * block // (blocks.n_samples if blocks else 1)
    n_bytes = 0xFFFF_FFFF if size is None else size
    start = _HEADER.pack(
        *(b"RIFF", min(n_bytes, 0xFFFF_FF00) + 36 + len(extension), b"WAVE"),
        *(b"fmt ", 16 + len(extension)),
        *(tag, n_channels, sampling_rate, byte_rate, block, bits),
    )
    return start + extension + _CHUNK.pack(b"data", n_bytes)


_MS_COEFFICIENTS = (256, 0, 512, -256, 0, 0, 192, 64, 240, 0, 460, -208, 392, -232)
"""The seven pairs of predictor coefficients of Microsoft ADPCM (RFC 2361 and mmreg.h)."""
_TAGS = {
    **dict.fromkeys(_PCM_BY_WIDTH.values(), _PCM),
    **dict.fromkeys(("FLOAT", "DOUBLE"), _FLOAT),
    "ALAW": _ALAW,
    "ULAW": _MULAW,
    "GSM610": _GSM,
    "IMA_ADPCM": _IMA_ADPCM,
    "MS_ADPCM": _MS_ADPCM,
}
