"""The protocol of Twilio Media Streams, and of its dialects by Telnyx and Plivo.

The platforms expect no answer, so that the results of a session go elsewhere.
"""

import base64
import binascii
from collections.abc import Iterable, Sequence

import numpy as np
from pydantic import ValidationError

from app.live.connection import InvalidMessage
from app.live.messages import ErrorMessage, JournalMessage, Ready, Start, Stop, WarningMessage
from app.live.protocols.media_messages import (
    ENCODINGS,
    MESSAGE,
    Media,
    MediaMessage,
    StartMessage,
    Track,
)
from app.live.protocols.options import AGENT, CUSTOMER, Options
from app.live.protocols.parsing import invalid, parse
from app.live.protocols.sequence import SequenceBuffer
from app.live.protocols.tracks import Tracks

REACH = 10
"""The number of messages of each track that may wait for an earlier one: 0.2 s, since a message of these
platforms has 20 ms of audio."""

_CHANNELS: dict[Track, int] = {"inbound": 0, "outbound": 1}
"""The channel of a track, also in a stream of the outbound track alone. So SER_CHANNELS permits the same
party in every call."""


class MediaStreams:
    """Media Streams of one platform, with the attributes and methods of `LiveProtocol`.

    Example:
        >>> MediaStreams("twilio").read('{"event": "connected", "protocol": "Call", "version": "1.0.0"}')
        []
    """

    reconnects = False
    awaits_close = False

    def __init__(self, name: str) -> None:
        """Start before the first message.

        Args:
            name: the name of the platform in metrics and logs. The messages tell their dialect by themselves.
        """
        self.name = name
        self.key: str | None = None
        self.n_reordered = 0
        self.n_dropped = 0
        self._stream: _Stream | None = None

    def read(self, frame: str | bytes) -> Sequence[Start | Stop | WarningMessage | bytes]:
        """Translate a frame of the client."""
        if isinstance(frame, bytes):
            raise InvalidMessage("A binary frame arrived. In this protocol, audio is part of messages.")
        message = parse(MESSAGE, frame)
        if isinstance(message, StartMessage):
            return [self._start(message)]
        if self._stream is None:
            if isinstance(message, MediaMessage):
                raise InvalidMessage("event: `media` came before `start`.")
            return []
        if message.event == "stop":
            return [*self._stream.finish(), Stop(type="stop")]
        if message.number is None:
            return []
        media = message.media if isinstance(message, MediaMessage) else None
        items = self._stream.add(message.number, media)
        self.n_reordered, self.n_dropped = self._stream.n_reordered, self._stream.n_dropped
        return items

    def write(self, message: Ready | JournalMessage | ErrorMessage) -> Sequence[str]:  # noqa: ARG002
        """Translate a message of the service: the platform expects none."""
        return []

    def _start(self, message: StartMessage) -> Start:
        """Translate the start of the stream."""
        if self._stream is not None:
            raise InvalidMessage("event: `start` came twice.")
        try:
            options = Options.model_validate(message.parameters)
        except ValidationError as error:
            raise invalid(error) from error
        form = message.start.format
        if form.encoding not in ENCODINGS:
            raise InvalidMessage(f"encoding: {form.encoding[:40]} is not one of {', '.join(ENCODINGS)}.")
        tracks = message.start.tracks or options.named_tracks
        roles = [CUSTOMER, AGENT] if "outbound" in tracks else [CUSTOMER]
        start = options.start(ENCODINGS[form.encoding], form.sampling_rate, roles, message.start.reference)
        self.key = options.key
        self._stream = _Stream(start, message.number, is_big_endian=options.byte_order == "big")
        return start


class _Stream:
    """The audio of a stream.

    Attributes:
        n_reordered: the number of messages that arrived after a later one.
        n_dropped: the number of messages that arrived twice, or too late.
    """

    def __init__(self, start: Start, number: int | None, *, is_big_endian: bool) -> None:
        """Begin with the first message.

        Args:
            start: the format of the audio.
            number: the number of the first message, if it has one.
            is_big_endian: whether the samples of `linear16` are.
        """
        first = None if number is None else number + 1
        self._buffer = SequenceBuffer[Media | None](REACH * start.channels, first)
        self._tracks = Tracks(start.encoding, start.sampling_rate, start.channels)
        self._n_channels = start.channels
        self._sample_size = 2 if start.encoding == "linear16" else 1
        self._swaps = is_big_endian and start.encoding == "linear16"
        self._warned = False

    @property
    def n_reordered(self) -> int:
        return self._buffer.n_reordered

    @property
    def n_dropped(self) -> int:
        return self._buffer.n_dropped + self._tracks.n_dropped

    def add(self, number: int, media: Media | None) -> list[WarningMessage | bytes]:
        """Add a message, which need not have audio, and return the audio whose turn it is."""
        if media is not None and _CHANNELS[media.track] >= self._n_channels:
            raise InvalidMessage(
                f"media.track: `start` did not announce the track {media.track}. If the platform does not "
                "list its tracks there, set the parameter `tracks` to `both` or `outbound`."
            )
        warnings = self._align(self._buffer.add(number, media))
        audio = self._tracks.take()
        return [*warnings, audio] if audio else [*warnings]

    def finish(self) -> list[WarningMessage | bytes]:
        """Return the rest of the audio."""
        return [*self._align(self._buffer.drain()), self._tracks.finish()]

    def _align(self, items: Iterable[tuple[Media | None, bool]]) -> list[WarningMessage]:
        """Add messages to their tracks. The first silence in the place of audio gives a warning."""
        warnings: list[WarningMessage] = []
        for media, is_gap in items:
            if is_gap:
                self._tracks.lose()
            if media is None:
                continue
            is_filled = self._tracks.add(_CHANNELS[media.track], media.timestamp, self._decode(media.payload))
            if is_filled and not self._warned:
                self._warned = True
                detail = "Messages with audio are missing, so that silence is in their place."
                warnings.append(WarningMessage(code="audio-missing", detail=detail))
        return warnings

    def _decode(self, payload: str) -> bytes:
        """Return the samples of a payload."""
        try:
            data = base64.b64decode(payload, validate=True)
        except (binascii.Error, ValueError) as error:  # ValueError: not ASCII
            raise InvalidMessage("media.payload: not Base64.") from error
        if len(data) % self._sample_size:
            raise InvalidMessage("media.payload: the last sample is incomplete.")
        return np.frombuffer(data, "<i2").byteswap().tobytes() if self._swaps else data
