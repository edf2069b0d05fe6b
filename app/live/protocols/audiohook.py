"""Genesys Cloud AudioHook, version 2 of its protocol.

It follows https://developer.genesys.cloud/devapps/audiohook and, where that leaves a question, the reference
implementation at https://github.com/purecloudlabs/audiohook-reference-implementation: samples of L16 are
little-endian, and the messages of each side are numbered without gaps.
"""

import json
import re
from collections.abc import Sequence
from http import HTTPStatus
from typing import Any, Literal

from pydantic import BaseModel, Field, TypeAdapter, ValidationError

from app.core.containers.headerless import Encoding
from app.live.connection import InvalidMessage
from app.live.encoding import SILENCE
from app.live.messages import (
    Closed,
    ErrorMessage,
    JournalMessage,
    Pause,
    Ready,
    Resume,
    Start,
    Stop,
    WarningMessage,
)
from app.live.protocols.options import AGENT, CUSTOMER, Options
from app.live.protocols.parsing import invalid, parse
from app.live.protocols.protocol import Reply
from app.live.protocols.tracks import MAX_GAP

NOBODY = "00000000-0000-0000-0000-000000000000"
"""The conversation of a connection probe, with which Genesys Cloud tests a new integration."""
ENTITY = "speech-emotion."
"""The beginning of the type of an entity. The type of its message follows, for example `segment`."""
MAX_ENTITY = 65_000
"""The longest entity, in characters: the reference implementation accepts frames of 65,535."""

SAMPLING_RATE = 8_000
_ENCODINGS: dict[str, Encoding] = {"PCMU": "mulaw", "L16": "linear16"}
_ROLES = {"external": CUSTOMER, "internal": AGENT}
_CHOICES = [
    (form, channels) for channels in (["external", "internal"], ["external"]) for form in ("PCMU", "L16")
]
"""The formats, the best first. The customer is always the first channel, so that SER_CHANNELS permits the
same party in every call."""
_DURATION = r"^PT[0-9]{1,9}(\.[0-9]{1,9})?S$"


class _Message(BaseModel):
    version: Literal["2"]
    id: str = Field(max_length=64)
    type: str
    seq: int
    parameters: dict[str, Any]


class _Media(BaseModel):
    type: str
    format: str
    channels: list[str]
    rate: int


class _Open(BaseModel):
    conversation: str = Field(validation_alias="conversationId")
    media: list[_Media]
    options: dict[str, Any] = Field(default={}, validation_alias="customConfig")


class _Discarded(BaseModel):
    discarded: str = Field(pattern=_DURATION)


_MESSAGE: TypeAdapter[_Message] = TypeAdapter(_Message)


class AudioHook:
    """The protocol of one session, with the attributes and methods of `LiveProtocol`."""

    name = "audiohook"
    reconnects = False
    n_reordered = 0
    n_dropped = 0

    def __init__(self, session_id: str | None = None) -> None:
        """Start before the first message.

        Args:
            session_id: the ID of the session, from the request that opens the connection; None if the first
                message tells it.
        """
        self.key: str | None = None
        self._id = session_id
        self._n_received = 0
        self._n_sent = 0
        self._state: Literal["new", "open", "probe", "closing", "disconnecting"] = "new"
        self._media: dict[str, Any] = {}
        self._second = b""
        """A second of silence."""
        self._warned = False

    @property
    def awaits_close(self) -> bool:
        """Whether the client still sends `close` after `disconnect`."""
        return self._state == "disconnecting"

    def read(
        self, frame: str | bytes
    ) -> Sequence[Start | Pause | Resume | Stop | WarningMessage | Reply | bytes]:
        """Translate a frame of the client."""
        if isinstance(frame, bytes):
            if self.awaits_close:
                return []
            if self._state != "open":
                raise InvalidMessage("Audio arrived, and no session is open.")
            return [frame]
        message = parse(_MESSAGE, frame)
        self._check(message)
        try:
            return self._answer(message)
        except ValidationError as error:
            raise invalid(error) from error

    def write(self, message: Ready | JournalMessage | ErrorMessage) -> Sequence[str]:
        """Translate a message of the service."""
        if isinstance(message, Ready):
            return [self._opened()]
        if isinstance(message, ErrorMessage):
            refused = message.problem.status in {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}
            return [self._disconnect("unauthorized" if refused else "error", message.problem.detail)]
        if isinstance(message, Closed):
            if self._state == "closing":
                return [self._message("closed", {})]
            return [self._disconnect("completed", f"The session has ended: {message.reason}.")]
        data = message.model_dump(mode="json")
        entity = {"type": ENTITY + data["type"], "data": data}
        if len(json.dumps(entity)) > MAX_ENTITY:  # the summary of a long call; its segments were sent
            return []
        return [self._message("event", {"entities": [entity]})]

    def _check(self, message: _Message) -> None:
        """Check the number and the session of a message."""
        if message.seq != self._n_received + 1:
            raise InvalidMessage(f"seq: {message.seq} does not follow {self._n_received}.")
        self._n_received = message.seq
        self._id = self._id or message.id
        if message.id != self._id:
            raise InvalidMessage("id: a message belongs to another session.")

    def _answer(
        self, message: _Message
    ) -> Sequence[Start | Pause | Resume | Stop | WarningMessage | Reply | bytes]:
        """Translate a message."""
        if message.type == "open":
            return [self._open(_Open.model_validate(message.parameters))]
        if message.type == "ping":
            return [Reply(self._message("pong", {}))]
        if message.type == "close":
            return [self._close()]
        return self._change(message) if self._state == "open" else []

    def _change(self, message: _Message) -> Sequence[Pause | Resume | WarningMessage | bytes]:
        """Translate a message about the audio. Others are ignored."""
        match message.type:
            case "paused":
                return [Pause(type="pause")]
            case "resumed":
                return [Resume(type="resume")]
            case "discarded":
                return self._discarded(_Discarded.model_validate(message.parameters))
        return []

    def _open(self, message: _Open) -> Start | Reply:
        """Translate the start of a session. A probe gets its answer without a session."""
        if self._state != "new":
            raise InvalidMessage("type: `open` came twice.")
        self._media = _choose(message.media)
        if message.conversation == NOBODY:
            self._state = "probe"
            return Reply(self._opened())
        self._state = "open"
        encoding = _ENCODINGS[self._media["format"]]
        channels = self._media["channels"]
        self._second = SILENCE[encoding] * len(channels) * SAMPLING_RATE
        options = Options.model_validate(message.options)
        self.key = options.key
        roles = [_ROLES[channel] for channel in channels]
        return options.start(encoding, SAMPLING_RATE, roles, message.conversation)

    def _close(self) -> Stop | Reply:
        """Translate the end of a session."""
        if self._state == "open":
            self._state = "closing"
            return Stop(type="stop")
        self._state = "closing"
        return Reply(self._message("closed", {}))

    def _discarded(self, message: _Discarded) -> list[WarningMessage | bytes]:
        """Put silence in the place of discarded audio. The first time gives a warning."""
        seconds = min(float(re.sub("[PTS]", "", message.discarded)), MAX_GAP)
        size = len(self._second) // SAMPLING_RATE
        silence = (self._second * (int(seconds) + 1))[: round(seconds * SAMPLING_RATE) * size]
        if self._warned:
            return [silence]
        self._warned = True
        detail = "Genesys Cloud discarded audio, so that silence is in its place."
        return [WarningMessage(code="audio-missing", detail=detail), silence]

    def _opened(self) -> str:
        return self._message("opened", {"media": [self._media], "startPaused": False})

    def _disconnect(self, reason: str, info: str) -> str:
        self._state = "disconnecting"
        return self._message("disconnect", {"reason": reason, "info": info})

    def _message(self, kind: str, parameters: dict[str, Any]) -> str:
        """Return the next message of the service as JSON."""
        self._n_sent += 1
        return json.dumps(
            {
                "version": "2",
                "id": self._id or NOBODY,
                "type": kind,
                "seq": self._n_sent,
                "clientseq": self._n_received,
                "parameters": parameters,
            }
        )


def _choose(offers: Sequence[_Media]) -> dict[str, Any]:
    """Choose the best format that Genesys Cloud offers.

    Raises:
        InvalidMessage: none of them is accepted.
    """
    for form, channels in _CHOICES:
        choice = {"type": "audio", "format": form, "channels": channels, "rate": SAMPLING_RATE}
        if any(offer.model_dump() == choice for offer in offers):
            return choice
    raise InvalidMessage("media: offer PCMU or L16 at 8000 Hz, with `external` as the first channel.")
