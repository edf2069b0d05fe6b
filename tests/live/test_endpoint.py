import asyncio
import io
import json
import os
import signal
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx2
import pytest
import soundfile
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from app.core.audio import decode
from testing import bundles
from testing.recordings import call
from testing.service import Service, descendants, holds_recognizer, running

Message = dict[str, Any]

START = {"type": "start", "encoding": "mulaw", "sampling_rate": 16_000, "channels": 2}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return bundles.write(tmp_path_factory.mktemp("models"), inputs=("log_mel",), adapts=True)


@pytest.fixture(scope="module")
def service(folder: Path) -> Iterator[Service]:
    with running(
        SER_MODELS_DIR=str(folder.parent),
        SER_DEFAULT_MODEL=folder.name,
        SER_WORKERS="1",
        SER_JOBS="false",
        SER_LIVE_MAX_SPEED="1000",
        SER_LIVE_SESSIONS="2",
        SER_LIVE_IDLE_SECONDS="5",
        SER_MAX_CALL_SECONDS="60",
    ) as service:
        yield service


def encoded() -> tuple[bytes, bytes]:
    """Return a call of two channels as a mu-law WAV file, and its samples as a stream sends them."""
    signal = decode(call(4))
    wav, raw = io.BytesIO(), io.BytesIO()
    for file, kind in ((wav, "WAV"), (raw, "RAW")):
        soundfile.write(file, signal.samples.T, signal.sampling_rate, "ULAW", format=kind)
    return wav.getvalue(), raw.getvalue()


def address(service: Service) -> str:
    return f"ws://127.0.0.1:{service.port}/v1/audio/live"


async def exchange(
    service: Service, frames: Sequence[Message | bytes | str]
) -> tuple[list[Message], int | None]:
    """Send frames, and return all messages of the service and the close code."""
    async with connect(address(service)) as socket:
        with suppress(ConnectionClosed):
            for frame in frames:
                await socket.send(frame if isinstance(frame, bytes | str) else json.dumps(frame))
        messages = await received(socket)
    return messages, socket.close_code


async def received(socket: ClientConnection) -> list[Message]:
    """Return all messages until the service closes the connection."""
    messages: list[Message] = []
    with suppress(ConnectionClosed):
        while True:
            messages.append(json.loads(await socket.recv()))
    return messages


def talk(service: Service, *frames: Message | bytes | str) -> tuple[list[Message], int | None]:
    return asyncio.run(exchange(service, frames))


def test_the_summary_of_a_stream_is_the_answer_for_its_recording(service: Service) -> None:
    wav, raw = encoded()
    expected = httpx2.post(
        f"{service.url}/v1/audio/timeline", content=wav, headers={"Content-Type": "audio/wav"}, timeout=60
    ).json()
    pieces = [raw[start : start + 3_333] for start in range(0, len(raw), 3_333)]
    messages, code = talk(service, START, *pieces, {"type": "stop"})
    assert code == 1000
    ready, *events, summary, closed = messages
    assert (ready["type"], ready["channels"], ready["max_seconds"]) == ("ready", [0, 1], 60)
    assert summary["timeline"] == expected
    assert closed == {"type": "closed", "reason": "stopped"}
    for channel in expected["channels"]:
        found = [
            (one["start"], one["end"])
            for one in events
            if one["type"] == "segment" and one["channel"] == channel["channel"]
        ]
        assert found == [(one["start"], one["end"]) for one in channel["segments"]]
        assert len(found) > 1
    assert {event["type"] for event in events} >= {"speech_started", "segment"}


def test_an_interim_answer_comes_before_its_segment(service: Service) -> None:
    """The recording contains 3 s of speech. Sent slowly, each second of speech gets an answer."""
    _, raw = encoded()

    async def scenario() -> list[Message]:
        async with connect(address(service)) as socket:
            await socket.send(json.dumps({**START, "interim_interval": 0.5}))
            for start in range(0, len(raw), 3_200):  # 0.1 s
                await socket.send(raw[start : start + 3_200])
                await asyncio.sleep(0.05)
            await socket.send(json.dumps({"type": "stop"}))
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
    plain, _ = talk(service, START, raw, {"type": "stop"})
    paused, _ = talk(
        service,
        START,
        raw[:half],
        {"type": "pause"},
        raw[:1000],
        {"type": "resume"},
        raw[half:],
        {"type": "stop"},
    )
    assert paused[-2] == plain[-2]


@pytest.mark.parametrize(
    ("frames", "code", "close_code"),
    [
        ([b"\x00" * 100], "invalid-message", 4422),
        (["{"], "invalid-message", 4422),
        (['{"type": "unknown"}'], "invalid-message", 4422),
        ([{"type": "stop"}], "invalid-message", 4422),
        ([{**START, "encoding": "opus"}], "invalid-message", 4422),
        ([{**START, "sampling_rate": 1}], "invalid-message", 4422),
        ([{**START, "channels": 99}], "invalid-message", 4422),
        ([START, START], "invalid-message", 4422),
        ([{**START, "analyze": [2]}], "channel-not-found", 4422),
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


def test_the_number_of_sessions_is_limited(service: Service) -> None:
    async def scenario() -> tuple[list[Message], int | None]:
        async with connect(address(service)) as one, connect(address(service)) as two:
            for socket in (one, two):
                await socket.send(json.dumps(START))
                assert json.loads(await socket.recv())["type"] == "ready"
            assert "ser_live_sessions 2.0" in httpx2.get(f"{service.url}/metrics").text
            return await exchange(service, [START])

    messages, code = asyncio.run(scenario())
    assert (messages[-1]["problem"]["code"], code) == ("sessions-full", 4503)
    assert talk(service, START, {"type": "stop"})[1] == 1000


def test_a_key_is_required_if_the_service_has_keys(folder: Path) -> None:
    sha256 = "2bb80d537b1da3e38bd30361aa855686bde0eacd7162fef6a25fe97bf527a25b"  # of "secret"
    with running(
        SER_MODELS_DIR=str(folder.parent),
        SER_DEFAULT_MODEL=folder.name,
        SER_WORKERS="1",
        SER_JOBS="false",
        SER_API_KEYS=f"caller:{sha256}",
    ) as service:

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


def test_a_stop_of_the_service_completes_the_sessions(folder: Path) -> None:
    _, raw = encoded()
    with running(
        SER_MODELS_DIR=str(folder.parent),
        SER_DEFAULT_MODEL=folder.name,
        SER_WORKERS="1",
        SER_JOBS="false",
        SER_LIVE_MAX_SPEED="1000",
    ) as service:

        async def scenario() -> tuple[list[Message], int | None]:
            async with connect(address(service)) as socket:
                await socket.send(json.dumps(START))
                await socket.send(raw)
                while json.loads(await socket.recv())["type"] != "segment":
                    pass
                service.process.terminate()
                return await received(socket), socket.close_code

        messages, code = asyncio.run(scenario())
        assert service.end() == 0
    assert messages[-1] == {"type": "closed", "reason": "going-away"}
    assert messages[-2]["type"] == "summary"
    assert code == 1012


def test_the_death_of_workers_ends_no_session_and_repeats_no_segment(folder: Path) -> None:
    wav, raw = encoded()
    with running(
        SER_MODELS_DIR=str(folder.parent),
        SER_DEFAULT_MODEL=folder.name,
        SER_WORKERS="2",
        SER_JOBS="false",
        SER_LIVE_MAX_SPEED="1000",
    ) as service:
        expected = httpx2.post(
            f"{service.url}/v1/audio/timeline",
            content=wav,
            headers={"Content-Type": "audio/wav"},
            timeout=60,
        ).json()

        async def kill_workers() -> int:
            killed = 0
            for _ in range(8):
                await asyncio.sleep(0.3)
                for pid in filter(holds_recognizer, descendants(service.process.pid)):
                    os.kill(pid, signal.SIGKILL)
                    killed += 1
                    break
            return killed

        async def slowly() -> list[Message]:
            async with connect(address(service)) as socket:
                await socket.send(json.dumps(START))
                for start in range(0, len(raw), 16_000):
                    await socket.send(raw[start : start + 16_000])
                    await asyncio.sleep(0.1)
                await socket.send(json.dumps({"type": "stop"}))
                return await received(socket)

        async def scenario() -> tuple[int, list[list[Message]]]:
            killing = asyncio.create_task(kill_workers())
            sessions = await asyncio.gather(*(slowly() for _ in range(8)))
            return await killing, sessions

        killed, sessions = asyncio.run(scenario())
    assert killed > 2
    for messages in sessions:
        assert messages[-2]["timeline"] == expected, messages[-1]
        segments = [(one["channel"], one["start"]) for one in messages if one["type"] == "segment"]
        assert sorted(segments) == sorted(
            (channel["channel"], segment["start"])
            for channel in expected["channels"]
            for segment in channel["segments"]
        )


def test_hostile_clients_harm_no_other_session(service: Service) -> None:
    _, raw = encoded()

    async def hostile() -> None:
        async with connect(address(service)) as socket:
            await socket.send(json.dumps(START))
            with suppress(ConnectionClosed):
                for _ in range(5_000):
                    await socket.send(b"\x00")
                await socket.send(b"\x00" * 2_000_000)
            await received(socket)
        assert socket.close_code == 1009

    async def half_open() -> None:
        socket = await connect(address(service))
        await socket.send(json.dumps(START))
        socket.transport.abort()

    async def scenario() -> list[Message]:
        await half_open()
        await asyncio.sleep(0.5)  # the service notices the end of the connection
        attack = asyncio.create_task(hostile())
        messages, _ = await exchange(service, [START, raw, {"type": "stop"}])
        await attack
        return messages

    messages = asyncio.run(scenario())
    assert [one["type"] for one in messages[-2:]] == ["summary", "closed"]
    assert "Traceback" not in service.log
