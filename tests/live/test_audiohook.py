"""Genesys Cloud AudioHook."""

import asyncio
import base64
import hashlib
import hmac
import json
import re
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from app.api.message_signature import SignatureVerifier
from app.api.security import Unauthenticated
from app.live.connection import InvalidMessage
from app.live.encoding import SILENCE
from app.live.messages import Pause, Resume, Start, WarningMessage
from app.live.protocols.audiohook import MAX_ENTITY, NOBODY, AudioHook
from app.live.protocols.protocol import Reply
from testing.live_client import Message, address, received, serving, telephone, timeline
from testing.service import Service

PATH = "/v1/live/audiohook"
SESSION = "30b0e395-84d3-4570-ac13-9a62d8f514c0"
KEY = "SGVsbG8sIEkgYW0gdGhlIEFQSSBrZXkh"
SECRET = "TXlTdXBlclNlY3JldEtleVRlbGxOby0xITJAMyM0JDU="  # noqa: S105  # of the documentation
EXAMPLE = {
    "host": "audiohook.example.com",
    "audiohook-organization-id": "d7934305-0972-4844-938e-9060eef73d05",
    "audiohook-session-id": SESSION,
    "audiohook-correlation-id": "e160e428-53e2-487c-977d-96989bf5c99d",
    "x-api-key": KEY,
    "signature": "sig1=:NZBwyBHRRyRoeLqy1IzOa9VYBuI8TgMFt2GRDkDuJh4=:",
    "signature-input": 'sig1=("@request-target" "@authority" "audiohook-organization-id" '
    f'"audiohook-session-id" "audiohook-correlation-id" "x-api-key");keyid="{KEY}";'
    'nonce="VGhpc0lzQVVuaXF1ZU5vbmNl";alg="hmac-sha256";created=1641013200;expires=3282026430',
}
"""The signed request of the documentation of AudioHook."""
TARGET = "/api/v1/voicebiometrics/ws"
CREATED = 1_641_013_200
STEREO = {"type": "audio", "format": "PCMU", "channels": ["external", "internal"], "rate": 8000}
OPEN = {
    "organizationId": "d7934305-0972-4844-938e-9060eef73d05",
    "conversationId": "090eaa2f-72fa-480a-83e0-8667ff89c0ec",
    "participant": {
        "id": "883efee8-3d6c-4537-b500-6d7ca4b92fa0",
        "ani": "+1-555-555-1234",
        "aniName": "John Doe",
        "dnis": "+1-800-555-6789",
    },
    "media": [
        {**STEREO, "format": "L16"},
        STEREO,
        {**STEREO, "channels": ["external"]},
        {**STEREO, "channels": ["internal"]},
    ],
    "language": "en-US",
    "customConfig": {"model": None, "interim_interval": 1},
}


class Client:
    """The messages of a client, numbered."""

    def __init__(self) -> None:
        self.seq = 0

    def __call__(self, kind: str, **parameters: object) -> str:
        self.seq += 1
        return json.dumps(
            {
                "version": "2",
                "id": SESSION,
                "type": kind,
                "seq": self.seq,
                "serverseq": 0,
                "position": "PT0S",
                "parameters": parameters,
            }
        )


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
    async def scenario() -> None:
        for frames, _ in hostile():
            async with connect(address(service, PATH)) as socket:
                for frame in frames:
                    await socket.send(frame)
                *_, last = await received(socket)
            assert (last["type"], last["parameters"]["reason"], socket.close_code) == (
                ("disconnect", "error", 4422)
            )

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


def signed(headers: dict[str, str], target: str, changes: dict[str, str]) -> dict[str, str]:
    """Sign a request as Genesys Cloud does, after changes of the parameters of the signature."""
    parameters = EXAMPLE["signature-input"].removeprefix("sig1=")
    for before, after in changes.items():
        assert before in parameters
        parameters = parameters.replace(before, after)
    values = {"@request-target": target, "@authority": headers["host"]}
    names = re.findall(r'"(@?[a-z-]+)"', parameters.partition(")")[0])
    lines = [f'"{name}": {values.get(name) or headers[name]}' for name in names]
    base = "\n".join([*lines, f'"@signature-params": {parameters}'])
    signature = base64.b64encode(
        hmac.digest(base64.b64decode(SECRET), base.encode(), hashlib.sha256)
    ).decode()
    return {**headers, "signature-input": f"sig1={parameters}", "signature": f"sig1=:{signature}:"}


def check(headers: dict[str, str], target: str = TARGET, now: float = CREATED) -> None:
    SignatureVerifier(base64.b64decode(SECRET)).verify(headers, target, now)


def test_the_signature_of_the_documentation_is_valid() -> None:
    for now in (CREATED - 3, CREATED, CREATED + 13):
        check(EXAMPLE, now=now)
    assert signed(EXAMPLE, TARGET, {}) == EXAMPLE


@pytest.mark.parametrize(
    ("name", "before", "after"),
    [
        *(
            (name, value[0], "x")
            for name, value in EXAMPLE.items()
            if name not in {"signature", "signature-input"}
        ),
        ("signature", "NZ", "NY"),
        ("signature", "NZ", "é"),
        ("signature", "sig1", "sig2"),
        ("signature", EXAMPLE["signature"], ""),
        ("signature-input", EXAMPLE["signature-input"], ""),
        ("signature-input", ' "x-api-key"', ""),
        ("signature-input", "VGhp", "xxxx"),
        ("signature-input", "hmac-sha256", "hmac-sha512"),
        ("signature-input", f"created={CREATED}", f"created={CREATED + 1}"),
        ("signature-input", f"created={CREATED}", 'created="x"'),
        ("signature-input", f"created={CREATED};", ""),
        ("signature-input", "expires=3282026430", f"expires={CREATED - 60}"),
        ("signature-input", ";created", ";other;created"),
    ],
)
def test_a_changed_request_is_refused(name: str, before: str, after: str) -> None:
    assert before in EXAMPLE[name]
    with pytest.raises(Unauthenticated):
        check({**EXAMPLE, name: EXAMPLE[name].replace(before, after, 1)})


@pytest.mark.parametrize(
    ("before", "after", "detail"),
    [
        (' "x-api-key"', "", "does not cover x-api-key"),
        (f'keyid="{KEY}"', 'keyid="other"', "another API key"),
        ("hmac-sha256", "hmac-sha512", "hmac-sha256"),
        ("expires=3282026430", f"expires={CREATED - 60}", "too old"),
        (f"created={CREATED};", "", "too old"),
    ],
)
def test_a_signature_of_too_little_is_refused(before: str, after: str, detail: str) -> None:
    with pytest.raises(Unauthenticated, match=detail):
        check(signed(EXAMPLE, TARGET, {before: after}))


@pytest.mark.parametrize("now", [CREATED - 4, CREATED + 14])
def test_a_signature_of_another_time_is_refused(now: float) -> None:
    with pytest.raises(Unauthenticated, match="clock"):
        check(EXAMPLE, now=now)


def test_a_signature_is_accepted_once() -> None:
    verifier = SignatureVerifier(base64.b64decode(SECRET))
    verifier.verify(EXAMPLE, TARGET, CREATED - 3)
    for seconds in range(1, 50):
        created = {str(CREATED): str(CREATED + seconds)}
        verifier.verify(signed(EXAMPLE, TARGET, created), TARGET, CREATED + seconds)
        with pytest.raises(Unauthenticated, match=r"before|clock"):
            verifier.verify(EXAMPLE, TARGET, CREATED + seconds)


def test_a_signature_of_another_address_is_refused() -> None:
    with pytest.raises(Unauthenticated, match="wrong"):
        check(EXAMPLE, target="/other")


async def first_answer(service: Service, headers: dict[str, str]) -> Message:
    """Probe the connection, and return the first message of the service."""
    probe = Client()("open", **{**OPEN, "conversationId": NOBODY})
    headers = {name: value for name, value in headers.items() if name != "host"}
    async with connect(address(service, f"{PATH}?a=b"), additional_headers=headers) as socket:
        with suppress(ConnectionClosed):  # a refused request
            await socket.send(probe)
        answer: Message = json.loads(await socket.recv())
        return answer


def test_a_service_with_a_secret_refuses_unsigned_requests(folder: Path) -> None:
    sha256 = hashlib.sha256(KEY.encode()).hexdigest()
    with serving(folder, SER_API_KEYS=f"caller:{sha256}", SER_AUDIOHOOK_SECRET=SECRET) as service:
        unsigned = {name: EXAMPLE[name] for name in EXAMPLE if "signature" not in name}
        unsigned["host"] = f"127.0.0.1:{service.port}"
        right = signed(unsigned, f"{PATH}?a=b", {str(CREATED): str(int(time.time()))})
        wrong = [unsigned, {**right, "x-api-key": "wrong"}, {**right, "signature": "sig1=:QQ==:"}]

        async def scenario() -> list[Message]:
            return [await first_answer(service, headers) for headers in (right, *wrong, right)]

        opened, *refused = asyncio.run(scenario())
    assert opened["type"] == "opened"
    assert [(one["type"], one["parameters"]["reason"], one["id"]) for one in refused] == [
        ("disconnect", "unauthorized", SESSION)
    ] * 4


def test_a_probe_needs_a_key(folder: Path) -> None:
    with serving(folder, SER_API_KEYS=f"caller:{hashlib.sha256(KEY.encode()).hexdigest()}") as service:
        answers = [asyncio.run(first_answer(service, headers)) for headers in ({"X-API-KEY": KEY}, {})]
    assert [answer["type"] for answer in answers] == ["opened", "disconnect"]
