"""Clients of live sessions that note the times of all messages. They run in a process of their own."""

import asyncio
import json
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TypeVar

import uvloop
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed
from websockets.frames import Frame, Opcode

from benchmarks.live_calls import MESSAGE, messages
from testing.live_client import STOP, Message, received
from training.data.codecs import TELEPHONE_RATE

START = {"type": "start", "encoding": "mulaw", "sampling_rate": TELEPHONE_RATE, "channels": 1}
PAUSE = {"type": "pause"}

CONNECTING = 1.0
"""Seconds before the first message in which a client connects."""

AT_ONCE = 50
"""The number of idle sessions that are opened or closed at the same time."""

Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class Talk:
    """A session that sent a call. All times are of `time.monotonic`, which all processes share.

    Attributes:
        sent: the time before each message of audio was sent, and before `stop`.
        received: the messages of the service, each with the time of its arrival.
        late: the greatest delay of a message of audio behind its schedule, in seconds.
        end: the reason or the code with which the connection was closed.
        start_late: the delay of the whole schedule, because the client connected late, in seconds.
    """

    sent: list[float] = field(default_factory=list)
    received: list[tuple[float, Message]] = field(default_factory=list)
    late: float = 0.0
    end: str = ""
    start_late: float = 0.0

    @property
    def delay(self) -> float:
        """The delay behind the schedule with which the client was started, in seconds."""
        return self.start_late + self.late

    @property
    def complete(self) -> bool:
        """Whether the service completed the session."""
        return bool(self.of_type("closed"))

    def of_type(self, kind: str) -> list[tuple[float, Message]]:
        """Return the messages of a type."""
        return [(at, message) for at, message in self.received if message["type"] == kind]


@dataclass(frozen=True, slots=True)
class Idle:
    """Sessions that were idle together.

    Attributes:
        opened: the time at which the last session was open.
        closing: the time at which the first session was closed.
        n_stopped: the number of sessions that were complete after `stop`.
    """

    opened: float
    closing: float
    n_stopped: int


def talk(port: int, calls: Sequence[bytes], spread: float) -> list[Talk]:
    """Send calls at the same time, each in messages of 20 ms at the speed of a call.

    Args:
        port: the port of the service.
        calls: the audio of each session.
        spread: the seconds in which the sessions start, one after the other.
    """

    async def run() -> list[Talk]:
        now = time.monotonic() + CONNECTING
        starts = [now + spread * number / len(calls) for number in range(len(calls))]
        return await asyncio.gather(
            *(_talk(port, audio, start) for audio, start in zip(calls, starts, strict=True))
        )

    return _run(run)


def stay_idle(port: int, n_sessions: int, seconds: float) -> Idle:
    """Open sessions that pause at once, and complete them after some seconds.

    Args:
        port: the port of the service.
        n_sessions: the number of sessions.
        seconds: the time in which the sessions are idle.
    """

    async def run() -> Idle:
        limit = asyncio.Semaphore(AT_ONCE)
        sockets = await asyncio.gather(*(_open_idle(port, limit) for _ in range(n_sessions)))
        opened = time.monotonic()
        await asyncio.sleep(seconds)
        closing = time.monotonic()
        stopped = await asyncio.gather(*(_stop(socket, limit) for socket in sockets))
        return Idle(opened, closing, sum(stopped))

    return _run(run)


def come_and_go(port: int, calls: Sequence[bytes], n_clients: int, seconds: float) -> list[float]:
    """Run clients, each of which opens its next session after the end of the one before.

    Every other session of a client leaves without `stop`.

    Args:
        port: the port of the service.
        calls: the audio of the sessions, which the clients send in turn.
        n_clients: the number of clients.
        seconds: the time after which no more session is opened.

    Returns:
        The time of the end of each session, sorted.
    """

    async def run() -> list[float]:
        end = time.monotonic() + seconds
        ended = await asyncio.gather(*(one_after_the_other(number, end) for number in range(n_clients)))
        return sorted(at for ends in ended for at in ends)

    async def one_after_the_other(number: int, end: float) -> list[float]:
        ended: list[float] = []
        while time.monotonic() < end:
            audio = calls[(number + n_clients * len(ended)) % len(calls)]
            await _talk(port, audio, time.monotonic(), stops=len(ended) % 2 == 0)
            ended.append(time.monotonic())
        return ended

    return _run(run)


def _run(function: Callable[[], Awaitable[Result]]) -> Result:
    """Run a coroutine in an event loop that takes little time from the service."""

    async def run() -> Result:
        return await function()

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(run())


def _connect(port: int) -> connect:
    """Connect as a gateway of a telephone line does: without compression, and without pings of its own."""
    address = f"ws://127.0.0.1:{port}/v1/audio/live"
    return connect(address, compression=None, ping_interval=None, open_timeout=60)


async def _begin(socket: ClientConnection) -> None:
    """Start the session of a connection."""
    await socket.send(json.dumps(START))
    answer = json.loads(await socket.recv())
    if answer["type"] != "ready":
        raise RuntimeError(answer)


async def _talk(port: int, audio: bytes, start: float, *, stops: bool = True) -> Talk:
    """Send a call, and receive messages until the service closes the connection."""
    # The frames are encoded before, so that the clients take little time from the service.
    frames = [Frame(Opcode.BINARY, message).serialize(mask=True) for message in messages(audio)]
    await asyncio.sleep(max(start - CONNECTING - time.monotonic(), 0))
    result, late = Talk(), 0.0
    async with _connect(port) as socket:
        await _begin(socket)
        receiving = asyncio.create_task(_receive(socket, result))
        start_late = max(time.monotonic() - start, 0.0)
        start += start_late
        with suppress(ConnectionClosed):
            for number, frame in enumerate(frames):
                due = start + number * MESSAGE
                await asyncio.sleep(due - time.monotonic())
                if receiving.done():
                    break
                result.sent.append(time.monotonic())
                late = max(late, result.sent[-1] - due)
                socket.transport.write(frame)
            if stops:
                result.sent.append(time.monotonic())
                await socket.send(json.dumps(STOP))
                await receiving
    await receiving
    end = socket.close_reason or str(socket.close_code)
    return Talk(result.sent, result.received, late, end, start_late)


async def _receive(socket: ClientConnection, result: Talk) -> None:
    """Note each message of the service until the connection is closed."""
    with suppress(ConnectionClosed):
        async for message in socket:
            result.received.append((time.monotonic(), json.loads(message)))


async def _open_idle(port: int, limit: asyncio.Semaphore) -> ClientConnection:
    """Open a session that pauses."""
    async with limit:
        socket = await _connect(port)
        await _begin(socket)
        await socket.send(json.dumps(PAUSE))
    return socket


async def _stop(socket: ClientConnection, limit: asyncio.Semaphore) -> bool:
    """Complete a session, and return whether the service completed it too."""
    async with limit:
        await socket.send(json.dumps(STOP))
        last = (await received(socket))[-1]
    return bool(last["type"] == "closed" and last["reason"] == "stopped")
