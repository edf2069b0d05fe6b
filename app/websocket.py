"""The WebSocket protocol of the server, which reads the small messages of a live call in batches."""

from uvicorn._types import ASGIReceiveEvent
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

REST = 0.2
"""Seconds between two reads of a connection, so that each finds the messages of this time. Not tuned."""

LARGE = 2**15
"""The bytes of a read after which the connection does not rest, because more is likely to wait."""


class RestingWebSocket(WebSocketsSansIOProtocol):
    """A WebSocket that rests after each read, and joins the binary messages of a read.

    A telephone sends 50 messages a second, and most of their cost is to wake up for each of them. While a
    connection rests, messages wait in the kernel. The binary messages of live calls are audio, whose division
    into messages has no meaning.
    """

    _next: ASGIReceiveEvent | None = None
    """A message that was taken from the queue, and that the application has not received."""
    _rests = False
    _read_much = False

    def data_received(self, data: bytes) -> None:
        """Parse received bytes."""
        self._read_much = len(data) >= LARGE
        super().data_received(data)

    async def receive(self) -> ASGIReceiveEvent:
        """Return the next message to the application. After the last message of a read, rest."""
        message = self._next or await self.queue.get()
        self._next = None
        content = _binary_content(message)
        if content is not None:
            message = {"type": "websocket.receive", "bytes": self._joined(content)}
        if self.read_paused and not self._rests and self._next is None and self.queue.empty():
            self._rests = True
            self.loop.call_later(0 if self._read_much else REST, self._end_rest)
        return message

    def _joined(self, content: bytes) -> bytes:
        """Join the content of a binary message and of those that follow it in the queue."""
        parts = [content]
        while self._next is None and not self.queue.empty():
            following = self.queue.get_nowait()
            part = _binary_content(following)
            if part is None:
                self._next = following
            else:
                parts.append(part)
        return b"".join(parts)

    def _end_rest(self) -> None:
        """Read again, unless messages wait for the application."""
        self._rests = False
        if self.read_paused and self.queue.empty() and not self.transport.is_closing():
            self.read_paused = False
            self.transport.resume_reading()


def _binary_content(message: ASGIReceiveEvent) -> bytes | None:
    """Return the content of a binary message; None for others."""
    return message.get("bytes") if message["type"] == "websocket.receive" else None
