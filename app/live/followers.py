"""Followers of a journal: they store the messages, schedule webhooks, and keep the timeline as a job."""

import asyncio
import json
import logging
from collections.abc import Awaitable, Callable, Collection
from typing import TYPE_CHECKING

from app.core.errors import SpeechEmotionError
from app.jobs.job import JobsUnavailable
from app.live.messages import Closed, ErrorMessage
from app.live.session import LiveSession
from app.live.stored_message import INFO, StoredMessage

if TYPE_CHECKING:
    from app.live.relay import Relay  # imports psycopg, which a service with one replica does not need

logger = logging.getLogger(__name__)

RETRY = 1.0
"""Seconds between attempts to schedule a webhook."""


async def publish(
    session: LiveSession,
    relay: "Relay",
    describe: Callable[[SpeechEmotionError], ErrorMessage],
    keep_seconds: float,
) -> None:
    """Store the messages of a session for the readers of all replicas.

    Args:
        session: the session.
        relay: the store.
        describe: a function that describes the error of a failed session.
        keep_seconds: the seconds after the end of the session for which its messages are stored.
    """
    info, last = session.info, INFO
    content = json.dumps(info.listed)
    await relay.store(info.id, info.caller, StoredMessage(INFO, "info", content))
    try:
        async for message in session.journal.follow():
            last = message.sequence
            stored = StoredMessage(last, message.type, message.model_dump_json())
            await relay.store(info.id, info.caller, stored)
    except SpeechEmotionError as error:
        stored = StoredMessage(last + 1, "error", describe(error).model_dump_json())
        await relay.store(info.id, info.caller, stored)
    relay.delete_later(info.id, keep_seconds)


async def call_back(
    session: LiveSession, types: Collection[str], schedule: Callable[[str, str], Awaitable[None]]
) -> None:
    """Schedule a webhook for each message of some types.

    Args:
        session: the session.
        types: the types of the messages.
        schedule: a function of the ID and the body of a webhook.
    """
    info = session.info
    try:
        async for message in session.journal.follow():
            if message.type in types:
                about = {
                    "session": info.id,
                    "reference": info.reference,
                    "metadata": info.options.metadata,
                }
                data = {**about, **message.model_dump()}
                body = json.dumps({"type": f"live.{message.type}", "data": data})
                await _patiently(schedule, f"{info.id}-{message.sequence}", body)
    except SpeechEmotionError:
        logger.debug("session %s failed", info.id)  # its connection reports the error


async def keep(session: LiveSession, store: Callable[[], Awaitable[None]]) -> None:
    """Keep the timeline of a session that ended.

    Args:
        session: the session.
        store: a function that stores the timeline of the session.
    """
    try:
        async for _ in session.journal.follow():
            pass
        await _patiently(store)
    except SpeechEmotionError:
        logger.debug("session %s failed", session.info.id)  # its connection reports the error


async def report_end(session: LiveSession, report: Callable[[str | SpeechEmotionError], None]) -> None:
    """Report the end of a session.

    Args:
        session: the session.
        report: a function that receives the reason of `closed`, or the error of a failed session.
    """
    try:
        async for message in session.journal.follow():
            if isinstance(message, Closed):
                report(message.reason)
    except SpeechEmotionError as error:
        report(error)


async def _patiently(function: Callable[..., Awaitable[None]], *arguments: str) -> None:
    """Call a function again until the database of the jobs can be reached."""
    while True:
        try:
            await function(*arguments)
        except JobsUnavailable as error:
            logger.warning("%s", error)
            await asyncio.sleep(RETRY)
        else:
            return
