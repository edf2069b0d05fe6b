"""`GET /v1/live`: the live sessions of a caller, and their messages as Server-Sent Events."""

import asyncio
import logging
from collections.abc import AsyncIterator
from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Header, Request
from fastapi.sse import EventSourceResponse, ServerSentEvent
from pydantic import BaseModel, Field
from starlette.requests import ClientDisconnect
from starlette.types import Message, Receive, Scope, Send

from app.api import problems
from app.api.dependencies import CallerDep, ServiceDep, get_service, requires
from app.api.live import describe
from app.core.errors import SpeechEmotionError
from app.keys import KeyScope
from app.live.session import LiveSession
from app.live.sessions import SessionNotFound
from app.live.stored_message import StoredMessage

logger = logging.getLogger(__name__)

READ_SECONDS = 30.0
"""The seconds in which a client must read an event. Then its connection is closed. Not tuned."""


class LiveSessionAnswer(BaseModel):
    """A live session."""

    id: str = Field(description="the ID of the session")
    protocol: str = Field(description="the protocol of its client")
    model: str = Field(description="the name of the bundle")
    channels: list[int] = Field(description="the channels that the service analyzes")
    roles: list[str] = Field(description="the name of each channel of the stream; empty without names")
    reference: str | None = Field(description="the client's ID of the call; null if it gave none")
    metadata: dict[str, str] = Field(
        default={}, repr=False, description="the metadata of `start`; empty if it had none"
    )
    started: datetime = Field(description="the time of the start")


class LiveSessionList(BaseModel):
    """The live sessions of a key that have not ended, the newest first."""

    sessions: list[LiveSessionAnswer]


class EventStream(EventSourceResponse):
    """Server-Sent Events for clients that read them. A slow client loses its connection."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the events."""

        async def send_in_time(message: Message) -> None:
            async with asyncio.timeout(READ_SECONDS):
                await send(message)

        try:
            await super().__call__(scope, receive, send_in_time)
        except ClientDisconnect:
            logger.info("a reader of live events has left, or does not read")


router = APIRouter(prefix="/v1/live", tags=["live"], dependencies=[requires(KeyScope.LIVE)])


@router.get(
    "",
    operation_id="listLiveSessions",
    summary="List your live sessions",
    responses=problems.responses(401, 403, 429, 500, 503),
)
async def list_sessions(caller: CallerDep, service: ServiceDep) -> LiveSessionList:
    """List the live sessions of this API key that have not ended, the newest first."""
    if service.relay is not None:
        found = await service.relay.sessions_of(caller.name)
    else:
        found = [session.info.listed for session in service.live.sessions_of(caller.name)]
    sessions = [LiveSessionAnswer.model_validate(info) for info in found]
    return LiveSessionList(sessions=sessions)


async def find_events(
    request: Request,
    caller: CallerDep,
    session: str,
    last_event_id: Annotated[
        int, Header(ge=0, description="the `sequence` of the last message that you received")
    ] = 0,
) -> AsyncIterator[StoredMessage]:
    """Return the messages of a session after those that the client received.

    Raises:
        SessionNotFound: the caller has no session of that ID.
        RelayUnavailable: the database of live messages cannot be reached.
    """
    service, owner = await get_service(request), caller.name
    try:
        events = _of_this_process(service.live.find(owner, session), last_event_id)
    except SessionNotFound:
        if service.relay is None or not await service.relay.knows(session, owner):
            raise
        events = service.relay.follow(session, owner, last_event_id)
    request.state.target = session
    return events


@router.get(
    "/{session}/events",
    operation_id="followLiveSession",
    summary="Follow a live session",
    response_class=EventStream,
    responses=problems.responses(401, 403, 404, 422, 429, 500, 503),
)
async def send_events(
    messages: Annotated[AsyncIterator[StoredMessage], Depends(find_events)],
) -> AsyncIterator[ServerSentEvent]:
    """Send the messages of a live session as Server-Sent Events, from the first one to the last.

    The `id` of an event is the `sequence` of the message, and its name is the `type`. A client that sends
    `Last-Event-ID` receives the messages after it. After `closed` or `error`, no event follows.
    """
    async for message in messages:
        yield ServerSentEvent(
            raw_data=message.content, event=message.type, id=str(message.sequence or "") or None
        )


async def _of_this_process(session: LiveSession, after: int) -> AsyncIterator[StoredMessage]:
    """Yield the messages of a session of this process."""
    try:
        async for message in session.journal.follow(after):
            yield StoredMessage(message.sequence, message.type, message.model_dump_json())
    except SpeechEmotionError as error:
        yield StoredMessage(0, "error", describe(error).model_dump_json())
