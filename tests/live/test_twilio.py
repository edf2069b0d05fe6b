"""Media Streams of Twilio, Telnyx and Plivo: dialects, calls, and hostile messages."""

import asyncio
import json
from pathlib import Path
from typing import Any

import httpx2
import pytest

from app.live.connection import InvalidMessage
from app.live.messages import Start
from app.live.protocols.media_streams import MediaStreams
from testing.live_client import STOP, Message, exchange, serving, talk, telephone, timeline
from testing.media_streams import (
    CONNECTED,
    END,
    PLIVO,
    TELNYX,
    TWILIO,
    audio_of,
    media,
    messages_of,
    translate,
)
from testing.service import Service


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
