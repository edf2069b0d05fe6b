"""AudioHook of Genesys Cloud: messages, sessions, and hostile clients."""

import asyncio
import json
from collections.abc import Iterator

import pytest
from websockets.asyncio.client import connect

from app.live.connection import InvalidMessage
from app.live.encoding import SILENCE
from app.live.messages import Pause, Resume, Start, WarningMessage
from app.live.protocols.audiohook import MAX_ENTITY, NOBODY, AudioHook
from app.live.protocols.protocol import Reply
from testing.audiohook import OPEN, PATH, SESSION, STEREO, Client
from testing.live_client import Message, address, received, telephone, timeline
from testing.service import Service


@pytest.fixture
def client() -> Client:
    return Client()


@pytest.fixture
def protocol(client: Client) -> AudioHook:
    """A protocol with an open session."""
    protocol = AudioHook()
    protocol.read(client("open", **OPEN))
    return protocol


def test_open_starts_a_session(client: Client) -> None:
    assert list(AudioHook().read(client("open", **OPEN))) == [
        Start(
            type="start",
            encoding="mulaw",
            sampling_rate=8000,
            channels=2,
            roles=["customer", "agent"],
            interim_interval=1,
            reference="090eaa2f-72fa-480a-83e0-8667ff89c0ec",
        )
    ]


def test_a_ping_gets_a_pong(client: Client, protocol: AudioHook) -> None:
    [reply] = protocol.read(client("ping", rtt="PT0.034S"))
    assert isinstance(reply, Reply)
    assert json.loads(reply.text) == {
        "version": "2",
        "id": SESSION,
        "type": "pong",
        "seq": 1,
        "clientseq": 2,
        "parameters": {},
    }


def test_a_pause_and_ignored_messages(client: Client, protocol: AudioHook) -> None:
    kinds = ("paused", "resumed", "update", "error", "dtmf")
    items = [list(protocol.read(client(kind, start="PT1S", discarded="PT1S"))) for kind in kinds]
    assert items == [[Pause(type="pause")], [Resume(type="resume")], [], [], []]
    assert list(protocol.read(b"ab")) == [b"ab"]


@pytest.mark.parametrize(("duration", "seconds"), [("PT0.5S", 0.5), ("PT2S", 2), ("PT999999999S", 30)])
def test_silence_takes_the_place_of_discarded_audio(
    client: Client, protocol: AudioHook, duration: str, seconds: float
) -> None:
    first = protocol.read(client("discarded", start="PT0S", discarded=duration))
    second = protocol.read(client("discarded", start="PT0S", discarded=duration))
    silence = SILENCE["mulaw"] * int(seconds * 16_000)
    assert isinstance(first[0], WarningMessage)
    assert [*first[1:], *second] == [silence, silence]


def test_a_probe_opens_no_session(client: Client) -> None:
    protocol = AudioHook()
    frames = [
        client("open", **{**OPEN, "conversationId": NOBODY}),
        client("ping"),
        client("close", reason="end"),
    ]
    replies = [item for frame in frames for item in protocol.read(frame)]
    assert [json.loads(reply.text)["type"] for reply in replies if isinstance(reply, Reply)] == [
        "opened",
        "pong",
        "closed",
    ]
    assert len(replies) == 3


def test_only_an_entity_that_fits_into_a_message_is_sent(protocol: AudioHook) -> None:
    fits = WarningMessage(code="too-fast", detail="x" * 100)
    [event] = protocol.write(fits)
    assert json.loads(event)["parameters"]["entities"] == [
        {"type": "speech-emotion.warning", "data": fits.model_dump()}
    ]
    assert protocol.write(WarningMessage(code="too-fast", detail="x" * MAX_ENTITY)) == []


def hostile() -> Iterator[tuple[list[str | bytes], str]]:
    """Yield hostile frames, and a part of the message of the error."""
    yield ["{"], "JSON"
    yield ["[" * 100_000], "JSON"
    yield ["[]"], "valid"
    yield [b"\0\0"], "no session"
    yield [json.dumps({**json.loads(Client()("ping")), "version": "3"})], "version"
    yield [json.dumps({**json.loads(Client()("ping")), "seq": 5})], "seq"
    yield [json.dumps({**json.loads(Client()("ping")), "seq": 10**30})], "seq"
    yield [Client()("open")], "conversationId"
    yield [Client()("open", **{**OPEN, "media": []})], "media"
    yield [Client()("open", **{**OPEN, "media": [{**STEREO, "format": "OPUS"}]})], "media"
    yield [Client()("open", **{**OPEN, "media": [{**STEREO, "channels": ["internal"]}]})], "media"
    yield [Client()("open", **{**OPEN, "customConfig": {"interim_interval": "x"}})], "interim"
    client = Client()
    yield [client("open", **OPEN), client("open", **OPEN)], "twice"
    client = Client()
    yield [client("open", **OPEN), client("ping").replace(SESSION, "x")], "another session"
    for duration in ("PT-1S", "PT1e9S", "P1D", "PT٣S", "PT" + "9" * 20 + "S"):
        client = Client()
        yield [client("open", **OPEN), client("discarded", discarded=duration)], "discarded"


@pytest.mark.parametrize(("frames", "detail"), list(hostile()))
def test_a_hostile_message_is_invalid(frames: list[str | bytes], detail: str) -> None:
    protocol = AudioHook()
    for frame in frames[:-1]:
        protocol.read(frame)
    with pytest.raises(InvalidMessage, match=detail):
        protocol.read(frames[-1])


def test_a_session_that_the_service_ends_is_closed_by_the_client(service: Service) -> None:
    client = Client()

    async def scenario() -> list[Message]:
        async with connect(address(service, PATH)) as socket:
            await socket.send(client("open", **OPEN))
            await socket.send(client("open", **OPEN))
            opened, disconnect = [json.loads(await socket.recv()) for _ in range(2)]
            await socket.send(bytes(1_600))  # audio was on its way
            await socket.send(client("close", reason="disconnect"))
            return [opened, disconnect, *await received(socket)]

    assert [message["type"] for message in asyncio.run(scenario())] == ["opened", "disconnect", "closed"]


def test_hostile_sessions_are_disconnected(service: Service) -> None:
    # The service waits a second for the `close` that these clients do not send, so they come together.
    slots = asyncio.Semaphore(3)

    async def is_disconnected(frames: list[str | bytes]) -> None:
        async with slots, connect(address(service, PATH)) as socket:
            for frame in frames:
                await socket.send(frame)
            *_, last = await received(socket)
        assert (last["type"], last["parameters"]["reason"], socket.close_code) == (
            ("disconnect", "error", 4422)
        )

    async def scenario() -> None:
        await asyncio.gather(*(is_disconnected(frames) for frames, _ in hostile()))

    asyncio.run(scenario())
    assert "Traceback" not in service.log


async def session(service: Service, raw: bytes, headers: dict[str, str] | None = None) -> list[Message]:
    """Hold a session as Genesys Cloud does, and return the messages of the service."""
    client = Client()
    async with connect(address(service, PATH), additional_headers=headers) as socket:
        await socket.send(client("open", **OPEN))
        opened = json.loads(await socket.recv())
        assert (opened["type"], opened["parameters"]) == ("opened", {"media": [STEREO], "startPaused": False})
        for start in range(0, len(raw), 3_200):  # 0.2 s
            await socket.send(raw[start : start + 3_200])
            if start == 16_000:
                await socket.send(client("ping"))
                await socket.send(client("paused"))
                await socket.send(client("resumed", start="PT1S", discarded="PT3S"))
        await socket.send(client("close", reason="end"))
        messages = await received(socket)
        assert socket.close_code == 1000
    return [opened, *messages]


def test_a_call_has_the_timeline_of_its_recording(service: Service) -> None:
    wav, raw = telephone()
    expected = timeline(service, wav, "?roles=customer,agent")
    messages = asyncio.run(session(service, raw))
    assert [message["seq"] for message in messages] == list(range(1, len(messages) + 1))
    assert {message["id"] for message in messages} == {SESSION}
    assert "pong" in {message["type"] for message in messages}
    assert messages[-1]["type"] == "closed"
    entities = [message["parameters"]["entities"][0] for message in messages if message["type"] == "event"]
    assert entities[-1]["type"] == "speech-emotion.summary"
    assert entities[-1]["data"]["timeline"] == expected
    segments = [one["data"] for one in entities if one["type"] == "speech-emotion.segment"]
    assert len(segments) == sum(len(channel["segments"]) for channel in expected["channels"])
    assert {segment["role"] for segment in segments} == {"customer", "agent"}
