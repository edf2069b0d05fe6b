"""The state of a live session, without I/O: what to send, what was received, and how to reconnect."""

import json
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

from speech_emotion_client.errors import AudioLost, ConnectionFailed, ProblemDocument, ProblemError
from speech_emotion_client.events import Closed, Event, Ready, event_of
from speech_emotion_client.parsing import parse
from speech_emotion_client.requests import load

SAMPLE_BYTES = {"linear16": 2, "mulaw": 1, "alaw": 1}
BURST_SECONDS = 1.0
"""The audio that may be sent at once. The service permits twice as much, so that jitter of the network is not
too fast."""
PIECE_SECONDS = 0.2
"""The longest message of audio. The service reads each connection as often."""
MAX_LOSSES = 5
"""The connections that may be lost in a row without an event between them."""
NORMAL = 1000
"""The close code of a complete stream."""


@dataclass(frozen=True, slots=True)
class Dial:
    """A step that opens a connection, sends its first message, and receives the first message of the service.

    Attributes:
        url: the address.
        message: the first message.
    """

    url: str
    message: str


class LiveCall:
    """The state of one session over all its connections."""

    def __init__(
        self,
        url: str,
        start: Mapping[str, Any],
        max_speed: float | None = None,
        keep_seconds: float = 60.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Describe a session that has not begun.

        Args:
            url: the address of the service, of HTTP.
            start: the fields of the message `start`.
            max_speed: the fastest audio, relative to real time; the limit of the service if None.
            keep_seconds: the audio to keep for a reconnection, in seconds.
            clock: a function that returns the time, in seconds.
        """
        # The name in the address lets a balancer send all connections of the session to the same replica.
        self._url = f"{url.rstrip('/').replace('http', 'ws', 1)}/v1/audio/live?call={uuid4().hex}"
        self._start = json.dumps({"type": "start", **start})
        self._frame_bytes = SAMPLE_BYTES[start["encoding"]] * int(start.get("channels", 1))
        self._byte_rate = self._frame_bytes * int(start["sampling_rate"])
        self._max_speed = max_speed
        self._keep_bytes = keep_seconds * self._byte_rate
        self._clock = clock
        self._kept: deque[bytes] = deque()
        self._begin = self._end = 0  # of the kept audio, in bytes from the start of the stream
        self._began: float | None = None
        self._received = 0
        self._losses = 0
        self._paused = self._stopped = False
        self.ready: Ready | None = None
        self.is_over = False

    @property
    def dial(self) -> Dial:
        """The step that opens the next connection."""
        if self.ready is None:
            return Dial(self._url, self._start)
        message = {"type": "reconnect", "session": self.ready.session, "after": self._received}
        return Dial(self._url, json.dumps(message))

    def opened(self, text: str) -> list[bytes | str]:
        """Receive the first message of a connection.

        Args:
            text: the message.

        Returns:
            The messages to send: the audio that the service lacks, and the state of the stream.

        Raises:
            ProblemError: the service refused the session.
            AudioLost: the service needs audio that is not kept any more.
        """
        event = self._read(text)
        if not isinstance(event, Ready):
            raise ConnectionFailed(f"The first message is {event.type}, and not ready.")
        self.ready, self.is_over = event, False
        frames: list[bytes | str] = list(self._from(event.offset * self._frame_bytes))
        frames += [_control("pause")] if self._paused else []
        frames += [_control("stop")] if self._stopped else []
        return frames

    def pieces(self, audio: bytes) -> Iterator[tuple[float, bytes]]:
        """Divide audio into messages. During a pause, there are none.

        Yields:
            The seconds to wait, so that the audio is not too fast, and a message. `keep` each message.
        """
        assert self.ready is not None
        size = min(round(PIECE_SECONDS * self._byte_rate), self.ready.limits.max_message_bytes)
        if self._paused:
            return
        for start in range(0, len(audio), size):
            piece = audio[start : start + size]
            yield self._delay(len(piece)), piece

    def _delay(self, n_bytes: int) -> float:
        assert self.ready is not None
        now = self._clock()
        self._began = now if self._began is None else self._began
        seconds = (self._end + n_bytes) / self._byte_rate - BURST_SECONDS
        speed = min(self._max_speed or self.ready.limits.max_speed, self.ready.limits.max_speed)
        return max(self._began + max(seconds, 0.0) / speed - now, 0.0)

    def keep(self, piece: bytes) -> None:
        """Keep a message of audio, which the next connection may need again."""
        self._kept.append(piece)
        self._end += len(piece)
        while self._end - self._begin - len(self._kept[0]) >= self._keep_bytes:
            self._begin += len(self._kept.popleft())

    def control(self, kind: str) -> str:
        """Return the message `pause`, `resume` or `stop`, and keep the state for the next connection."""
        self._paused = kind == "pause"
        self._stopped |= kind == "stop"
        return _control(kind)

    def received(self, text: str | bytes) -> Event:
        """Receive a message.

        Raises:
            ProblemError: the session failed.
        """
        event = self._read(text)
        self._losses = 0
        self._received = max(self._received, event.sequence)
        self.is_over |= isinstance(event, Closed)
        return event

    def lost(self, code: int | None) -> None:
        """Note that a connection ended. The session continues with another one unless `is_over` is true.

        Args:
            code: the close code; None if there is none.

        Raises:
            ConnectionFailed: too many connections were lost in a row.
        """
        self.is_over |= code == NORMAL
        self._losses += 1
        if self._losses > MAX_LOSSES:
            raise ConnectionFailed(f"The connection was lost {MAX_LOSSES} times in a row, without an event.")

    def _read(self, text: str | bytes) -> Event:
        message = load(text)
        if isinstance(message, dict) and message.get("type") == "error":
            self.is_over = True
            raise ProblemError.of(parse(ProblemDocument, message.get("problem"), "problem"))
        return event_of(message)

    def _from(self, offset: int) -> Iterator[bytes]:
        """Yield the kept audio from an offset in bytes."""
        if offset < self._begin:
            seconds = (self._begin - offset) / self._byte_rate
            raise AudioLost(
                f"The service lacks {seconds:.1f} s of audio that are not kept any more. Start a new "
                "session, or give a larger keep_seconds."
            )
        position = self._begin
        for piece in self._kept:
            if position + len(piece) > offset:
                yield piece[max(offset - position, 0) :]
            position += len(piece)


def _control(kind: str) -> str:
    return json.dumps({"type": kind})
