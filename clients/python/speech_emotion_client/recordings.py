"""A recording to upload: bytes, a file, or a stream. Files and streams are never read as a whole."""

import asyncio
import io
import os
from collections.abc import AsyncIterable, AsyncIterator, Iterable, Iterator
from pathlib import Path
from typing import BinaryIO, cast

Source = bytes | bytearray | memoryview | str | os.PathLike[str] | BinaryIO | Iterable[bytes]
"""A recording: its bytes, its path, an open file, or an iterable of pieces."""
AsyncSource = Source | AsyncIterable[bytes]

PIECE = 65_536
"""The bytes that are read from a file at a time."""


class Recording:
    """A recording that is sent once, or several times if it is repeatable.

    Attributes:
        size: the size in bytes; None if it is unknown, so that the upload is chunked.
        repeatable: whether the recording can be sent again. A stream cannot.
    """

    def __init__(self, source: AsyncSource) -> None:
        """Look at a source, without reading it.

        Raises:
            OSError: there is no such file.
            TypeError: the file is open as text.
        """
        self.size: int | None = None
        self.repeatable = True
        self._source = source
        self._start = 0
        match source:
            case bytes() | bytearray() | memoryview():
                self._source = bytes(source)
                self.size = len(self._source)
            case str() | os.PathLike():
                self.size = Path(source).stat().st_size
            case io.TextIOBase():
                raise TypeError("The file is open as text. Open it with the mode 'rb'.")
            case _ if not isinstance(source, AsyncIterable) and _seekable(source):
                file = cast("BinaryIO", source)
                self._start = file.tell()
                self.size = file.seek(0, os.SEEK_END) - self._start
                file.seek(self._start)
            case _:
                self.repeatable = False

    def pieces(self) -> Iterator[bytes]:
        """Read the recording from its start, in pieces."""
        match self._source:
            case bytes() as content:
                yield content
            case str() | os.PathLike() as path:
                with Path(path).open("rb") as opened:
                    yield from _pieces_of(opened)
            case source if hasattr(source, "read"):
                file = cast("BinaryIO", source)
                if self.repeatable:
                    file.seek(self._start)
                yield from _pieces_of(file)
            case source if isinstance(source, Iterable):
                yield from cast("Iterable[bytes]", source)
            case source:
                raise TypeError(f"{type(source).__name__}: only AsyncClient sends an asynchronous stream")

    async def pieces_async(self) -> AsyncIterator[bytes]:
        """Read the recording from its start, in pieces, and without blocking the event loop."""
        if isinstance(self._source, AsyncIterable):
            async for piece in self._source:
                yield piece
            return
        pieces = self.pieces()
        while (read := await asyncio.to_thread(next, pieces, None)) is not None:
            yield read


def _pieces_of(file: BinaryIO) -> Iterator[bytes]:
    while piece := file.read(PIECE):
        yield piece


def _seekable(source: object) -> bool:
    return hasattr(source, "read") and hasattr(source, "seekable") and bool(source.seekable())
