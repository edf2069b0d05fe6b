"""The live endpoint under load, attack and failure."""

import asyncio
import json
import os
import signal
import time
from collections import Counter
from contextlib import AsyncExitStack, suppress
from pathlib import Path

import httpx2
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from testing.live_client import (
    START,
    STOP,
    Message,
    address,
    encoded,
    exchange,
    received,
    serving,
    talk,
    timeline,
)
from testing.service import Service, descendants, holds_recognizer


def test_the_number_of_sessions_is_limited(service: Service) -> None:
    async def scenario() -> tuple[list[Message], int | None]:
        async with AsyncExitStack() as stack:
            for _ in range(3):
                socket = await stack.enter_async_context(connect(address(service)))
                await socket.send(json.dumps(START))
                assert json.loads(await socket.recv())["type"] == "ready"
            assert 'ser_live_sessions{protocol="native"} 3.0' in httpx2.get(f"{service.url}/metrics").text
            return await exchange(service, [START])

    messages, code = asyncio.run(scenario())
    assert (messages[-1]["problem"]["code"], code) == ("sessions-full", 4503)
    while "ser_live_sessions{" in httpx2.get(f"{service.url}/metrics").text:
        time.sleep(0.05)  # a session ends soon after its client has closed the connection
    assert talk(service, START, STOP)[1] == 1000


def test_a_key_with_too_many_sessions_is_refused_and_the_service_goes_on(folder: Path) -> None:
    with serving(folder, SER_LIVE_SESSIONS_PER_KEY="3") as service:

        async def scenario() -> list[str]:
            async with AsyncExitStack() as stack:
                sockets = [await stack.enter_async_context(connect(address(service))) for _ in range(50)]
                for socket in sockets:
                    await socket.send(json.dumps(START))
                answers = [json.loads(await socket.recv()) for socket in sockets]
                return [one["problem"]["code"] if one["type"] == "error" else one["type"] for one in answers]

        assert Counter(asyncio.run(scenario())) == {"ready": 3, "sessions-full": 47}
        assert httpx2.get(f"{service.url}/health/ready").status_code == httpx2.codes.OK
        assert "Traceback" not in service.log


def test_a_stop_of_the_service_completes_the_sessions_at_once_and_refuses_others(folder: Path) -> None:
    _, raw = encoded()
    with serving(folder, SER_SHUTDOWN_DELAY="60") as service:

        async def scenario() -> tuple[list[Message], int | None]:
            async with connect(address(service)) as socket:
                await socket.send(json.dumps(START))
                await socket.send(raw)
                while json.loads(await socket.recv())["type"] != "segment":
                    pass
                service.process.terminate()
                return await received(socket), socket.close_code

        messages, code = asyncio.run(scenario())
        (refused,), code_of_refused = asyncio.run(exchange(service, [START]))
        service.process.terminate()  # a second signal ends the delay
        assert service.end() == 0
    assert (messages[-1]["type"], messages[-1]["reason"]) == ("closed", "going-away")
    assert messages[-2]["type"] == "summary"
    assert code == 1012
    assert (refused["problem"]["code"], code_of_refused) == ("not-ready", 4503)


def test_the_death_of_workers_ends_no_session_and_repeats_no_segment(folder: Path) -> None:
    wav, raw = encoded()
    with serving(folder, SER_WORKERS="2") as service:
        expected = timeline(service, wav)

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
                await socket.send(json.dumps(STOP))
                return await received(socket)

        async def scenario() -> tuple[int, list[list[Message]]]:
            killing = asyncio.create_task(kill_workers())
            sessions = await asyncio.gather(*(slowly() for _ in range(20)))
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
                for _ in range(10_000):
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
        attack = asyncio.create_task(hostile())
        messages, _ = await exchange(service, [START, raw, STOP])
        await attack
        return messages

    messages = asyncio.run(scenario())
    assert [one["type"] for one in messages[-2:]] == ["summary", "closed"]
    assert "Traceback" not in service.log
