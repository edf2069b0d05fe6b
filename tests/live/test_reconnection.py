"""Reconnection: no message and no sample is lost or repeated."""

import asyncio
import json
from pathlib import Path

import numpy as np
import pytest
from websockets.asyncio.client import ClientConnection, connect

from testing.live_client import START, STOP, Message, address, encoded, received, serving, talk, timeline
from testing.service import Service

CHANNELS = 2
"""The bytes of a sample of all channels in `encoded`."""


async def begin(socket: ClientConnection, message: Message) -> Message:
    """Send the first message, and return `ready`."""
    await socket.send(json.dumps(message))
    ready: Message = json.loads(await socket.recv())
    assert ready["type"] == "ready", ready
    return ready


async def send_in_pieces(service: Service, raw: bytes, random: np.random.Generator) -> list[Message]:
    """Send a call; pause and lose the connection at random points. Return the messages of the session."""
    messages: list[Message] = []
    first: Message = START
    offset, lost = 0, 0
    while True:
        socket = await connect(address(service))
        ready = await begin(socket, first)
        assert ready["offset"] * CHANNELS <= offset
        offset = ready["offset"] * CHANNELS
        if lost == 5:
            await socket.send(raw[offset:])
            await socket.send(json.dumps(STOP))
            messages += await received(socket)
            assert socket.close_code == 1000
            return messages
        end = offset + int(random.integers(1, len(raw) // 4))
        while offset < end:
            size = int(random.integers(1, 5_000))
            await socket.send(raw[offset : min(offset + size, end)])
            offset = min(offset + size, end)
            if random.random() < 0.1:
                for frame in ('{"type": "pause"}', b"\x00" * 999, '{"type": "resume"}'):
                    await socket.send(frame)
        while random.random() < 0.5:
            try:
                async with asyncio.timeout(0.2):
                    messages.append(json.loads(await socket.recv()))
            except TimeoutError:
                break
        socket.transport.abort()
        lost += 1
        first = {
            "type": "reconnect",
            "session": ready["session"],
            "after": messages[-1]["sequence"] if messages else 0,
        }


@pytest.mark.parametrize("seed", range(4))
def test_a_lost_connection_loses_and_repeats_nothing(service: Service, seed: int) -> None:
    wav, raw = encoded()
    messages = asyncio.run(send_in_pieces(service, raw, np.random.default_rng(seed)))
    assert messages[-2]["timeline"] == timeline(service, wav)
    numbers = [message["sequence"] for message in messages]
    assert numbers == sorted(set(numbers))
    found = [(one["channel"], one["start"]) for one in messages if one["type"] == "segment"]
    assert sorted(found) == sorted(
        (channel["channel"], segment["start"])
        for channel in messages[-2]["timeline"]["channels"]
        for segment in channel["segments"]
    )


def test_a_new_connection_replaces_the_old_one(service: Service) -> None:
    _, raw = encoded()

    async def scenario() -> tuple[list[Message], int | None, list[Message]]:
        async with connect(address(service)) as old, connect(address(service)) as new:
            session = (await begin(old, START))["session"]
            await old.send(raw)
            while json.loads(await old.recv())["type"] != "segment":
                pass
            ready = await begin(new, {"type": "reconnect", "session": session})
            assert ready["offset"] == len(raw) // CHANNELS
            await new.send(json.dumps(STOP))
            return await received(old), old.close_code, await received(new)

    replaced, code, messages = asyncio.run(scenario())
    assert (replaced[-1]["problem"]["code"], code) == ("session-replaced", 4409)
    assert messages[0]["sequence"] == 1  # the client had received nothing on this connection
    assert [message["type"] for message in messages[-2:]] == ["summary", "closed"]


def test_a_client_that_missed_the_end_can_fetch_it(service: Service) -> None:
    _, raw = encoded()

    async def scenario() -> list[Message]:
        socket = await connect(address(service))
        session = (await begin(socket, START))["session"]
        await socket.send(raw)
        await socket.send(json.dumps(STOP))
        while json.loads(await socket.recv())["type"] != "summary":
            pass
        socket.transport.abort()
        async with connect(address(service)) as socket:
            await begin(socket, {"type": "reconnect", "session": session})
            return await received(socket)

    messages = asyncio.run(scenario())
    assert [message["sequence"] for message in messages] == sorted({one["sequence"] for one in messages})
    assert [message["type"] for message in messages[-2:]] == ["summary", "closed"]


def test_an_unknown_session_is_not_found(service: Service) -> None:
    messages, code = talk(service, {"type": "reconnect", "session": "unknown"})
    assert (messages[-1]["problem"]["code"], code) == ("session-not-found", 4404)


def test_a_session_of_another_key_is_not_found(folder: Path) -> None:
    keys = (
        "one:2bb80d537b1da3e38bd30361aa855686bde0eacd7162fef6a25fe97bf527a25b,"  # of "secret"
        "two:d74ff0ee8da3b9806b18c877dbf29bbde50b5bd8e4dad7a3a725000feb82e8f1"  # of "pass"
    )
    with serving(folder, SER_API_KEYS=keys) as service:

        async def scenario() -> Message:
            one, two = ({"Authorization": f"Bearer {key}"} for key in ("secret", "pass"))
            async with (
                connect(address(service), additional_headers=one) as owner,
                connect(address(service), additional_headers=two) as other,
            ):
                session = (await begin(owner, START))["session"]
                await other.send(json.dumps({"type": "reconnect", "session": session}))
                answer: Message = json.loads(await other.recv())
                return answer

        assert asyncio.run(scenario())["problem"]["code"] == "session-not-found"
