"""`WS /v1/audio/live`: the analysis of a call while it happens."""

import asyncio
import logging
from contextlib import suppress
from dataclasses import asdict
from typing import Literal
from uuid import uuid4

from fastapi import APIRouter, WebSocket
from pydantic import BaseModel, ValidationError
from starlette.types import Message
from starlette.websockets import WebSocketDisconnect

from app.answers import SegmentAnswer, TimelineAnswer
from app.api import problems
from app.api.schemas import ProblemDocument
from app.api.service import Service
from app.core.errors import AudioTooLong, SpeechEmotionError
from app.core.timeline import TurningPoint
from app.live.messages import (
    CLIENT_MESSAGE,
    ClientMessage,
    Closed,
    InterimMessage,
    Pause,
    Ready,
    Resume,
    SegmentMessage,
    SpeechStartedMessage,
    Start,
    Stop,
    SummaryMessage,
    TurningPointMessage,
)
from app.live.pacing import Pacer
from app.live.session import (
    Event,
    InterimRecognized,
    LiveSession,
    SegmentRecognized,
    SpeechStarted,
    StreamFormat,
)
from app.live.sessions import InvalidMessage, LiveSessions, SessionIdle

logger = logging.getLogger(__name__)

ERROR_CODES = 4000
"""The close code of an error is this number plus the status of its problem (RFC 6455, 7.4.2: private use)."""
NORMAL, ABNORMAL, GOING_AWAY = 1000, 1006, 1012
"""The other close codes: RFC 6455, 7.4.1, and "Service Restart" in the registry of IANA."""

router = APIRouter()


class ErrorMessage(BaseModel):
    """The session has failed. The service closes the connection."""

    type: Literal["error"] = "error"
    problem: ProblemDocument


@router.websocket("/v1/audio/live")
async def analyze_live(socket: WebSocket) -> None:
    """Analyze a stream. The messages are in `app.live.messages`."""
    await socket.accept()
    service: Service = socket.state.service
    connection = _Connection(socket, service.live)
    with suppress(WebSocketDisconnect):  # the client has left
        try:
            closed = await _analyze(connection, service)
            await connection.close(closed, GOING_AWAY if closed.reason == "going-away" else NORMAL)
        except SpeechEmotionError as error:
            problem, document = problems.document_of_error(error)
            await connection.close(ErrorMessage(problem=document), ERROR_CODES + problem.status)
    fields = {"caller": connection.caller, "code": connection.close_code}
    logger.info("live session ended with %(code)s", fields, extra=fields)


async def _analyze(connection: "_Connection", service: Service) -> Closed:
    """Run a session from `start` to the summary."""
    settings = service.settings
    connection.caller = service.authenticator.identify(connection.key)
    await service.authenticator.count(connection.caller)
    with service.live.admit(connection.caller):
        start = await connection.receive()
        if not isinstance(start, Start):
            raise InvalidMessage("The first message must be `start`, with the format of the audio.")
        model = service.find_model(start.model or settings.default_model).name
        channels = settings.channel_policy.choose(start.channels, start.analyze)
        stream = StreamFormat(start.encoding, start.sampling_rate, start.channels, start.interim_interval)

        async def emit(event: Event) -> None:
            if isinstance(event, SegmentRecognized):
                service.metrics.count_live_segment(event.seconds)
            await connection.send(_message(event))

        async with service.live.session(stream, channels, model, emit) as session:
            limit = service.live.limits.max_seconds
            await connection.send(
                Ready(session=uuid4().hex, model=model, channels=list(channels), max_seconds=limit)
            )
            closed = await _receive_audio(connection, session, service.live)
            timeline = await session.finish()
            service.metrics.count_timeline(model, timeline)
            await connection.send(SummaryMessage(timeline=TimelineAnswer.of(model, timeline)))
    return closed


async def _receive_audio(connection: "_Connection", session: LiveSession, live: LiveSessions) -> Closed:
    """Receive audio until `stop`, or until the service stops."""
    pacer, paused = Pacer(live.limits.max_speed), False
    while not isinstance(message := await connection.receive(idle=paused), Stop):
        if message is None:
            return Closed(reason="going-away")
        if isinstance(message, bytes):
            if not paused:
                await session.push(message)
                if session.n_seconds > live.limits.max_seconds:
                    raise AudioTooLong(
                        f"The stream is longer than the limit of {live.limits.max_seconds:g} s."
                    )
                await pacer.wait(session.n_seconds)
        elif isinstance(message, Pause | Resume):
            paused = isinstance(message, Pause)
        else:
            raise InvalidMessage("The session has already started. Open a new connection for a new stream.")
    return Closed(reason="stopped")


class _Connection:
    """The connection of a client: messages in the place of frames.

    Attributes:
        caller: the name of the key; empty before it is known.
        close_code: the code with which the service closed the connection; 1006 if it did not.
    """

    def __init__(self, socket: WebSocket, live: LiveSessions) -> None:
        """Wrap an accepted WebSocket."""
        self._socket = socket
        self._max_pause = live.limits.idle_seconds
        self._going_away = live.going_away
        self.caller = ""
        self.close_code = ABNORMAL

    @property
    def key(self) -> str | None:
        """The API key of the client."""
        scheme, _, key = self._socket.headers.get("Authorization", "").partition(" ")
        return key if scheme.lower() == "bearer" else None

    async def send(self, message: BaseModel) -> None:
        """Send a message. A client that does not read is disconnected.

        Raises:
            WebSocketDisconnect: the client has left, or does not read.
        """
        try:
            async with asyncio.timeout(self._max_pause):
                await self._socket.send_text(message.model_dump_json())
        except (TimeoutError, RuntimeError) as error:  # RuntimeError: the connection is closed
            raise WebSocketDisconnect(NORMAL) from error

    async def close(self, message: BaseModel, code: int) -> None:
        """Send the last message and close the connection."""
        await self.send(message)
        await self._socket.close(code)
        self.close_code = code

    async def receive(self, *, idle: bool = False) -> ClientMessage | bytes | None:
        """Receive a message, or audio; None if the service stops.

        Args:
            idle: whether the client may be silent for any time.

        Raises:
            SessionIdle: nothing arrived for too long.
            InvalidMessage: the message cannot be understood.
            WebSocketDisconnect: the client has left.
        """
        if self._going_away.is_set():  # also while a fast client always has a next message
            return None
        receiving = asyncio.ensure_future(self._socket.receive())
        stopping = asyncio.ensure_future(self._going_away.wait())
        try:
            done, _ = await asyncio.wait(
                {receiving, stopping},
                timeout=None if idle else self._max_pause,
                return_when=asyncio.FIRST_COMPLETED,
            )
        finally:
            stopping.cancel()
            receiving.cancel()  # has no effect if it is done
        if receiving in done:
            return _read(receiving.result())
        if stopping in done:
            return None
        raise SessionIdle(f"No message arrived for {self._max_pause:g} s. Send audio, `pause` or `stop`.")


def _read(frame: Message) -> ClientMessage | bytes:
    """Return the message of a frame."""
    if frame["type"] == "websocket.disconnect":
        raise WebSocketDisconnect(frame.get("code", NORMAL))
    if frame.get("bytes") is not None:
        return bytes(frame["bytes"])
    return _parse(frame["text"])


def _parse(text: str) -> ClientMessage:
    """Parse a text message."""
    try:
        return CLIENT_MESSAGE.validate_json(text)
    except ValidationError as error:
        faults = (f"{'.'.join(map(str, fault['loc']))}: {fault['msg']}" for fault in error.errors())
        raise InvalidMessage(f"A message is not valid. {'; '.join(faults)}") from error


def _message(event: Event) -> BaseModel:
    """Return the message of an event."""
    match event:
        case SpeechStarted():
            return SpeechStartedMessage(**asdict(event))
        case InterimRecognized():
            return InterimMessage(channel=event.channel, **SegmentAnswer.of(event.segment).model_dump())
        case SegmentRecognized():
            return SegmentMessage(channel=event.channel, **SegmentAnswer.of(event.segment).model_dump())
        case TurningPoint():
            return TurningPointMessage(**asdict(event))
