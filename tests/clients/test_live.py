"""Live sessions of both clients with the running service, and the state of a session."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import pytest

from speech_emotion_client import (
    AsyncClient,
    AudioLost,
    Client,
    Closed,
    ConnectionFailed,
    Event,
    InvalidRequest,
    NotFound,
    ProblemError,
    Retries,
    SegmentEnded,
    SpeechStarted,
    Summarized,
    Unauthenticated,
)
from speech_emotion_client.live_call import BURST_SECONDS, MAX_LOSSES, PIECE_SECONDS, LiveCall
from testing import local
from testing.live_client import encoded
from testing.service import Service, free_port
from tests.clients.conftest import KEY

FORMAT: dict[str, Any] = {"encoding": "mulaw", "sampling_rate": 16_000, "channels": 2}
"""The format of `encoded`."""
AUDIO = encoded()
Session = Any
Listen = Callable[..., list[Event]]


def pieces(size: int = 7_777) -> Iterator[bytes]:
    _, raw = AUDIO
    for start in range(0, len(raw), size):
        yield raw[start : start + size]


def listen(service: Service, on_event: Callable[[Session, Event], None] | None = None) -> list[Event]:
    """Feed a call to a session, and return its events."""
    events: list[Event] = []
    with Client(service.url, KEY) as client, client.live(**FORMAT, roles=["agent", "customer"]) as session:
        session.feed(pieces())
        for event in session:
            events.append(event)
            if on_event is not None:
                on_event(session, event)
    return events


def listen_async(service: Service, on_event: Callable[[Session, Event], None] | None = None) -> list[Event]:
    """Do as `listen` does."""

    async def run() -> list[Event]:
        events: list[Event] = []
        async with (
            AsyncClient(service.url, KEY) as client,
            client.live(**FORMAT, roles=["agent", "customer"]) as session,
        ):
            session.feed(pieces())
            async for event in session:
                events.append(event)
                if on_event is not None:
                    on_event(session, event)
        return events

    return asyncio.run(run())


both = pytest.mark.parametrize("hear", [listen, listen_async], ids=["sync", "async"])


@pytest.fixture(scope="module")
def timeline(service: Service) -> Any:
    """The answer for the recording of the call."""
    wav, _ = AUDIO
    headers = {"Authorization": f"Bearer {KEY}", "Content-Type": "audio/wav"}
    address = f"{service.url}/v1/audio/timeline?roles=agent,customer"
    return local.post(address, content=wav, headers=headers, timeout=60).json()


def check(events: list[Event], timeline: Any) -> None:
    """Check that no event and no sample is lost or repeated."""
    numbers = [event.sequence for event in events]
    assert numbers == sorted(set(numbers))
    summary, closed = events[-2:]
    assert isinstance(summary, Summarized)
    assert summary.timeline.raw == timeline
    assert isinstance(closed, Closed)
    assert closed.reason == "stopped"
    segments = [event for event in events if isinstance(event, SegmentEnded)]
    assert sorted((event.channel, event.start, event.role) for event in segments) == sorted(
        (channel["channel"], segment["start"], channel["role"])
        for channel in timeline["channels"]
        for segment in channel["segments"]
    )


@both
def test_a_session_has_the_timeline_of_the_recording(hear: Listen, service: Service, timeline: Any) -> None:
    events = hear(service)
    check(events, timeline)
    assert any(isinstance(event, SpeechStarted) for event in events)


@both
def test_a_session_survives_the_loss_of_its_connections(
    hear: Listen, service: Service, timeline: Any
) -> None:
    broken: list[Any] = []

    def break_connection(session: Session, event: Event) -> None:
        socket = session._socket
        # Events that arrived before the loss still come after it.
        if isinstance(event, SpeechStarted) and socket not in broken and len(broken) < 3:
            broken.append(socket)
            if hear is listen:
                socket.socket.shutdown(2)
            else:
                socket.transport.abort()

    check(hear(service, break_connection), timeline)
    assert len(broken) > 1


def test_audio_during_a_pause_does_not_count(service: Service) -> None:
    _, raw = AUDIO
    with Client(service.url, KEY) as client, client.live(**FORMAT) as session:
        session.send(raw)
        session.pause()
        session.send(raw)
        session.resume()
        session.send(raw[:32_000])
        session.stop()
        (summary,) = (event for event in session if isinstance(event, Summarized))
    assert summary.timeline.duration == (len(raw) + 32_000) / 2 / 16_000


def test_audio_during_a_pause_does_not_count_with_asyncio(service: Service) -> None:
    _, raw = AUDIO

    async def run() -> list[Event]:
        async with AsyncClient(service.url, KEY) as client, client.live(**FORMAT) as session:
            await session.pause()
            await session.send(raw)
            await session.resume()
            await session.send(raw[:32_000])
            await session.stop()
            return [event async for event in session if isinstance(event, Summarized)]

    (summary,) = asyncio.run(run())
    assert isinstance(summary, Summarized)
    assert summary.timeline.duration == 1


def test_an_error_of_the_source_ends_the_iteration(service: Service) -> None:
    def broken() -> Iterator[bytes]:
        yield b"\xff" * 10_000
        raise RuntimeError("the microphone is gone")

    async def broken_async() -> AsyncIterator[bytes]:
        for piece in broken():
            yield piece

    async def run() -> None:
        async with AsyncClient(service.url, KEY) as client, client.live(**FORMAT) as session:
            session.feed(broken_async())
            async for _ in session:
                pass

    with Client(service.url, KEY) as client, client.live(**FORMAT) as session:
        session.feed(broken())
        with pytest.raises(RuntimeError, match="microphone"):
            list(session)
    with pytest.raises(RuntimeError, match="microphone"):
        asyncio.run(run())


@pytest.mark.parametrize(
    ("key", "options", "kind"),
    [
        ("wrong", {}, Unauthenticated),
        (KEY, {"model": "none"}, NotFound),
        (KEY, {"min_confidence": 2}, InvalidRequest),
    ],
)
def test_a_refused_session_is_an_exception(
    service: Service, key: str, options: dict[str, Any], kind: type[ProblemError]
) -> None:
    async def run() -> None:
        async with AsyncClient(service.url, key, retries=once) as client, client.live(**FORMAT, **options):
            pass

    once = Retries(tries=1)  # the refusal itself arrives, also if it comes before the first message is sent
    with (
        Client(service.url, key, retries=once) as client,
        pytest.raises(kind),
        client.live(**FORMAT, **options),
    ):
        pass
    with pytest.raises(kind):
        asyncio.run(run())


def test_a_service_that_is_not_there_is_an_exception() -> None:
    url, retries = f"http://127.0.0.1:{free_port()}", Retries(tries=2, first_pause=0.0)

    async def run() -> None:
        async with AsyncClient(url, retries=retries) as client, client.live(**FORMAT):
            pass

    with Client(url, retries=retries) as client, pytest.raises(ConnectionFailed), client.live(**FORMAT):
        pass
    with pytest.raises(ConnectionFailed):
        asyncio.run(run())


LIMITS = {
    "max_seconds": 3600,
    "max_message_bytes": 10_000,
    "max_speed": 2.0,
    "idle_seconds": 30,
    "reconnect_seconds": 30,
}


def ready(offset: int = 0) -> str:
    """Return a message `ready`."""
    fields = {"session": "s", "model": "m", "channels": [0, 1], "offset": offset, "limits": LIMITS}
    return json.dumps({"type": "ready", **fields})


def call_at(now: list[float], **options: float) -> LiveCall:
    """Return a session that has begun. `now` holds the time."""
    call = LiveCall("https://host/base/", FORMAT, clock=lambda: now[0], **options)
    assert call.opened(ready()) == []
    return call


def test_audio_is_as_fast_as_the_service_permits() -> None:
    now = [100.0]
    call, second = call_at(now), bytes(32_000)

    def delays(audio: bytes) -> list[float]:
        found = []
        for delay, piece in call.pieces(audio):
            assert len(piece) <= min(PIECE_SECONDS * 32_000, LIMITS["max_message_bytes"])
            call.keep(piece)
            found.append(delay)
        return found

    assert set(delays(second * round(BURST_SECONDS))) == {0.0}
    assert delays(second)[-1] == 0.5, "one second more takes half a second at the double speed"
    now[0] += 10
    assert set(delays(second)) == {0.0}


def test_a_new_connection_gets_the_audio_that_did_not_arrive() -> None:
    call = call_at([0.0])
    for k in range(3):
        call.keep(bytes([k]) * 10)
    call.control("pause")
    assert list(call.pieces(b"\xff" * 10)) == [], "the service would not count it"
    assert call.dial.url.startswith("wss://host/base/v1/audio/live?call=")
    assert json.loads(call.dial.message) == {"type": "reconnect", "session": "s", "after": 0}
    frames = call.opened(ready(offset=8))  # two channels of one byte each
    assert frames == [b"\x01" * 4, b"\x02" * 10, '{"type": "pause"}']
    call.control("stop")
    assert call.opened(ready(offset=15)) == ['{"type": "stop"}']


def test_audio_that_is_not_kept_any_more_is_an_error() -> None:
    call = call_at([0.0], keep_seconds=1.0)
    for _ in range(12):
        call.keep(bytes(3_200))
    assert sum(map(len, call.opened(ready(offset=3_200)))) == 32_000
    with pytest.raises(AudioLost, match=r"0\.1 s"):
        call.opened(ready(offset=1_600))


def test_connections_without_an_event_are_lost_only_a_few_times() -> None:
    call = call_at([0.0])
    for _ in range(MAX_LOSSES):
        call.lost(None)
    with pytest.raises(ConnectionFailed, match="in a row"):
        call.lost(1006)
