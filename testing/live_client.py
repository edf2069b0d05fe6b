"""A client of the live endpoint, and a service for it."""

import asyncio
import io
import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import soundfile
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed
from websockets.typing import Subprotocol

from app.core.audio import decode
from testing import local
from testing.recordings import call
from testing.service import Service, running

Message = dict[str, Any]

START = {"type": "start", "encoding": "mulaw", "sampling_rate": 16_000, "channels": 2}
"""The first message for the stream of `encoded`."""
STOP = {"type": "stop"}


@contextmanager
def serving(folder: Path, **environment: str) -> Iterator[Service]:
    """Start a service with one bundle and these settings, which receives audio faster than real time."""
    defaults = {"SER_WORKERS": "1", "SER_JOBS": "false", "SER_LIVE_MAX_SPEED": "1000"}
    bundle = {"SER_MODELS_DIR": str(folder.parent), "SER_DEFAULT_MODEL": folder.name}
    with running(**{**defaults, **bundle, **environment}) as service:
        yield service


def encoded() -> tuple[bytes, bytes]:
    """Return a call of two channels as a mu-law WAV file, and its samples as a stream sends them."""
    signal = decode(call(4))
    wav, raw = io.BytesIO(), io.BytesIO()
    for file, kind in ((wav, "WAV"), (raw, "RAW")):
        soundfile.write(file, signal.samples.T, signal.sampling_rate, "ULAW", format=kind)
    return wav.getvalue(), raw.getvalue()


def telephone(encoding: str = "ULAW") -> tuple[bytes, bytes]:
    """Return a call of two channels at 8 kHz as a WAV file, and its interleaved samples."""
    samples = decode(call(4)).samples[:, ::2].T
    wav, raw = io.BytesIO(), io.BytesIO()
    soundfile.write(wav, samples, 8_000, encoding, format="WAV")
    soundfile.write(raw, samples, 8_000, encoding, format="RAW", endian="LITTLE")
    return wav.getvalue(), raw.getvalue()


def address(service: Service, path: str = "/v1/audio/live") -> str:
    """Return the address of an endpoint."""
    return f"ws://127.0.0.1:{service.port}{path}"


async def exchange(
    service: Service,
    frames: Sequence[Message | bytes | str],
    path: str = "/v1/audio/live",
    headers: Mapping[str, str] | None = None,
    subprotocols: Sequence[Subprotocol] | None = None,
) -> tuple[list[Message], int | None]:
    """Send frames, and return all messages of the service and the close code."""
    async with connect(
        address(service, path), additional_headers=headers, subprotocols=subprotocols
    ) as socket:
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
    """Run `exchange`."""
    return asyncio.run(exchange(service, frames))


def timeline(service: Service, wav: bytes, query: str = "") -> Message:
    """Return the answer for a recording."""
    headers = {"Content-Type": "audio/wav"}
    answer: Message = local.post(
        f"{service.url}/v1/audio/timeline{query}", content=wav, headers=headers, timeout=60
    ).json()
    return answer
