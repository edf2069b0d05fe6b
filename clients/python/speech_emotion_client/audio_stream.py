"""The samples of a WAV file, or of a stream without a header, as a live session sends them.

The `wave` module of the standard library refuses mu-law and A-law, the encodings of most telephone calls.
"""

import struct
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, BinaryIO, Literal

PIECE = 4_096
"""The bytes that are read at a time."""
HEADER, CHUNK, FORMAT = struct.Struct("<4sI4s"), struct.Struct("<4sI"), struct.Struct("<HHIIHH")
UNKNOWN_SIZES = {0, 0xFFFFFFFF}
"""The sizes that a recorder writes into a pipe, because it does not know the size yet."""
EXTENSIBLE = 0xFFFE
SUBFORMAT = slice(24, 26)
"""The bytes of the format in the chunk of an extensible format (WAVE_FORMAT_EXTENSIBLE)."""
ENCODINGS: dict[tuple[int, int], Literal["linear16", "mulaw", "alaw"]] = {
    (1, 16): "linear16",
    (6, 8): "alaw",
    (7, 8): "mulaw",
}
"""The encodings of a live session, by the format and the bits of a WAV file."""


@dataclass(frozen=True, slots=True)
class StreamFormat:
    """The format of a stream.

    Attributes:
        encoding: the encoding of a sample.
        sampling_rate: the sampling rate, in Hz.
        channels: the number of interleaved channels.
    """

    encoding: Literal["linear16", "mulaw", "alaw"]
    sampling_rate: int
    channels: int = 1


def read_header(file: BinaryIO) -> tuple[StreamFormat, int | None]:
    """Read the header of a WAV file, up to its samples.

    Returns:
        The format, and the bytes of the samples; None if the recorder did not know them.

    Raises:
        ValueError: the file is not a WAV file with an encoding of live sessions.
    """
    riff, _, wave = _unpack(HEADER, file)
    if riff not in {b"RIFF", b"RF64"} or wave != b"WAVE":
        raise ValueError("not a WAV file; for a stream without a header, give --encoding and --sampling-rate")
    found: StreamFormat | None = None
    while True:
        name, size = _unpack(CHUNK, file)
        if name == b"data":
            break
        content = file.read(size + size % 2)
        if name == b"fmt " and len(content) >= FORMAT.size:
            kind, channels, sampling_rate, _, _, bits = FORMAT.unpack_from(content)
            kind = int.from_bytes(content[SUBFORMAT], "little") if kind == EXTENSIBLE else kind
            if (kind, bits) not in ENCODINGS:
                raise ValueError(
                    "a live session takes PCM of 16 bits, mu-law and A-law; convert the file first"
                )
            found = StreamFormat(ENCODINGS[kind, bits], sampling_rate, channels)
    if found is None:
        raise ValueError("a WAV file without a format")
    return found, None if size in UNKNOWN_SIZES else size


def pieces_of(file: BinaryIO, size: int | None = None) -> Iterator[bytes]:
    """Yield the next bytes of a file, as soon as they can be read.

    Args:
        file: the file.
        size: the number of bytes; all bytes if None.
    """
    rest = sys.maxsize if size is None else size
    while piece := file.read(min(PIECE, rest)):
        rest -= len(piece)
        yield piece


def _unpack(layout: struct.Struct, file: BinaryIO) -> tuple[Any, ...]:
    content = file.read(layout.size)
    if len(content) < layout.size:
        raise ValueError("a WAV file that ends before its samples")
    return layout.unpack(content)
