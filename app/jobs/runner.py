"""The runner of jobs: each job ends exactly once, even if processes die.

Another process takes over the jobs of a dead process. On one machine, the restarted process takes over. With
PostgreSQL, any runner that finds the lock of the dead runner free takes over (`app.jobs.lease`). A job fails
after the death of three processes that ran this job.
"""

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Protocol

from dbos import DBOS, DBOSClient, DBOSPortableJSONSerializer, PortableWorkflowError
from sqlalchemy.exc import SQLAlchemyError

from app.core.errors import SpeechEmotionError, StorageFull
from app.jobs.backoff import PAUSES, draw_pause
from app.jobs.callbacks import GONE, OK, CallbackPolicy, CallbackRefused, Reply, deliver
from app.jobs.database import ANALYZE, APPLICATION, CALLBACKS, CALLS, DELIVER, VERSION, open_client
from app.jobs.deliveries import GIVEN_UP, number_of, schedule
from app.jobs.job import JobCancelled, JobRequest, JobsUnavailable
from app.jobs.lease import Lease
from app.jobs.maintenance import Maintenance
from app.jobs.recordings import Recordings
from app.jobs.webhook import Attempt, Webhook
from app.pool.errors import WorkerLost

logger = logging.getLogger(__name__)

Answer = dict[str, Any]
Analyze = Callable[[Path, JobRequest, Callable[[float], None]], Awaitable[Answer]]
"""A function of a recording, its request and a callback for the progress. It returns the timeline."""

TRIES = 3
"""The number of attempts for a job whose process dies."""
TICK = 1.0
"""The seconds between polls for cancellation, and between writes of progress."""
OUTAGE_SECONDS = 3600.0
"""The seconds for which a job waits for its store or for space on the disk. Not tuned."""
OUTAGE_PAUSE = 5.0
"""The seconds between two attempts meanwhile."""
CALLBACKS_AT_A_TIME = 8


class Counts(Protocol):
    """A counter of webhook deliveries."""

    def count_callback(self, status: int) -> None:
        """Count an attempt by the status of the receiver; 0 means no answer."""


class JobRunner:
    """A runner of a limited number of jobs at a time. Create one runner per process."""

    def __init__(
        self,
        url: str,
        recordings: Recordings,
        *,
        at_a_time: int,
        result_ttl: float,
        policy: CallbackPolicy,
        counts: Counts,
    ) -> None:
        """Create the runner without starting it.

        Args:
            url: the URL of the database.
            recordings: the store of recordings.
            at_a_time: the number of jobs that run in this process at a time.
            result_ttl: the seconds that an ended job is kept.
            policy: the callback policy.
            counts: the counter of webhook deliveries.
        """
        self._url = url
        self._recordings = recordings
        self._at_a_time = at_a_time
        self._result_ttl = timedelta(seconds=result_ttl)
        self._policy = policy
        self._counts = counts
        self._running: set[asyncio.Task[Any]] = set()
        self._stopping = False

    @asynccontextmanager
    async def running(self, analyze: Analyze) -> AsyncIterator[None]:
        """Run jobs inside the context. Start with the jobs that an earlier process left unfinished.

        Raises:
            JobsUnavailable: another process runs the jobs of this file.
        """
        lease = Lease(self._url)
        await asyncio.to_thread(lease.take)
        client = open_client(self._url, patient=True)
        await self._launch(client, analyze, lease.name)
        maintenance = asyncio.create_task(
            Maintenance(client, self._recordings, lease, self._result_ttl).keep_on()
        )
        try:
            yield
        finally:
            await self._stop(client, maintenance, lease.name)
            await asyncio.to_thread(client.destroy)
            await asyncio.to_thread(lease.release)

    async def _launch(self, client: DBOSClient, analyze: Analyze, name: str) -> None:
        """Start DBOS in this process, under the name of its lease."""
        DBOS(
            config={
                "name": APPLICATION,
                "system_database_url": self._url,
                "serializer": DBOSPortableJSONSerializer(),
                "application_version": VERSION,
                "executor_id": name,
                "enable_otlp": False,
                "log_level": "WARNING",
            }
        )
        self._register(client, analyze)
        DBOS.launch()  # from now on, coroutine workflows run in the current event loop
        for queue, at_a_time in ((CALLS, self._at_a_time), (CALLBACKS, CALLBACKS_AT_A_TIME)):
            await DBOS.register_queue_async(queue, worker_concurrency=at_a_time, on_conflict="always_update")

    async def _stop(self, client: DBOSClient, maintenance: asyncio.Task[None], name: str) -> None:
        """Return unfinished jobs to the queue, without counting a failed attempt."""
        self._stopping = True
        tasks = [*self._running, maintenance]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await asyncio.to_thread(DBOS.destroy, destroy_registry=True)
        # DBOS replaced the default executor of the loop with its own, and has shut its own executor down.
        asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor())
        unfinished = await client.list_workflows_async(status="PENDING", executor_id=name, load_input=False)
        for queue, workflow in ((CALLS, ANALYZE), (CALLBACKS, DELIVER)):
            ids = [status.workflow_id for status in unfinished if status.name == workflow]
            if ids:
                await client.resume_workflows_async(ids, queue_name=queue)

    def _register(self, client: DBOSClient, analyze: Analyze) -> None:
        """Register the workflows of a job and of a webhook with DBOS."""

        @DBOS.step(name="analyze")
        async def outcome_of(job_id: str, request: JobRequest) -> Answer:
            return await self._outcome(client, analyze, job_id, request)

        @DBOS.step(name="deliver")
        async def outcome_of_attempt(url: str, webhook_id: str, body: str, tries: int) -> Answer:
            return await self._deliver(url, webhook_id, body, tries)

        @DBOS.workflow(name=ANALYZE, max_recovery_attempts=TRIES - 1)
        async def analyze_call(details: dict[str, Any]) -> Answer:
            request = JobRequest.of_json(details)
            if request.timeline is not None:
                return request.timeline
            outcome = await outcome_of(DBOS.workflow_id or "", request)
            if "error" in outcome:
                raise PortableWorkflowError(outcome["message"], outcome["error"])
            return outcome

        @DBOS.workflow(name=DELIVER)
        async def deliver_callback(url: str, webhook_id: str, body: str, tries: int) -> int:
            outcome = await outcome_of_attempt(url, webhook_id, body, tries)
            status: int = outcome["status"]
            if status in OK or status == GONE:
                return status
            number = number_of(DBOS.workflow_id or "") + 1
            if outcome["pause"] is None:
                logger.error("webhook %s: not accepted in %d attempts", webhook_id, number)
                raise PortableWorkflowError("The webhook was not accepted.", GIVEN_UP, status)
            webhook = Webhook(webhook_id, DBOS.authenticated_user, url, body)
            last = Attempt(status, datetime.fromisoformat(outcome["ended"]))
            await schedule(client, webhook, number, tries=tries + 1, delay=outcome["pause"], last=last)
            return status

    async def _outcome(
        self, client: DBOSClient, analyze: Analyze, job_id: str, request: JobRequest
    ) -> Answer:
        """Return the timeline of a recording, or the error."""
        task = asyncio.current_task()
        if self._stopping or task is None:
            raise asyncio.CancelledError
        self._running.add(task)
        poll = _ProgressPoll(client, job_id)
        poll_task = asyncio.create_task(poll.run())
        try:
            outcome = await self._analyze(job_id, request, poll.report, analyze)
        finally:
            poll_task.cancel()
            self._running.discard(task)
        if "error" in outcome:
            logger.warning("job %s: %s: %s", job_id, outcome["error"], outcome["message"])
        else:
            logger.info("job %s: completed", job_id)
        return outcome

    async def _analyze(
        self, job_id: str, request: JobRequest, report: Callable[[float], None], analyze: Analyze
    ) -> Answer:
        """Analyze a recording. Retry after a worker death, up to TRIES attempts, and during an outage."""
        deaths, end = 0, time.monotonic() + OUTAGE_SECONDS
        while True:
            try:
                report(0.0)
                async with self._recordings.fetched(request.recording) as path:
                    return await analyze(path, request, report)
            except WorkerLost as error:
                deaths += 1
                if deaths == TRIES:
                    return _failure(error)
            except (JobsUnavailable, StorageFull) as error:
                if time.monotonic() > end:
                    return _failure(error)
                logger.warning("job %s waits: %s %r", job_id, error, error.__cause__)
                await asyncio.sleep(OUTAGE_PAUSE)
            except SpeechEmotionError as error:
                return _failure(error)

    async def _deliver(self, url: str, webhook_id: str, body: str, tries: int) -> Answer:
        """Attempt to deliver a webhook.

        Returns:
            The status of the receiver, the time, and the pause in seconds before the next attempt; None after
            the last one. DBOS stores them, so that a recovered workflow schedules the same attempt.
        """
        try:
            reply = await asyncio.to_thread(deliver, url, webhook_id, body, self._policy)
        except CallbackRefused as error:
            logger.warning("webhook %s: %s", webhook_id, error)
            reply = Reply(0)
        self._counts.count_callback(reply.status)
        pause = draw_pause(tries + 1, reply.retry_after) if tries + 1 < len(PAUSES) else None
        return {"status": reply.status, "ended": datetime.now(UTC).isoformat(), "pause": pause}


def _failure(error: SpeechEmotionError) -> Answer:
    return {"error": type(error).__name__, "message": str(error)}


class _ProgressPoll:
    """A poller that stores the progress of an analysis and detects its cancellation."""

    def __init__(self, client: DBOSClient, job_id: str) -> None:
        self._client = client
        self._job_id = job_id
        self._share = 0.0
        self._cancelled = False

    def report(self, share: float) -> None:
        """Record the completed share, and stop a canceled analysis."""
        self._share = share
        if self._cancelled:
            raise JobCancelled("The job was canceled.")

    async def run(self) -> None:
        """Poll for cancellation of the job and store its progress, until this coroutine is canceled."""
        stored = 0.0
        while True:
            await asyncio.sleep(TICK)
            with suppress(SQLAlchemyError):  # the next poll may succeed
                statuses = await self._client.list_workflows_async(
                    workflow_ids=[self._job_id], load_input=False, load_output=False
                )
                self._cancelled = not statuses or statuses[0].status == "CANCELLED"
                if self._share != stored and not self._cancelled:
                    stored = self._share
                    await self._client.update_workflow_attributes_async(
                        self._job_id, {"progress": round(stored, 3)}, merge=True
                    )
