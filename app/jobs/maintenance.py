"""Maintenance of the jobs: requeue jobs of dead processes, and clean up after ended jobs.

Each runner performs the maintenance. Concurrent passes are harmless, because each enqueued workflow has a
unique ID.
"""

import asyncio
import json
import logging
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from dbos import DBOS, DBOSClient, WorkflowStatus
from sqlalchemy.exc import SQLAlchemyError

from app.jobs.database import ANALYZE, DELIVER, ENDED, SETTLED, STATES, statuses
from app.jobs.deliveries import schedule
from app.jobs.job import JobRequest, JobsUnavailable, State
from app.jobs.lease import Lease
from app.jobs.recordings import Recordings
from app.jobs.webhook import Webhook

logger = logging.getLogger(__name__)

SECONDS = 2.0
"""Seconds between two passes."""
SWEEP_EVERY = 300
"""Number of passes between full sweeps, which take longer."""
RECENT = timedelta(minutes=5)
"""Maximum age of the ended jobs that a pass between full sweeps considers."""
ORPHANED = timedelta(hours=1)
"""Age at which a recording without a job is deleted: its request failed before the job existed."""


class Maintenance:
    """Periodic maintenance of the jobs."""

    def __init__(
        self, client: DBOSClient, recordings: Recordings, lease: Lease, result_ttl: timedelta
    ) -> None:
        """Create the maintenance.

        Args:
            client: the DBOS client.
            recordings: the store of recordings.
            lease: the lease of this runner.
            result_ttl: the time that an ended job is kept.
        """
        self._client = client
        self._recordings = recordings
        self._lease = lease
        self._result_ttl = result_ttl

    async def keep_on(self) -> None:
        """Run a pass every SECONDS until canceled."""
        number = 0
        while True:
            try:
                await self._pass(number)
                number += 1
            except (SQLAlchemyError, JobsUnavailable) as error:
                logger.warning("maintenance of jobs failed; next attempt in %g s: %s", SECONDS, error)
            except Exception:  # the outermost handler of this task, which must not end silently
                logger.exception("maintenance of jobs failed; next attempt in %g s", SECONDS)
            await asyncio.sleep(SECONDS)

    async def _pass(self, number: int) -> None:
        """Run one pass."""
        now, full = datetime.now(UTC), number % SWEEP_EVERY == 0
        await self._take_over()
        await self._settle(None if full else now - RECENT)
        await self._forget(now - self._result_ttl)
        if full:
            await self._delete_orphans(now - ORPHANED)

    async def _take_over(self) -> None:
        """Requeue the jobs of dead processes."""
        pending = await self._client.list_workflows_async(status="PENDING", load_input=False)
        owners = {status.executor_id for status in pending if status.executor_id} - {self._lease.name}
        dead = await asyncio.to_thread(self._lease.find_gone, owners)
        if dead:
            logger.warning("taking over the jobs of %s", ", ".join(dead))
            # Not resume_workflows, which would reset the number of attempts.
            await asyncio.to_thread(DBOS._recover_pending_workflows, dead)  # noqa: SLF001  # no public equivalent

    async def _settle(self, since: datetime | None) -> None:
        """Delete the recordings of ended jobs, and schedule their webhooks."""
        after = since.isoformat() if since else None
        ended = await self._client.list_workflows_async(
            name=ANALYZE, status=ENDED, completed_after=after, load_input=False, load_output=False
        )
        # DBOS cannot filter by attributes in SQLite.
        unsettled = [status.workflow_id for status in ended if not (status.attributes or {}).get(SETTLED)]
        if not unsettled:  # DBOS would list all workflows for an empty list of IDs
            return
        for status in await self._client.list_workflows_async(workflow_ids=unsettled, load_output=False):
            request = request_of(status)
            if request.recording:
                await asyncio.to_thread(self._recordings.delete, request.recording)
            if request.callback_url:
                alerts = await self._alerts_of(status)
                message = message_of(status, request.options.metadata, alerts)
                owner = status.authenticated_user
                webhook = Webhook(status.workflow_id, owner, request.callback_url, message)
                await schedule(self._client, webhook)
            await self._client.update_workflow_attributes_async(
                status.workflow_id, {SETTLED: True}, merge=True
            )

    async def _alerts_of(self, status: WorkflowStatus) -> list[dict[str, Any]]:
        """Return the alerts in the result of an ended job; empty without a result."""
        if STATES[status.status] is not State.SUCCEEDED:
            return []
        loaded = await self._client.list_workflows_async(workflow_ids=[status.workflow_id], load_input=False)
        # The owner may have deleted the job, and a result of an earlier version has no alerts.
        return [alert for one in loaded if one.output for alert in one.output.get("alerts", [])]

    async def _forget(self, before: datetime) -> None:
        """Delete jobs and deliveries that ended before a time."""
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
        """Delete recordings that were stored before a time and have no queued or running job."""
        names = await asyncio.to_thread(self._recordings.names_before, before)
        if not names:
            return
        active = await self._client.list_workflows_async(
            name=ANALYZE, status=statuses(State.QUEUED, State.RUNNING), load_output=False
        )
        for name in set(names) - {request_of(status).recording for status in active}:
            await asyncio.to_thread(self._recordings.delete, name)


def message_of(
    status: WorkflowStatus, metadata: Mapping[str, str], alerts: Sequence[Mapping[str, Any]]
) -> str:
    """Build the message that reports an ended job.

    The message has the state of the job and the rules that match, but not the result, which only the owner of
    the key may fetch.

    Args:
        status: the workflow of the job.
        metadata: the metadata of the request.
        alerts: the alerts in the result of the job.

    Returns:
        The message, in JSON.
    """
    ended = datetime.fromtimestamp((status.completed_at or status.updated_at or 0) / 1000, UTC)
    state = STATES[status.status]
    matches = [{"rule": alert["rule"], "severity": alert["severity"]} for alert in alerts]
    data = {"id": status.workflow_id, "state": state, "metadata": metadata, "alerts": matches}
    return json.dumps({"type": f"job.{state}", "timestamp": ended.isoformat(), "data": data})


def request_of(status: WorkflowStatus) -> JobRequest:
    """Read the request of a workflow, which must be listed with its input."""
    if status.input is None:
        raise AssertionError(status)
    return JobRequest.of_json(status.input["args"][0])
