"""The job queue as the interface for callers: submit, find, list, cancel and delete jobs."""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime

from dbos import EnqueueOptions, PortableWorkflowError, WorkflowStatus
from dbos import error as dbos_errors

from app.jobs.database import (
    ANALYZE,
    CALLS,
    SETTLED,
    STATES,
    VERSION,
    count_by_state,
    open_client,
    open_engine,
    prepare,
    reachable,
    statuses,
)
from app.jobs.deliveries import Deliveries
from app.jobs.job import (
    Failure,
    IdempotencyKeyReused,
    Job,
    JobNotFound,
    JobRequest,
    JobsFull,
    State,
)


class JobQueue:
    """A queue that accepts jobs and reports their state.

    Attributes:
        deliveries: the deliveries of webhooks in the same database.
    """

    def __init__(self, url: str, max_waiting: int) -> None:
        """Open the queue.

        Args:
            url: `sqlite:///file` or `postgresql://…`.
            max_waiting: the number of jobs that may wait or run.

        Raises:
            DatabaseAway: the PostgreSQL server does not answer.
            JobsUnavailable: the database cannot be used.
        """
        prepare(url)
        self._client = open_client(url, patient=False)
        self._engine = open_engine(url)
        self._max_waiting = max_waiting
        self.deliveries = Deliveries(self._client, self._engine)

    async def close(self) -> None:
        """Close the connections to the database."""
        await asyncio.to_thread(self._client.destroy)

    @reachable()
    async def submit(self, job_id: str, owner: str, request: JobRequest) -> tuple[Job, bool]:
        """Accept a job.

        Args:
            job_id: the identifier of the job. If a job with this identifier exists, that job is returned.
            owner: the name of the API key.
            request: the analysis to perform.

        Returns:
            The job, and whether it is new.

        Raises:
            JobsFull: the job queue is full.
            IdempotencyKeyReused: the identifier belongs to a job with another request.
        """
        existing = await self._client.list_workflows_async(workflow_ids=[job_id])
        if not existing:
            await self._check_waiting()
            options: EnqueueOptions = {
                "workflow_name": ANALYZE,
                "queue_name": CALLS,
                "workflow_id": job_id,
                "workflow_id_reuse_policy": "reject",
                "authenticated_user": owner,
                "attributes": {
                    "digest": request.digest,
                    "metadata": request.options.metadata,
                    "progress": 0.0,
                    SETTLED: False,
                },
                "app_version": VERSION,
            }
            try:
                await self._client.enqueue_async(options, request.to_json())
            except dbos_errors.DBOSWorkflowIDInUseError:  # a concurrent request created the job
                pass
            else:
                return await self.find(job_id, owner), True
        job = await self.find(job_id, owner)
        if job.digest != request.digest:
            raise IdempotencyKeyReused(
                "This Idempotency-Key was already used with another recording or other parameters. "
                "Use a new key for each job."
            )
        return job, False

    @reachable()
    async def find(self, job_id: str, owner: str) -> Job:
        """Find a job.

        Raises:
            JobNotFound: the owner has no job with this identifier.
        """
        workflows = await self._client.list_workflows_async(workflow_ids=[job_id], name=ANALYZE, user=owner)
        if not workflows:
            raise JobNotFound(f"There is no job {job_id}. Ended jobs are deleted after SER_RESULT_TTL.")
        return job_of(workflows[0])

    @reachable()
    async def list(self, owner: str, states: Sequence[State], limit: int, offset: int) -> list[Job]:
        """List an owner's jobs in some states, without results, newest first."""
        workflows = await self._client.list_workflows_async(
            name=ANALYZE,
            user=owner,
            status=statuses(*states),
            limit=limit,
            offset=offset,
            sort_desc=True,
            load_input=False,
            load_output=False,
        )
        return [job_of(status) for status in workflows]

    @reachable()
    async def end(self, job_id: str, owner: str) -> str | None:
        """Cancel a job, or delete it and its delivered webhook if it has ended.

        Returns:
            The recording of a deleted job, in case it still exists; otherwise None.

        Raises:
            JobNotFound: the owner has no job with this identifier.
        """
        job = await self.find(job_id, owner)
        if not job.state.ended:
            await self._client.cancel_workflow_async(job_id)
            return None
        await self.deliveries.forget(job_id)
        await self._client.delete_workflows_async([job_id])
        return job.recording

    @reachable()
    async def count(self) -> dict[State, int]:
        """Count the jobs of all owners in each state."""
        return await asyncio.to_thread(count_by_state, self._engine, ANALYZE)

    async def _check_waiting(self) -> None:
        counts = await self.count()
        if counts[State.QUEUED] + counts[State.RUNNING] >= self._max_waiting:
            raise JobsFull(f"The job queue is full: {self._max_waiting} jobs wait or run. Try again later.")


def job_of(status: WorkflowStatus) -> Job:
    """Read a workflow as a job."""
    attributes = status.attributes or {}
    state = STATES[status.status]
    failure = None
    if isinstance(status.error, PortableWorkflowError):
        failure = Failure(status.error.name, status.error.message)
    elif status.status == "MAX_RECOVERY_ATTEMPTS_EXCEEDED":
        failure = Failure("WorkerLost", "Each process that ran this job died.")
    finished = status.completed_at or (status.updated_at if state.ended else None)
    return Job(
        id=status.workflow_id,
        owner=status.authenticated_user or "",
        state=state,
        progress=1.0 if state is State.SUCCEEDED else float(attributes.get("progress", 0)),
        created=_time(status.created_at or 0),
        finished=None if finished is None else _time(finished),
        digest=attributes.get("digest", ""),
        metadata=attributes.get("metadata", {}),
        recording=status.input["args"][0]["recording"] if status.input else None,
        result=status.output if state is State.SUCCEEDED else None,
        failure=failure,
    )


def _time(milliseconds: int) -> datetime:
    return datetime.fromtimestamp(milliseconds / 1000, UTC)
