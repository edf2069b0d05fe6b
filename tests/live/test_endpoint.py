"""The protocol of the live endpoint."""

import asyncio
import json
from contextlib import suppress
from pathlib import Path

import httpx2
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed
from websockets.typing import Origin, Subprotocol

from testing.live_client import START, STOP, Message, address, encoded, received, serving, talk, timeline
from testing.service import Service


def test_the_summary_of_a_stream_is_the_answer_for_its_recording(service: Service) -> None:
    wav, raw = encoded()
    expected = timeline(service, wav)
    pieces = [raw[start : start + 3_333] for start in range(0, len(raw), 3_333)]
    messages, code = talk(service, START, *pieces, STOP)
    assert code == 1000
    ready, *events, summary, closed = messages
    assert (ready["type"], ready["channels"], ready["limits"]["max_seconds"]) == ("ready", [0, 1], 60)
    assert summary["timeline"] == expected
    assert closed == {"type": "closed", "reason": "stopped", "sequence": len(messages) - 1}
    for channel in expected["channels"]:
        found = [
            (one["start"], one["end"])
            for one in events
            if one["type"] == "segment" and one["channel"] == channel["channel"]
        ]
        assert found == [(one["start"], one["end"]) for one in channel["segments"]]
        assert len(found) > 1
    assert {event["type"] for event in events} >= {"speech_started", "segment"}


def test_an_undecided_segment_has_no_emotion(service: Service) -> None:
    wav, raw = encoded()
    messages, _ = talk(service, {**START, "min_confidence": 1.0}, raw, STOP)
    assert messages[-2]["timeline"] == timeline(service, wav, "?min_confidence=1")
    assert {one["emotion"] for one in messages if one["type"] in {"segment", "interim"}} == {None}
    assert messages[-2]["timeline"]["channels"][0]["summary"]["undecided"] == 1.0


def test_an_interim_answer_comes_before_its_segment(service: Service) -> None:
    """The recording contains 3 s of speech. Sent slowly, each second of speech gets an answer."""
    _, raw = encoded()

    async def scenario() -> list[Message]:
        async with connect(address(service)) as socket:
            await socket.send(json.dumps({**START, "interim_interval": 0.5}))
            for start in range(0, len(raw), 3_200):  # 0.1 s
                await socket.send(raw[start : start + 3_200])
                await asyncio.sleep(0.05)
            await socket.send(json.dumps(STOP))
            return await received(socket)

    events = [one for one in asyncio.run(scenario()) if one["type"] in {"interim", "segment"}]
    complete: set[tuple[int, float]] = set()
    n_interim = 0
    for event in events:
        if event["type"] == "segment":
            complete.add((event["channel"], event["start"]))
        else:
            n_interim += 1
            assert (event["channel"], event["start"]) not in complete
            assert sum(event["probabilities"].values()) == pytest.approx(1)
    assert n_interim > len(complete) > 1


def test_the_time_of_a_stream_stops_during_a_pause(service: Service) -> None:
    _, raw = encoded()
    half = len(raw) // 4 * 2
    plain, _ = talk(service, START, raw, STOP)
    paused, _ = talk(
        service,
        START,
        raw[:half],
        {"type": "pause"},
        raw[:1000],
        {"type": "resume"},
        raw[half:],
        STOP,
    )
    assert paused[-2]["timeline"] == plain[-2]["timeline"]


@pytest.mark.parametrize(
    ("frames", "code", "close_code"),
    [
        ([b"\x00" * 100], "invalid-message", 4422),
        (["{"], "invalid-message", 4422),
        (['{"type": "unknown"}'], "invalid-message", 4422),
        ([STOP], "invalid-message", 4422),
        ([{**START, "encoding": "opus"}], "invalid-message", 4422),
        ([{**START, "sampling_rate": 1}], "invalid-message", 4422),
        ([{**START, "channels": 99}], "invalid-message", 4422),
        ([{**START, "min_confidence": 1.5}], "invalid-message", 4422),
        ([START, START], "invalid-message", 4422),
        ([{**START, "analyze": [2]}], "channel-not-found", 4422),
        ([{**START, "roles": ["agent"]}], "roles-mismatch", 4422),
        ([{**START, "model": "unknown"}], "model-not-found", 4404),
        ([START, *[b"\xff" * 320_000] * 7], "audio-too-long", 4413),
        ([START], "session-idle", 4408),
    ],
)
def test_each_error_gives_a_problem_document_and_a_close_code(
    service: Service, frames: list[Message | bytes | str], code: str, close_code: int
) -> None:
    messages, closed_with = talk(service, *frames)
    assert (messages[-1]["type"], messages[-1]["problem"]["code"], closed_with) == ("error", code, close_code)
    assert httpx2.get(f"{service.url}/health/ready").status_code == httpx2.codes.OK


def test_a_key_is_required_if_the_service_has_keys(folder: Path) -> None:
    sha256 = "2bb80d537b1da3e38bd30361aa855686bde0eacd7162fef6a25fe97bf527a25b"  # of "secret"
    with serving(folder, SER_API_KEYS=f"caller:{sha256}") as service:

        async def scenario() -> tuple[Message, Message]:
            async with connect(address(service)) as socket:
                refused = json.loads(await socket.recv())
            headers = {"Authorization": "Bearer secret"}
            async with connect(address(service), additional_headers=headers) as socket:
                await socket.send(json.dumps(START))
                return refused, json.loads(await socket.recv())

        refused, ready = asyncio.run(scenario())
        assert refused["problem"]["code"] == "unauthenticated"
        assert ready["type"] == "ready"

        async def as_a_page(key: str) -> tuple[Message, str | None]:
            subprotocols = [Subprotocol(name) for name in ("ser.live", f"ser.key.{key}")]
            async with connect(address(service), subprotocols=subprotocols) as socket:
                with suppress(ConnectionClosed):  # if the service refused before
                    await socket.send(json.dumps(START))
                return json.loads(await socket.recv()), socket.subprotocol

        message, subprotocol = asyncio.run(as_a_page("c2VjcmV0"))  # "secret"
        assert (message["type"], subprotocol) == ("ready", "ser.live")
        for key in ("c2VjcmVU", "!", ""):
            message, subprotocol = asyncio.run(as_a_page(key))
            assert (message["problem"]["code"], subprotocol) == ("unauthenticated", "ser.live")
        assert "c2VjcmV0" not in service.log


def test_a_page_of_another_site_is_refused(service: Service) -> None:
    async def scenario(origin: str) -> Message:
        async with connect(address(service), origin=Origin(origin)) as socket:
            with suppress(ConnectionClosed):  # if the service refused before
                await socket.send(json.dumps(START))
            answer: Message = json.loads(await socket.recv())
            return answer

    refused = asyncio.run(scenario("https://example.com"))
    assert refused["problem"]["code"] == "origin-refused"
    assert asyncio.run(scenario(service.url))["type"] == "ready"
