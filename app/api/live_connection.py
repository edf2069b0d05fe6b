"""A WebSocket as the connection of a live session."""

import asyncio
import base64
import math
from collections import deque
from collections.abc import Awaitable, Callable
from contextlib import suppress
from functools import partial
from typing import TypeVar, cast
from urllib.parse import urlsplit

from fastapi import WebSocket
from starlette.types import Message
from starlette.websockets import WebSocketDisconnect

from app.live.connection import (
    ConnectionClosed,
    ConnectionLost,
    Interrupted,
    InvalidMessage,
    LiveError,
    SessionIdle,
)
from app.live.messages import ClientMessage, Closed, ErrorMessage, JournalMessage, Ready, WarningMessage
from app.live.protocols.protocol import LiveProtocol, Reply

T = TypeVar("T")

ERROR_CODES = 4000
"""The close code of an error is this number plus the status of its problem (RFC 6455, 7.4.2: private use)."""
LAST_SECONDS = 2.0
"""The seconds for the last message of a client. Not tuned."""
NORMAL, ABNORMAL, GOING_AWAY = 1000, 1006, 1012
"""The other close codes: RFC 6455, 7.4.1, and "Service Restart" in the registry of IANA."""
KEY_PREFIX = "ser.key."
"""A page cannot send an Authorization header with a WebSocket, so its key is the name of a subprotocol: this
prefix, and the key in Base64 for URLs (RFC 4648, 5) without padding."""
KEY_HEADERS = ("X-API-KEY", "X-Telnyx-Streaming-Auth-Token")
"""The headers in which telephony platforms send a key: Genesys Cloud AudioHook, and Telnyx."""


class OriginRefused(LiveError):
    """The page that opened the WebSocket belongs to another site."""


class SocketConnection:
    """A WebSocket, with the methods of `Connection`.

    Attributes:
        close_code: the code with which the service closed the connection; 1006 if it did not.
    """

    def __init__(self, socket: WebSocket, protocol: LiveProtocol, max_pause: float) -> None:
        """Wrap a WebSocket. The present task must be the one that receives.

        Args:
            socket: the accepted WebSocket.
            protocol: the protocol of the client.
            max_pause: the time that the client may be silent, or may not read, in seconds.
        """
        self._socket = socket
        self._protocol = protocol
        self._max_pause = max_pause
        self._received: deque[ClientMessage | WarningMessage | bytes] = deque()
        self._interrupted = False
        self._is_idle = False
        self._waits = False
        self._deadline = math.inf
        self._loop = asyncio.get_running_loop()
        self._task = cast("asyncio.Task[None]", asyncio.current_task())
        self._timer = self._loop.call_later(max_pause, self._check_idle)
        self._end = NORMAL
        self.close_code = ABNORMAL

    async def receive(self, *, idle: bool = False) -> ClientMessage | WarningMessage | bytes:
        """Receive a message, or audio, as described in `Connection`."""
        while not self._received:
            frame = await self._within(math.inf if idle else self._max_pause, self._socket.receive)
            for item in self._protocol.read(_content(frame)):
                if isinstance(item, Reply):
                    await self._send(item.text)
                else:
                    self._received.append(item)
        self._check_interrupted()  # also while a fast client always has a next message
        return self._received.popleft()

    async def wait(self, seconds: float) -> None:
        """Wait without receiving, as described in `Connection`."""
        await self._within(math.inf, partial(asyncio.sleep, seconds))

    async def send(self, message: Ready | JournalMessage) -> None:
        """Send a message, as described in `Connection`."""
        if isinstance(message, Closed) and message.reason == "going-away":
            self._end = GOING_AWAY
        for text in self._protocol.write(message):
            await self._send(text)

    def interrupt(self) -> None:
        """End the present or the next `receive` or `wait`."""
        self._interrupted = True
        if self._waits:
            self._waits = False
            self._task.cancel()

    async def fail(self, message: ErrorMessage) -> None:
        """Send an error and close the connection."""
        for text in self._protocol.write(message):
            await self._send(text)
        await self._close(ERROR_CODES + message.problem.status)

    async def close(self) -> None:
        """Close the connection after the last message."""
        await self._close(self._end)

    def release(self) -> None:
        """Stop the timer."""
        self._timer.cancel()

    async def _close(self, code: int) -> None:
        with suppress(TimeoutError, InvalidMessage):
            async with asyncio.timeout(LAST_SECONDS):
                while self._protocol.awaits_close:
                    for item in self._protocol.read(_content(await self._socket.receive())):
                        if isinstance(item, Reply):
                            await self._send(item.text)
        try:
            await self._socket.close(code)
        except RuntimeError as error:
            raise ConnectionLost("The client has left.") from error
        self.close_code = code

    async def _send(self, text: str) -> None:
        """Send a text frame. A client that does not read is disconnected."""
        try:
            async with asyncio.timeout(self._max_pause):
                await self._socket.send_text(text)
        except (TimeoutError, RuntimeError, WebSocketDisconnect) as error:  # RuntimeError: it is closed
            raise ConnectionLost("The client has left, or does not read.") from error

    async def _within(self, seconds: float, wait: Callable[[], Awaitable[T]]) -> T:
        """Limit the time of a wait, which `interrupt` can end.

        Every message passes here. One timer for the connection costs less than `asyncio.timeout` for each.
        """
        self._check_interrupted()
        self._deadline = self._loop.time() + seconds
        self._waits = True
        try:
            return await wait()
        except asyncio.CancelledError:
            if not (self._interrupted or self._is_idle):
                raise
            self._task.uncancel()
            self._check_interrupted()
            raise SessionIdle(
                f"No message arrived for {self._max_pause:g} s. Send audio, `pause` or `stop`."
            ) from None
        finally:
            self._waits = False

    def _check_interrupted(self) -> None:
        """Raise `Interrupted` if the connection was interrupted."""
        if self._interrupted:
            raise Interrupted

    def _check_idle(self) -> None:
        """End a wait that is too long; otherwise check again when it could be."""
        now = self._loop.time()
        if self._waits and now >= self._deadline:
            self._is_idle, self._waits = True, False
            self._task.cancel()
        else:
            end = self._deadline if now < self._deadline < math.inf else now + self._max_pause
            self._timer = self._loop.call_at(end, self._check_idle)


def key_of(socket: WebSocket) -> str | None:
    """Return the API key in the request that opened a WebSocket."""
    scheme, _, key = socket.headers.get("Authorization", "").partition(" ")
    if scheme.lower() == "bearer":
        return key
    if scheme.lower() == "basic":  # RFC 7617, of which jambonz sends the password as the key
        return _decoded(key, base64.b64decode).partition(":")[2]
    for header in KEY_HEADERS:
        if header in socket.headers:
            return socket.headers[header]
    for subprotocol in socket.scope["subprotocols"]:
        encoded = subprotocol.removeprefix(KEY_PREFIX)
        if encoded != subprotocol:
            return _decoded(encoded + "=" * (-len(encoded) % 4), base64.urlsafe_b64decode)
    return None


def address_of(socket: WebSocket) -> str:
    """Return the network address of the client; empty if it has none."""
    return socket.client.host if socket.client else ""


def _decoded(text: str, decode: Callable[[str], bytes]) -> str:
    """Return the content of text in Base64; empty if it is not."""
    try:
        return decode(text).decode()
    except ValueError:  # also the errors of Base64 and UTF-8
        return ""


def check_origin(socket: WebSocket) -> None:
    """Refuse a page of another site. Browsers let every page open a WebSocket to every address.

    Raises:
        OriginRefused: the request has the origin of another host.
    """
    origin = socket.headers.get("Origin")
    if origin and urlsplit(origin).hostname != urlsplit(f"//{socket.headers.get('Host', '')}").hostname:
        raise OriginRefused(f"The origin {origin} is another site. Connect from a page of this service.")


def _content(frame: Message) -> str | bytes:
    """Return the content of a frame.

    Raises:
        ConnectionLost: the client has left.
    """
    if frame["type"] == "websocket.disconnect":
        raise ConnectionClosed if frame.get("code") == NORMAL else ConnectionLost
    if frame.get("bytes") is not None:
        return bytes(frame["bytes"])
    return str(frame["text"])
