"""Frames of WebSockets: small, empty, fragmented, large and compressed ones carry the audio."""

import asyncio
import json

import pytest
from websockets.asyncio.client import ClientConnection, connect

from testing.live_client import START, STOP, address, encoded, timeline
from testing.service import Service


@pytest.mark.parametrize("compression", [None, "deflate"])
def test_every_kind_of_frame_carries_the_audio(service: Service, compression: str | None) -> None:
    """Small, empty, fragmented and large frames, with pings between them."""
    wav, raw = encoded()
    small, fragmented = raw[:5_000], raw[5_000:11_000]

    async def send(socket: ClientConnection) -> None:
        for start in range(0, len(small), 500):
            await socket.send(small[start : start + 500])
        await socket.send(b"")
        await (await socket.ping())
        await socket.send([fragmented[start : start + 1_000] for start in range(0, len(fragmented), 1_000)])
        await socket.send(raw[11_000:13_000])
        await socket.send(raw[13_000:90_000])
        for start in range(90_000, len(raw), 800):
            await socket.send(raw[start : start + 800])

    async def talk() -> list[dict[str, object]]:
        async with connect(address(service), compression=compression) as socket:
            await socket.send(json.dumps(START))
            await send(socket)
            await socket.send(json.dumps(STOP))
            return [json.loads(message) async for message in socket]

    messages = asyncio.run(talk())
    assert messages[-2]["type"] == "summary"
    assert messages[-2]["timeline"] == timeline(service, wav)
