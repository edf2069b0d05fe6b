"""Media Streams of Twilio, Telnyx and Plivo: late, repeated and missing audio, and hostile messages."""

import asyncio
import base64
import json
from pathlib import Path
from typing import Any

import httpx2
import numpy as np
import pytest

from app.live.connection import InvalidMessage
from app.live.encoding import SILENCE
from app.live.messages import Start, Stop, WarningMessage
from app.live.protocols.media_streams import REACH, MediaStreams
from testing.live_client import STOP, Message, exchange, serving, talk, telephone, timeline
from testing.service import Service

CONNECTED = {"event": "connected", "protocol": "Call", "version": "1.0.0"}
TWILIO: Message = {
    "event": "start",
    "sequenceNumber": "1",
    "start": {
        "accountSid": "ACXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXX",
        "streamSid": "MZXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXX",
        "callSid": "CAXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXX",
        "tracks": ["inbound", "outbound"],
        "mediaFormat": {"encoding": "audio/x-mulaw", "sampleRate": 8000, "channels": 1},
        "customParameters": {"FirstName": "Jane", "key": "secret", "analyze": "0,1"},
    },
    "streamSid": "MZXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXX",
}
TELNYX: Message = {
    "event": "start",
    "sequence_number": "1",
    "stream_id": "32DE0DEA-53CB-4B21-89A4-9E1819C043BC",
    "start": {
        "user_id": "3E6F995F-85F7-4705-9741-53B116D28237",
        "call_control_id": "v2:T02llQxIyaRkhfRKxgAP8nY511EhFLizdvdUKJiSw8d6A9BborherQ",
        "client_state": "aGF2ZSBhIG5pY2UgZGF5ID1d",
        "custom_parameters": {"key": "secret", "tracks": "both"},
        "media_format": {"encoding": "PCMA", "sample_rate": 8000, "channels": 1},
    },
}
PLIVO: Message = {
    "event": "start",
    "sequenceNumber": 1,
    "start": {
        "callId": "12345678-1234-1234-1234-123456789abc",
        "streamId": "87654321-4321-4321-4321-cba987654321",
        "accountId": "MAXXXXXXXXXXXXXXXXXX",
        "tracks": ["inbound"],
        "mediaFormat": {"encoding": "audio/x-l16", "sampleRate": 16000},
    },
    "extra_headers": "key=secret;interim_interval=3",
}
DTMF = {"event": "dtmf", "sequenceNumber": "5", "dtmf": {"track": "inbound_track", "digit": "1"}}
END = {"event": "stop", "sequenceNumber": "99999", "stop": {"callSid": "CAXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXX"}}


def media(number: int, track: str, milliseconds: int, data: bytes) -> Message:
    """Return a message as Twilio sends it."""
    return {
        "event": "media",
        "sequenceNumber": str(number),
        "media": {
            "track": track,
            "chunk": "1",
            "timestamp": str(milliseconds),
            "payload": base64.b64encode(data).decode(),
        },
    }


def messages_of(raw: bytes, random: np.random.Generator | None = None) -> list[Message]:
    """Cut interleaved samples into messages of 20 ms, or of 1 to 50 ms, in the order of their time."""
    pieces = []
    for channel, track in enumerate(("inbound", "outbound")):
        data, start = raw[channel::2], 0
        while start < len(data):
            size = 160 if random is None else 8 * int(random.integers(1, 51))
            pieces.append((start // 8, track, data[start : start + size]))
            start += size
    pieces.sort(key=lambda piece: piece[0])
    return [media(number, track, time, data) for number, (time, track, data) in enumerate(pieces, 2)]


def translate(*frames: Message, protocol: MediaStreams | None = None) -> list[Any]:
    """Return everything that an adapter makes of messages."""
    protocol = protocol or MediaStreams("twilio")
    return [item for frame in frames for item in protocol.read(json.dumps(frame))]


def audio_of(items: list[Any]) -> bytes:
    return b"".join(item for item in items if isinstance(item, bytes))


def random_call(seed: int) -> tuple[np.random.Generator, bytes]:
    random = np.random.default_rng(seed)
    return random, random.bytes(2 * 8 * 2_000)  # 2 s


@pytest.mark.parametrize("seed", range(10))
def test_reordered_and_repeated_messages_give_the_same_samples(seed: int) -> None:
    random, raw = random_call(seed)
    sent = messages_of(raw, random)
    order = np.argsort(np.arange(len(sent)) + random.uniform(0, 2 * REACH, len(sent)))
    order = np.insert(order, random.integers(0, len(sent), 5), random.choice(order, 5))
    protocol = MediaStreams("twilio")
    items = translate(CONNECTED, TWILIO, *(sent[i] for i in order), END, protocol=protocol)
    assert audio_of(items) == raw
    assert isinstance(items[-1], Stop)
    assert not [item for item in items if isinstance(item, WarningMessage)]
    assert protocol.n_reordered > 10
    assert protocol.n_dropped == 5


@pytest.mark.parametrize("seed", range(5))
def test_silence_takes_the_place_of_missing_messages(seed: int) -> None:
    random, raw = random_call(seed)
    sent = messages_of(raw, random)
    lost = set(random.choice(np.arange(1, len(sent) - 10), 8, replace=False).tolist())
    expected = bytearray(raw)
    for i in lost:
        one = sent[i]["media"]
        channel = 0 if one["track"] == "inbound" else 1
        start, size = int(one["timestamp"]) * 8, len(base64.b64decode(one["payload"]))
        expected[2 * start + channel : 2 * (start + size) : 2] = SILENCE["mulaw"] * size
    items = translate(TWILIO, *(one for i, one in enumerate(sent) if i not in lost), END)
    assert audio_of(items) == bytes(expected)
    assert [item.code for item in items if isinstance(item, WarningMessage)] == ["audio-missing"]


def test_a_message_that_comes_too_late_is_dropped() -> None:
    _, raw = random_call(0)
    sent = messages_of(raw)
    protocol = MediaStreams("twilio")
    late = [*sent[:10], *sent[11:60], sent[10], *sent[60:]]
    assert len(audio_of(translate(TWILIO, *late, END, protocol=protocol))) == len(raw)
    assert protocol.n_dropped == 1


def test_messages_without_audio_keep_the_order() -> None:
    one, two = media(2, "inbound", 0, b"a" * 160), media(4, "inbound", 20, b"b" * 160)
    mark = {"event": "mark", "sequenceNumber": "3", "mark": {"name": "label"}}
    start = {**TWILIO, "start": {**TWILIO["start"], "tracks": ["inbound"]}}
    items = translate(start, one, mark, two, DTMF, {"event": "unknown"})
    assert items[1:] == [b"a" * 160, b"b" * 160]


def test_silence_takes_the_place_of_a_track_that_lags_until_it_arrives() -> None:
    sent = [media(number, "inbound", 20 * number, b"a" * 160) for number in range(2, 102)]  # 2 s
    late = media(102, "outbound", 2_040, b"b" * 160)
    too_late = media(103, "outbound", 2_060, b"c" * 160)
    items = translate(TWILIO, *sent, late, too_late, END)
    audio = audio_of(items)
    assert audio[::2] == b"a" * 16_000 + SILENCE["mulaw"] * 320
    assert audio[1::2] == SILENCE["mulaw"] * 16_000 + b"b" * 160 + b"c" * 160


def test_audio_that_comes_after_its_silence_is_dropped_and_counted() -> None:
    protocol = MediaStreams("twilio")
    ahead = [media(number, "inbound", 20 * (number - 2), b"a" * 160) for number in range(2, 102)]  # 2 s
    behind = [media(102 + i, "outbound", 20 * i, bytes([i]) * 160) for i in range(100)]
    audio = audio_of(translate(TWILIO, *ahead, protocol=protocol))
    assert len(audio) == 2 * 12_000
    audio += audio_of(translate(*behind, END, protocol=protocol))
    assert audio[::2] == b"a" * 16_000
    assert audio[1::2] == SILENCE["mulaw"] * 12_000 + b"".join(bytes([i]) * 160 for i in range(75, 100))
    assert protocol.n_dropped == 75


def test_the_time_of_the_day_with_jitter_gives_no_gaps() -> None:
    random, raw = random_call(1)
    start = {**PLIVO, "start": {**PLIVO["start"], "mediaFormat": TWILIO["start"]["mediaFormat"]}}
    now = 1_705_312_200_000
    sent = [
        media(2 + i, "inbound", now + 20 * i + int(random.integers(0, 40)), raw[160 * i : 160 * (i + 1)])
        for i in range(100)
    ]
    assert audio_of(translate(start, *sent, END)) == raw[:16_000]


def test_the_only_track_keeps_its_channel() -> None:
    start = {**TWILIO, "start": {**TWILIO["start"], "tracks": ["outbound"]}}
    items = translate(start, media(2, "outbound", 0, b"ab"), END)
    assert (items[0].channels, items[0].roles) == (2, ["customer", "agent"])
    assert audio_of(items) == b"\xffa\xffb"


def test_the_start_of_each_dialect() -> None:
    twilio, telnyx, plivo = MediaStreams("twilio"), MediaStreams("telnyx"), MediaStreams("plivo")
    [one], [two], [three] = (
        translate(start, protocol=protocol)
        for protocol, start in ((twilio, TWILIO), (telnyx, TELNYX), (plivo, PLIVO))
    )
    assert {twilio.key, telnyx.key, plivo.key} == {"secret"}
    assert one == Start(
        type="start",
        encoding="mulaw",
        sampling_rate=8000,
        channels=2,
        roles=["customer", "agent"],
        analyze=[0, 1],
        interim_interval=None,
        reference="CAXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXX",
    )
    assert (two.encoding, two.channels, two.reference[:5]) == ("alaw", 2, "v2:T0")
    assert (three.encoding, three.sampling_rate, three.channels, three.interim_interval) == (
        ("linear16", 16_000, 1, 3)
    )
    [four] = translate({**PLIVO, "extra_headers": "{X-PH-model: a, X-PH-roles: b}"})
    assert (four.model, four.roles) == ("a", ["b"])


def test_l16_of_either_byte_order() -> None:
    form = {"encoding": "L16", "sample_rate": 16_000}
    for order, expected in (("little", b"\x01\x02"), ("big", b"\x02\x01")):
        parameters = {"byte_order": order}
        start = {**TELNYX, "start": {"media_format": form, "custom_parameters": parameters}}
        assert audio_of(translate(start, media(2, "inbound", 0, b"\x01\x02"))) == expected


HOSTILE: list[tuple[list[Any], str]] = [
    (["{"], "JSON"),
    (["[" * 100_000], "JSON"),
    (["[]"], "other"),
    (['{"event": 1}'], "event"),
    ([b"\x00"], "binary"),
    ([media(2, "inbound", 0, b"")], "before"),
    ([TWILIO, TWILIO], "twice"),
    ([{**TWILIO, "start": {}}], "mediaFormat"),
    ([{**TWILIO, "start": {"mediaFormat": {"encoding": "audio/opus", "sampleRate": 8000}}}], "opus"),
    ([{**TWILIO, "start": {"mediaFormat": {"encoding": "PCMU", "sampleRate": 10**30}}}], "sampling_rate"),
    ([{**TWILIO, "start": {**TWILIO["start"], "tracks": []}}], "tracks"),
    ([{**TWILIO, "start": {**TWILIO["start"], "customParameters": {"analyze": "x"}}}], "analyze"),
    ([{**TWILIO, "start": {**TWILIO["start"], "customParameters": {"interim_interval": "0"}}}], "interim"),
    ([{**TWILIO, "start": {**TWILIO["start"], "callSid": "A" * 129}}], "reference"),
    ([TWILIO, {"event": "media"}], "media"),
    ([TWILIO, media(-1, "inbound", 0, b"a")], "sequenceNumber"),
    ([TWILIO, media(2, "inbound", -1, b"a")], "timestamp"),
    ([TWILIO, media(2, "inbound", 10**30, b"a")], "timestamp"),
    ([TWILIO, media(2, "side", 0, b"a")], "track"),
    ([TWILIO, media(2, "inbound", 0, b"a"), media(3, "inbound", 30_001, b"a")], "30 s"),
    ([TWILIO, media(2, "inbound", 0, b"a"), media(3, "outbound", 2**53, b"a")], "30 s"),
    ([TWILIO, media(2, "inbound", 0, b"a" * 100_000)], "payload"),
    ([PLIVO, media(2, "inbound", 0, b"a")], "incomplete"),
    ([PLIVO, media(2, "outbound", 0, b"ab")], "announce"),
    (
        [TWILIO, {"event": "media", "sequenceNumber": 2, "media": {"timestamp": 0, "payload": "YWJj!"}}],
        "Base64",
    ),
    ([TWILIO, {"event": "media", "sequenceNumber": 2, "media": {"timestamp": 0, "payload": "ä"}}], "Base64"),
]


@pytest.mark.parametrize(("frames", "detail"), HOSTILE)
def test_a_hostile_message_is_invalid(frames: list[Any], detail: str) -> None:
    protocol = MediaStreams("twilio")
    *before, last = [frame if isinstance(frame, str | bytes) else json.dumps(frame) for frame in frames]
    for frame in before:
        protocol.read(frame)
    with pytest.raises(InvalidMessage, match=detail) as error:
        protocol.read(last)
    assert len(str(error.value)) < 1_000


def test_hostile_calls_end_with_the_code_of_the_problem(service: Service) -> None:
    async def scenario() -> list[tuple[list[Message], int | None]]:
        calls = (exchange(service, frames, "/v1/live/twilio") for frames, _ in HOSTILE)
        return [await call for call in calls]

    assert asyncio.run(scenario()) == [([], 4422)] * len(HOSTILE)
    assert "Traceback" not in service.log


@pytest.mark.parametrize(
    ("path", "start"),
    [
        ("/v1/live/twilio", TWILIO),
        ("/v1/live/plivo", {**PLIVO, "start": TWILIO["start"], "extra_headers": "{}"}),
    ],
)
def test_a_call_has_the_timeline_of_its_recording(service: Service, path: str, start: Message) -> None:
    wav, raw = telephone()
    expected = timeline(service, wav, "?roles=customer,agent")
    assert min(len(channel["segments"]) for channel in expected["channels"]) > 1
    call = [CONNECTED, start, *messages_of(raw), END]
    start_message, *items, _ = translate(*call)
    native, _ = talk(service, start_message.model_dump(), *items, STOP)
    assert native[-2]["timeline"] == expected

    before = n_segments(service)
    assert asyncio.run(exchange(service, call, path)) == ([], 1000)
    assert n_segments(service) - before == sum(len(channel["segments"]) for channel in expected["channels"])


def n_segments(service: Service) -> float:
    """Return the number of segments that live sessions have had."""
    lines = httpx2.get(f"{service.url}/metrics").text.splitlines()
    return sum(float(line.split()[1]) for line in lines if line.startswith("ser_live_segment_seconds_count"))


def test_the_key_is_a_parameter_or_a_header_of_telnyx(folder: Path) -> None:
    sha256 = "2bb80d537b1da3e38bd30361aa855686bde0eacd7162fef6a25fe97bf527a25b"  # of "secret"
    wrong = {**TWILIO, "start": {**TWILIO["start"], "customParameters": {"key": "wrong"}}}
    nothing = {**TELNYX, "start": {**TELNYX["start"], "custom_parameters": {}}}
    header = {"x-telnyx-streaming-auth-token": "secret"}
    with serving(folder, SER_API_KEYS=f"caller:{sha256}") as service:

        async def close_codes() -> list[int | None]:
            return [
                (await exchange(service, [start, END], f"/v1/live/{name}", headers))[1]
                for name, start, headers in (
                    ("twilio", TWILIO, None),
                    ("twilio", wrong, None),
                    ("telnyx", nothing, None),
                    ("telnyx", nothing, header),
                    ("telnyx", TELNYX, {"x-telnyx-streaming-auth-token": "wrong"}),
                )
            ]

        assert asyncio.run(close_codes()) == [1000, 4401, 4401, 1000, 4401]
