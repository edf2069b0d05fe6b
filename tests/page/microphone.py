"""A microphone that repeats a recording, and a live endpoint that a test controls."""

import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
from playwright.sync_api import Page, WebSocketRoute

from testing.recordings import EXAMPLE, encode
from tests.page import calls

Message = dict[str, Any]

KEEP_STREAMS = """(() => {
    window.streams = [];
    const media = navigator.mediaDevices;
    const open = media.getUserMedia.bind(media);
    media.getUserMedia = async (wanted) => {
        const stream = await open(wanted);
        window.streams.push(stream);
        return stream;
    };
})()"""
"""A script for a new page, which keeps the streams of the microphone in `window.streams`."""

TRACKS = "() => window.streams.flatMap((stream) => stream.getTracks().map((track) => track.readyState))"
"""The state of each track of the microphone."""


def write(file: Path) -> Path:
    """Write the sound of the microphone: the example, and a pause of 1 s."""
    example, rate = soundfile.read(io.BytesIO(EXAMPLE.read_bytes()), dtype="float32")
    file.write_bytes(encode(np.concatenate([example, np.zeros(rate, np.float32)]), rate))
    return file


def spoken(kind: str, start: float, end: float, emotion: str) -> Message:
    """Return a message about a segment."""
    probabilities = {label: 0.6 if label == emotion else 0.1 for label in calls.LABELS}
    segment = {"start": start, "end": end, "emotion": emotion, "probabilities": probabilities}
    return {"type": kind, "sequence": 1, "channel": 0, "segments_used": 1, **segment}


def summary() -> Message:
    """Return the summary of a call of one channel."""
    answer = calls.answer()
    return {
        "type": "summary",
        "timeline": {**answer, "channels": answer["channels"][:1], "turning_points": []},
    }


class FakeEndpoint:
    """A live endpoint in the place of that of the service.

    Attributes:
        connections: the connections of the page.
        messages: the text messages of the page.
        n_bytes: the number of bytes of audio.
        on_start: called with a connection after its message `start` or `reconnect`.
    """

    def __init__(self, page: Page) -> None:
        """Take the place of the endpoint for a page."""
        self.connections: list[WebSocketRoute] = []
        self.messages: list[Message] = []
        self.n_bytes = 0
        self.max_seconds = 3600.0
        self.reconnect_seconds = 30.0
        self.on_start = self.make_ready
        page.route_web_socket("**/v1/audio/live", self._accept)

    def make_ready(self, connection: WebSocketRoute) -> None:
        """Send `ready`, with a field that the page does not know."""
        ready = {"type": "ready", "session": "1", "model": "multilingual", "channels": [0]}
        limits = {"max_seconds": self.max_seconds, "reconnect_seconds": self.reconnect_seconds}
        self.send({**ready, "limits": limits, "offset": 0, "unknown": True}, to=connection)

    def refuse(self, *messages: Message, code: int) -> None:
        """From now on, answer `start` or `reconnect` with these messages, and close the connection."""

        def answer(connection: WebSocketRoute) -> None:
            self.send(*messages, to=connection)
            connection.close(code=code)

        self.on_start = answer

    def send(self, *messages: Message, to: WebSocketRoute | None = None) -> None:
        """Send messages on a connection; None: on the last one."""
        for message in messages:
            (to or self.connections[-1]).send(json.dumps(message))

    def end(self, reason: str = "stopped") -> None:
        """Send the summary, and close the last connection."""
        self.send(summary(), {"type": "closed", "reason": reason})
        self.connections[-1].close(code=1000 if reason == "stopped" else 1012)

    def _accept(self, connection: WebSocketRoute) -> None:
        self.connections.append(connection)
        connection.on_message(lambda message: self._receive(connection, message))

    def _receive(self, connection: WebSocketRoute, message: str | bytes) -> None:
        if isinstance(message, bytes):
            self.n_bytes += len(message)
            return
        self.messages.append(json.loads(message))
        if self.messages[-1]["type"] in {"start", "reconnect"}:
            self.on_start(connection)
        if self.messages[-1]["type"] == "stop":
            self.end()


def problem(status: int, title: str) -> Message:
    """Return the message of an error."""
    document = {"type": "/problems/sessions-full", "title": title, "status": status, "detail": "The detail."}
    return {"type": "error", "problem": document}
