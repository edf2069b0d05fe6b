"""A live session for programs with asyncio. One task sends audio, another one reads the events."""

import asyncio
from collections.abc import AsyncIterable, AsyncIterator, Iterable, Mapping
from contextlib import AsyncExitStack, suppress
from typing import Any, Self

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from speech_emotion_client.configuration import Configuration, socket_errors
from speech_emotion_client.events import Event, Ready
from speech_emotion_client.flows import Pause, drive_async, persist
from speech_emotion_client.live_call import Dial, LiveCall


class AsyncLiveSession:
    """A session. `AsyncClient.live` creates it. The methods are those of `LiveSession`, as coroutines."""

    def __init__(
        self,
        configuration: Configuration,
        start: Mapping[str, Any],
        max_speed: float | None,
        keep_seconds: float,
    ) -> None:
        """Describe a session. `__aenter__` opens it."""
        self._configuration = configuration
        self._call = LiveCall(configuration.url, start, max_speed, keep_seconds)
        self._socket: ClientConnection | None = None
        self._connection = AsyncExitStack()
        self._lock = asyncio.Lock()
        """Held while a message is sent, so that none is sent between the state of a new connection."""
        self._feeder: asyncio.Task[None] | None = None
        self._failure: BaseException | None = None

    @property
    def ready(self) -> Ready:
        """The answer to the start of the session: its ID, its model and its limits."""
        assert self._call.ready is not None, (
            "Enter the session first: `async with client.live(…) as session`."
        )
        return self._call.ready

    async def __aenter__(self) -> Self:
        """Open the session, as `LiveSession.__enter__` does."""
        async with AsyncExitStack() as stack:
            stack.push_async_callback(self._close)
            await self._open()
            stack.pop_all()
        return self

    async def __aexit__(self, *_: object) -> None:
        """Close the connection. A stream without `stop` ends here."""
        if self._feeder is not None:
            self._feeder.cancel()
            await asyncio.wait({self._feeder})
        await self._close()

    async def __aiter__(self) -> AsyncIterator[Event]:
        """Yield each event once, until the session has ended, as `LiveSession.__iter__` does."""
        while not self._call.is_over:
            assert self._socket is not None
            try:
                event = self._call.received(await self._socket.recv())
            except ConnectionClosed as error:
                self._call.lost(None if error.rcvd is None else error.rcvd.code)
                if not self._call.is_over:
                    await self._open()
            else:
                yield event
        if self._failure is not None:
            raise self._failure

    async def send(self, audio: bytes) -> None:
        """Send audio: interleaved samples, in pieces of any size. Wait while the audio is too fast."""
        for delay, piece in self._call.pieces(audio):
            await asyncio.sleep(delay)
            async with self._lock:
                self._call.keep(piece)
                await self._write(piece)

    async def pause(self) -> None:
        """Stop the time of the stream. Audio is ignored until `resume`."""
        await self._control("pause")

    async def resume(self) -> None:
        """Continue after `pause`."""
        await self._control("resume")

    async def stop(self) -> None:
        """Say that the stream is complete. The summary and the end of the session follow."""
        await self._control("stop")

    def feed(self, audio: AsyncIterable[bytes] | Iterable[bytes]) -> None:
        """Send audio, and `stop` at its end, in a task of its own. Its errors end the iteration."""
        self._feeder = asyncio.create_task(self._feed(audio))

    async def _feed(self, audio: AsyncIterable[bytes] | Iterable[bytes]) -> None:
        async with AsyncExitStack() as stack:
            stack.push_async_exit(self._fed)
            async for piece in audio if isinstance(audio, AsyncIterable) else _asynchronous(audio):
                if self._call.is_over:
                    return
                await self.send(piece)
            await self.stop()

    async def _fed(self, _kind: object, error: BaseException | None, _trace: object) -> bool:
        """Pass an error of the feeder, which may be of any kind, to the task that iterates."""
        if error is None or isinstance(error, asyncio.CancelledError):
            return False
        self._failure = error
        await self._close()
        return True

    async def _close(self) -> None:
        self._call.is_over = True
        await self._connection.aclose()

    async def _control(self, kind: str) -> None:
        async with self._lock:
            await self._write(self._call.control(kind))

    async def _write(self, frame: bytes | str) -> None:
        """Send a message. After a loss, the iteration opens another connection, which gets the message."""
        assert self._socket is not None
        with suppress(ConnectionClosed):
            await self._socket.send(frame)

    async def _open(self) -> None:
        async with self._lock:
            flow = persist(self._call.dial, self._call.opened, self._configuration.retries)
            for frame in await drive_async(flow, self._perform):
                await self._write(frame)

    async def _perform(self, step: Dial | Pause) -> str | None:
        if isinstance(step, Pause):
            await asyncio.sleep(step.seconds)
            return None
        with socket_errors(self._configuration.url):
            async with AsyncExitStack() as stack:
                socket = await stack.enter_async_context(connect(step.url, **self._configuration.websocket()))
                with suppress(ConnectionClosed):  # a refusal came already, and is received next
                    await socket.send(step.message)
                async with asyncio.timeout(self._configuration.timeout):
                    answer = str(await socket.recv())
                await self._connection.aclose()  # of the lost connection
                self._socket, self._connection = socket, stack.pop_all()
        return answer


async def _asynchronous(audio: Iterable[bytes]) -> AsyncIterator[bytes]:
    for piece in audio:
        yield piece
