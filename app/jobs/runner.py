"""Runs jobs, each to exactly one end, whatever dies meanwhile.

A process that dies leaves its jobs to the next one: on one machine to itself, started again; with
PostgreSQL to any other runner, which sees that the dead one's lock is free (`app.jobs.lease`). A job
that has killed three processes has failed.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, suppress
from datetime import timedelta
from pathlib import Path
from typing import Any, Protocol

from dbos import DBOS, DBOSClient, DBOSPortableJSONSerializer, PortableWorkflowError
from sqlalchemy.exc import SQLAlchemyError

from app.core.errors import SpeechEmotionError
from app.jobs.callbacks import GONE, OK, PAUSES, CallbackRefused, Rules, deliver
from app.jobs.database import ANALYZE, APPLICATION, CALLBACKS, CALLS, DELIVER, VERSION, open_client
from app.jobs.job import JobCancelled, Order, RecordingLost
from app.jobs.lease import Lease
from app.jobs.recordings import Recordings
from app.jobs.upkeep import Upkeep, call_back, read_order
from app.workers import WorkerLost

logger = logging.getLogger(__name__)

Answer = dict[str, Any]
Analyze = Callable[[Path, Order, Callable[[float], None]], Awaitable[Answer]]
"""From a recording and its order to the timeline; is given whom to tell of progress."""

TRIES = 3
"""How often a job may take its process down with it."""
TICK = 1.0
"""Seconds between looks at whether a job was cancelled, and notes of its progress."""
CALLBACKS_AT_A_TIME = 8


class Counts(Protocol):
    """Who counts callbacks."""

    def count_callback(self, status: int) -> None:
        """Count a try, by what the receiver answered; 0: nothing."""


class JobRunner:
    """Takes jobs from the queue, a few at a time. There is one in a process."""

    def __init__(
        self,
        url: str,
        recordings: Recordings,
        *,
        at_a_time: int,
        result_ttl: float,
        rules: Rules,
        counts: Counts,
    ) -> None:
        """Describe the runner.

        Args:
            url: of the database.
            recordings: where they are kept.
            at_a_time: how many jobs run here at a time.
            result_ttl: seconds that an ended job is kept.
            rules: of callbacks.
            counts: who counts callbacks.
        """
        self._url = url
        self._recordings = recordings
        self._at_a_time = at_a_time
        self._result_ttl = timedelta(seconds=result_ttl)
        self._rules = rules
        self._counts = counts
        self._analyses: set[asyncio.Task[Any]] = set()
        self._stopping = False

    @asynccontextmanager
    async def running(self, analyze: Analyze) -> AsyncIterator[None]:
        """Take jobs meanwhile, first those that this process, or one before it, left unfinished.

        Raises:
            JobsUnavailable: another process runs the jobs of this file.
        """
        lease = Lease(self._url)
        await asyncio.to_thread(lease.take)
        client = open_client(self._url, patient=True)
        await self._launch(client, analyze, lease.name)
        upkeep = asyncio.create_task(Upkeep(client, self._recordings, lease, self._result_ttl).keep_on())
        try:
            yield
        finally:
            await self._stop(client, upkeep, lease.name)
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
        DBOS.launch()  # workflows that are coroutines run in the loop that calls this
        for queue, at_a_time in ((CALLS, self._at_a_time), (CALLBACKS, CALLBACKS_AT_A_TIME)):
            await DBOS.register_queue_async(queue, worker_concurrency=at_a_time, on_conflict="always_update")

    async def _stop(self, client: DBOSClient, upkeep: asyncio.Task[None], name: str) -> None:
        """Leave what is unfinished to the next runner; it does not count as a failed try."""
        self._stopping = True
        tasks = [*self._analyses, upkeep]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await asyncio.to_thread(DBOS.destroy, destroy_registry=True)
        # DBOS had put its own threads in the place of the loop's, and took them along.
        asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor())
        left = await client.list_workflows_async(status="PENDING", executor_id=name, load_input=False)
        for queue, workflow in ((CALLS, ANALYZE), (CALLBACKS, DELIVER)):
            ids = [status.workflow_id for status in left if status.name == workflow]
            if ids:
                await client.resume_workflows_async(ids, queue_name=queue)

    def _register(self, client: DBOSClient, analyze: Analyze) -> None:
        """Tell DBOS what to do with a job, and with a callback."""

        @DBOS.step(name="analyze")
        async def outcome_of(job_id: str, order: Order) -> Answer:
            return await self._outcome(client, analyze, job_id, order)

        @DBOS.step(name="deliver")
        async def status_of(url: str, job_id: str, body: str) -> int:
            return await self._deliver(url, job_id, body)

        @DBOS.workflow(name=ANALYZE, max_recovery_attempts=TRIES - 1)
        async def analyze_call(details: dict[str, Any]) -> Answer:
            outcome = await outcome_of(DBOS.workflow_id or "", read_order(details))
            if "error" in outcome:
                raise PortableWorkflowError(outcome["message"], outcome["error"])
            return outcome

        @DBOS.workflow(name=DELIVER)
        async def deliver_callback(url: str, job_id: str, body: str, tries: int) -> int:
            status = await status_of(url, job_id, body)
            if status not in OK and status != GONE:
                if tries + 1 < len(PAUSES):
                    await call_back(client, url, job_id, body, tries + 1)
                else:
                    logger.error("job %s: nobody heard that it ended, in %d tries", job_id, tries + 1)
            return status

    async def _outcome(self, client: DBOSClient, analyze: Analyze, job_id: str, order: Order) -> Answer:
        """The timeline of a recording, or why there is none."""
        this = asyncio.current_task()
        if self._stopping or this is None:
            raise asyncio.CancelledError
        self._analyses.add(this)
        touch = _Touch(client, job_id)
        keeping = asyncio.create_task(touch.keep())
        try:
            outcome = await self._analyze(order, touch.tell, analyze)
        finally:
            keeping.cancel()
            self._analyses.discard(this)
        if "error" in outcome:
            logger.warning("job %s: %s: %s", job_id, outcome["error"], outcome["message"])
        else:
            logger.info("job %s: done", job_id)
        return outcome

    async def _analyze(self, order: Order, tell: Callable[[float], None], analyze: Analyze) -> Answer:
        """Analyse a recording, again if a worker died of it, but not for ever."""
        for tries_left in reversed(range(TRIES)):
            try:
                async with self._recordings.fetched(order.recording) as path:
                    return await analyze(path, order, tell)
            except (WorkerLost, RecordingLost) as error:
                if not tries_left:
                    return {"error": type(error).__name__, "message": str(error)}
            except SpeechEmotionError as error:
                return {"error": type(error).__name__, "message": str(error)}
        raise AssertionError

    async def _deliver(self, url: str, job_id: str, body: str) -> int:
        """Tell a receiver: the status that it answered, or 0."""
        try:
            status = await asyncio.to_thread(deliver, url, job_id, body, self._rules)
        except CallbackRefused as error:
            logger.warning("job %s: %s", job_id, error)
            status = 0
        self._counts.count_callback(status)
        return status


class _Touch:
    """Keeps the database and an analysis in touch: progress one way, a cancellation the other."""

    def __init__(self, client: DBOSClient, job_id: str) -> None:
        self._client = client
        self._job_id = job_id
        self._share = 0.0
        self._cancelled = False

    def tell(self, share: float) -> None:
        """Note the share that is done, and end what was cancelled."""
        self._share = share
        if self._cancelled:
            raise JobCancelled("The job was cancelled.")

    async def keep(self) -> None:
        """Look, and write, again and again."""
        written = 0.0
        while True:
            await asyncio.sleep(TICK)
            with suppress(SQLAlchemyError):  # the next look may find it
                found = await self._client.list_workflows_async(
                    workflow_ids=[self._job_id], load_input=False, load_output=False
                )
                self._cancelled = not found or found[0].status == "CANCELLED"
                if self._share != written and not self._cancelled:
                    written = self._share
                    await self._client.update_workflow_attributes_async(
                        self._job_id, {"progress": round(written, 3)}, merge=True
                    )
