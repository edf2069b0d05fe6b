"""What nobody else sees to: the jobs of processes that are gone, and all that follows a job's end.

Each runner does it. Two that do it at once do no harm: what is enqueued has a name, and is there once.
"""

import asyncio
import json
import logging
from datetime import UTC, datetime, timedelta
from typing import Any

from dbos import DBOS, DBOSClient, EnqueueOptions, WorkflowStatus
from sqlalchemy.exc import SQLAlchemyError

from app.jobs.callbacks import PAUSES
from app.jobs.database import ANALYZE, CALLBACKS, DELIVER, SETTLED, STATES, VERSION, statuses
from app.jobs.job import JobsUnavailable, Order, State
from app.jobs.lease import Lease
from app.jobs.recordings import Recordings

logger = logging.getLogger(__name__)

SECONDS = 2.0
"""Between two looks."""
SEARCH_EVERY = 300
"""Looks between two at everything, which takes longer."""
LATELY = timedelta(minutes=5)
"""How far back the looks in between go, for the ends of jobs."""
ORPHANED = timedelta(hours=1)
"""Age at which a recording without a job is deleted: its upload died before it became one."""
ENDED = statuses(State.SUCCEEDED, State.FAILED, State.CANCELLED)


class Upkeep:
    """Looks after the jobs, again and again."""

    def __init__(
        self, client: DBOSClient, recordings: Recordings, lease: Lease, result_ttl: timedelta
    ) -> None:
        """Describe it."""
        self._client = client
        self._recordings = recordings
        self._lease = lease
        self._result_ttl = result_ttl

    async def keep_on(self) -> None:
        """Look after the jobs until cancelled."""
        look = 0
        while True:
            try:
                await self._look(look)
                look += 1
            except (SQLAlchemyError, JobsUnavailable) as error:
                logger.warning("jobs cannot be looked after; trying again in %g s: %s", SECONDS, error)
            except Exception:  # the outermost handler of this task, which must not end unseen
                logger.exception("jobs cannot be looked after; trying again in %g s", SECONDS)
            await asyncio.sleep(SECONDS)

    async def _look(self, look: int) -> None:
        """Look once."""
        now, search = datetime.now(UTC), look % SEARCH_EVERY == 0
        await self._take_over()
        await self._settle(None if search else now - LATELY)
        await self._forget(now - self._result_ttl)
        if search:
            await self._delete_orphans(now - ORPHANED)

    async def _take_over(self) -> None:
        """Put back into the queue what a process had that is gone."""
        pending = await self._client.list_workflows_async(status="PENDING", load_input=False)
        owners = {status.executor_id for status in pending if status.executor_id} - {self._lease.name}
        gone = await asyncio.to_thread(self._lease.find_gone, owners)
        if gone:
            logger.warning("taking over the jobs of %s", ", ".join(gone))
            # Not resume_workflows, which would forget how often the job was tried.
            await asyncio.to_thread(DBOS._recover_pending_workflows, gone)  # noqa: SLF001  # no other way

    async def _settle(self, since: datetime | None) -> None:
        """What follows the end of a job: its recording goes, and whoever waits is told."""
        after = since.isoformat() if since else None
        ended = await self._client.list_workflows_async(
            name=ANALYZE, status=ENDED, completed_after=after, load_input=False, load_output=False
        )
        # DBOS cannot ask SQLite for attributes.
        left = [status.workflow_id for status in ended if not (status.attributes or {}).get(SETTLED)]
        if not left:  # of no ids DBOS would list all
            return
        for status in await self._client.list_workflows_async(workflow_ids=left, load_output=False):
            order = order_of(status)
            await asyncio.to_thread(self._recordings.delete, order.recording)
            if order.callback_url:
                await call_back(self._client, order.callback_url, *message_of(status), 0)
            await self._client.update_workflow_attributes_async(
                status.workflow_id, {SETTLED: True}, merge=True
            )

    async def _forget(self, before: datetime) -> None:
        """Forget what ended before a time."""
        ended = await self._client.list_workflows_async(
            name=[ANALYZE, DELIVER],
            status=ENDED,
            completed_before=before.isoformat(),
            load_input=False,
            load_output=False,
        )
        old = [
            status.workflow_id
            for status in ended
            if status.name == DELIVER or (status.attributes or {}).get(SETTLED)
        ]
        if old:
            await self._client.delete_workflows_async(old)

    async def _delete_orphans(self, before: datetime) -> None:
        """Delete recordings that were kept before a time and never became a job."""
        names = await asyncio.to_thread(self._recordings.names_before, before)
        if not names:
            return
        active = await self._client.list_workflows_async(
            name=ANALYZE, status=statuses(State.QUEUED, State.RUNNING), load_output=False
        )
        for name in set(names) - {order_of(status).recording for status in active}:
            await asyncio.to_thread(self._recordings.delete, name)


async def call_back(client: DBOSClient, url: str, job_id: str, body: str, tries: int) -> None:
    """Have a receiver called after the pause of the try; once, however often this is asked.

    Args:
        client: of the workflows.
        url: of the receiver.
        job_id: of the job that has ended.
        body: what the receiver is told.
        tries: how often it has been called.
    """
    options: EnqueueOptions = {
        "workflow_name": DELIVER,
        "queue_name": CALLBACKS,
        "workflow_id": f"{job_id}/callback/{tries}",
        "app_version": VERSION,
    }
    if PAUSES[tries]:
        options["delay_seconds"] = PAUSES[tries]
    await client.enqueue_async(options, url, job_id, body, tries)


def message_of(status: WorkflowStatus) -> tuple[str, str]:
    """What a receiver is told of a job that has ended: its id, and what it is sent of it.

    That it has ended and how, but not what was heard: whoever has the key may ask for that.
    """
    ended = datetime.fromtimestamp((status.completed_at or status.updated_at or 0) / 1000, UTC)
    state = STATES[status.status]
    data = {"id": status.workflow_id, "state": state}
    return status.workflow_id, json.dumps(
        {"type": f"job.{state}", "timestamp": ended.isoformat(), "data": data}
    )


def order_of(status: WorkflowStatus) -> Order:
    """Read the order of a workflow that was listed with its input."""
    if status.input is None:
        raise AssertionError(status)
    return read_order(status.input["args"][0])


def read_order(details: dict[str, Any]) -> Order:
    """Read what `JobQueue.submit` wrote."""
    channels = details["channels"]
    return Order(**{**details, "channels": None if channels is None else tuple(channels)})
