"""The WebSockets of live calls: the analysis of a call while it happens."""

import asyncio
import logging
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from functools import partial
from uuid import uuid4

from fastapi import APIRouter, WebSocket, status

from app.api import problems
from app.api.live_connection import SocketConnection, address_of, check_origin, key_of
from app.api.security import Caller
from app.api.service import Jobs, Service
from app.audit import OK
from app.calls.options import CallOptions
from app.core.errors import SpeechEmotionError
from app.jobs import callbacks
from app.jobs.job import JobRequest, JobsUnavailable
from app.keys import KeyScope
from app.live import followers
from app.live.analysis import StreamFormat
from app.live.connection import ConnectionLost, InvalidMessage
from app.live.messages import ErrorMessage, Reconnect, Start
from app.live.protocols.audiohook import AudioHook
from app.live.protocols.jambonz import Jambonz
from app.live.protocols.media_streams import MediaStreams
from app.live.protocols.native import Native
from app.live.protocols.protocol import LiveProtocol
from app.live.session import LiveSession
from app.live.session_info import SessionInfo
from app.pool.share import PoolShare

logger = logging.getLogger(__name__)

SUBPROTOCOL = "ser.live"
"""The subprotocol of our own protocol. A client need not name it."""

JAMBONZ_SUBPROTOCOL = "audio.jambonz.org"
"""The subprotocol that jambonz requires."""

router = APIRouter()


@router.websocket("/v1/audio/live")
async def analyze_live(socket: WebSocket) -> None:
    """Analyze a stream in our own protocol. The messages are in `app.live.messages`."""
    await _serve(socket, Native(), SUBPROTOCOL)


@router.websocket("/v1/live/twilio")
async def analyze_twilio(socket: WebSocket) -> None:
    """Analyze a stream of Twilio."""
    await _serve(socket, MediaStreams("twilio"))


@router.websocket("/v1/live/telnyx")
async def analyze_telnyx(socket: WebSocket) -> None:
    """Analyze a stream of Telnyx."""
    await _serve(socket, MediaStreams("telnyx"))


@router.websocket("/v1/live/plivo")
async def analyze_plivo(socket: WebSocket) -> None:
    """Analyze a stream of Plivo."""
    await _serve(socket, MediaStreams("plivo"))


@router.websocket("/v1/live/audiohook")
async def analyze_audiohook(socket: WebSocket) -> None:
    """Analyze a stream of Genesys Cloud."""
    protocol = AudioHook(socket.headers.get("Audiohook-Session-Id"))
    await _serve(socket, protocol, check=_check_audiohook)


@router.websocket("/v1/live/jambonz")
async def analyze_jambonz(socket: WebSocket) -> None:
    """Analyze a stream of jambonz."""
    await _serve(socket, Jambonz(), JAMBONZ_SUBPROTOCOL)


def _check_audiohook(socket: WebSocket) -> None:
    """Check key and signature of a request of Genesys Cloud, also if it only probes the connection.

    Raises:
        Unauthenticated: the key is missing or unknown, or the signature is missing or wrong.
    """
    service: Service = socket.state.service
    service.authenticator.identify(key_of(socket), address_of(socket))
    if service.audiohook is not None:
        query = socket.scope["query_string"].decode("latin-1")
        target = socket.scope["raw_path"].decode("latin-1") + (f"?{query}" if query else "")
        service.audiohook.verify(socket.headers, target, time.time())


async def _serve(
    socket: WebSocket,
    protocol: LiveProtocol,
    subprotocol: str = "",
    check: Callable[[WebSocket], None] | None = None,
) -> None:
    """Serve a connection until the session ends.

    Args:
        socket: the WebSocket.
        protocol: the protocol of the client.
        subprotocol: the subprotocol to accept.
        check: a function that raises an error if it refuses the request; None accepts every request.
    """
    await socket.accept(subprotocol if subprotocol in socket.scope["subprotocols"] else None)
    service: Service = socket.state.service
    connection = SocketConnection(socket, protocol, service.live.limits.session.idle_seconds)
    visit = _Visit(service, protocol, key_of(socket), address_of(socket))
    with suppress(ConnectionLost):
        try:
            check_origin(socket)
            if check is not None:
                check(socket)
            with service.live.waiting():
                session, after = await visit.find_session(connection)
            await session.serve(connection, after)
            await connection.close()
        except SpeechEmotionError as error:
            message = describe(error)
            visit.record(message.problem.code)
            await connection.fail(message)
        finally:
            connection.release()
    visit.end(connection.close_code)


class _Visit:
    """A connection from the first message to the end: who connects, and to which session."""

    def __init__(self, service: Service, protocol: LiveProtocol, key: str | None, address: str) -> None:
        self._service = service
        self._protocol = protocol
        self._key = key
        self._address = address
        self._action = "live.start"
        self._caller = self._session = ""

    async def find_session(self, connection: SocketConnection) -> tuple[LiveSession, int]:
        """Start the session of the first message, or find the session that it continues.

        Returns:
            The session, and the number of the last message that the client received.
        """
        caller = self._identify(self._key) if self._key is not None or self._protocol.reconnects else None
        message = await connection.receive()
        if caller is None:
            caller = self._identify(self._protocol.key)
        service, after = self._service, 0
        (await service.rates.count(caller.share)).check()
        caller.require(KeyScope.LIVE)
        if isinstance(message, Reconnect):
            self._action = "live.continue"
            session, after = service.live.find(caller.name, message.session), message.after
        elif isinstance(message, Start):
            session = await _start(service, self._protocol, caller, message)
            service.live.follow(followers.report_end(session, self._record_end))
        else:
            raise InvalidMessage(
                "The first message must be `start`, with the format of the audio, or `reconnect`."
            )
        self._session = session.info.id
        self.record(OK)
        return session, after

    def record(self, result: str) -> None:
        """Record a started, continued or refused session, unless this has happened."""
        if self._action:
            self._write(self._action, result)
        self._action = ""

    def end(self, close_code: int) -> None:
        """Count and log the end of the connection."""
        protocol = self._protocol
        self._service.metrics.count_live_connection(
            protocol.name, close_code, protocol.n_reordered, protocol.n_dropped
        )
        fields = {"caller": self._caller, "protocol": protocol.name, "session": self._session}
        fields |= {"code": str(close_code)}
        logger.info("live connection ended with %(code)s", fields, extra=fields)

    def _identify(self, key: str | None) -> Caller:
        caller = self._service.authenticator.identify(key, self._address)
        self._caller = caller.name
        return caller

    def _record_end(self, end: str | SpeechEmotionError) -> None:
        """Record the end of the session: its reason, or the code of its problem."""
        self._write("live.end", end if isinstance(end, str) else problems.problem_of(end).code)

    def _write(self, action: str, result: str) -> None:
        client = self._address
        self._service.audit.write(action, result, key=self._caller, client=client, target=self._session)


async def _start(service: Service, protocol: LiveProtocol, caller: Caller, start: Start) -> LiveSession:
    """Start a session, and what follows its messages."""
    settings = service.settings
    if start.keep:
        caller.require(KeyScope.JOBS)
    least = settings.min_confidence if start.min_confidence is None else start.min_confidence
    options = CallOptions(
        channels=caller.channels.choose(start.channels, start.analyze),
        roles=tuple(start.roles or ()),
        min_confidence=least,
        metadata=start.metadata,
        speakers=start.speakers,
        speaker_order=start.speaker_order,
    ).check(start.channels)
    choice = service.choose_model(start.model)
    info = SessionInfo(
        id=uuid4().hex,
        caller=caller.name,
        protocol=protocol.name,
        model=choice.model,
        options=options,
        reference=start.reference,
        started=datetime.now(UTC),
        reconnects=protocol.reconnects,
    )
    jobs = await _jobs_for(service, start)
    stream = StreamFormat(start.encoding, start.sampling_rate, start.channels, start.interim_interval)
    session = await service.live.start(info, stream, service.metrics, PoolShare(service.pool, caller.share))
    service.metrics.count_model_request(choice.model, choice.role, status.HTTP_101_SWITCHING_PROTOCOLS)
    if service.relay is not None:
        keep_seconds = settings.live_reconnect_seconds
        service.live.follow(followers.publish(session, service.relay, describe, keep_seconds))
    if jobs is not None and start.callback is not None:
        schedule = partial(jobs.queue.deliveries.schedule, info.caller, start.callback.url)
        service.live.follow(followers.call_back(session, start.callback.events, schedule))
    if jobs is not None and start.keep:
        service.live.follow(followers.keep(session, partial(_keep, jobs, session)))
    return session


async def _jobs_for(service: Service, start: Start) -> Jobs | None:
    """Return the components for jobs if the session needs them.

    Raises:
        JobsUnavailable: jobs are disabled.
        CallbackRefused: the policy forbids the address of the webhooks.
    """
    if start.callback is None and not start.keep:
        return None
    if service.jobs is None:
        raise JobsUnavailable("Jobs are disabled on this service (SER_JOBS). Omit `callback` and `keep`.")
    if start.callback is not None:
        await asyncio.to_thread(callbacks.check, start.callback.url, service.jobs.policy)
    return service.jobs


async def _keep(jobs: Jobs, session: LiveSession) -> None:
    """Keep the timeline of an ended session as the result of a job."""
    if session.summary is not None:
        info = session.info
        request = JobRequest("", "", info.model, info.options, timeline=session.summary.model_dump())
        await jobs.queue.submit(info.id, info.caller, request)


def describe(error: SpeechEmotionError) -> ErrorMessage:
    """Return the message of an error."""
    _, document = problems.document_of_error(error)
    return ErrorMessage(problem=document)
