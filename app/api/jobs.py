"""`/v1/jobs`: the analysis of calls in the background."""

import asyncio
import hashlib
import json
from pathlib import Path
from typing import Annotated
from uuid import NAMESPACE_URL, uuid4, uuid5

from fastapi import APIRouter, Header, Query, Request, Response

from app.answers import ProblemDocument, TimelineAnswer
from app.api import problems
from app.api.dependencies import CallerDep, CallOptionsDep, ChoiceDep, JobsDep, PoolDep, ServiceDep, requires
from app.api.schemas import Callback, JobAnswer, JobList
from app.api.service import Jobs
from app.api.upload import REQUEST_BODY, CallFile
from app.jobs.callbacks import check
from app.jobs.job import Job, JobRequest, State
from app.keys import KeyScope
from app.pool.tasks import InspectCall

RETRY_AFTER = "5"
"""Recommended seconds before the client first polls a new job."""

router = APIRouter(prefix="/v1/jobs", tags=["jobs"], dependencies=[requires(KeyScope.JOBS)])
callbacks = APIRouter()


@callbacks.post(
    "{$request.query.callback_url}",
    operation_id="onJobEnded",
    summary="A job has ended",
    status_code=204,
    response_description="the receiver accepts the callback; any other 2xx has the same effect",
    responses={
        410: {"description": "the service stops calling this receiver for the job"},
        "default": {
            "description": "the service tries again after increasing pauses; redirects are not followed"
        },
    },
)
async def on_job_ended(
    body: Callback,
    webhook_id: Annotated[str, Header(description="the ID of the job, the same on every try")],
    webhook_timestamp: Annotated[int, Header(description="the time of this try, in seconds since 1970")],
    webhook_signature: Annotated[
        str, Header(description="the signature, `v1,…`; verify it with a Standard Webhooks library")
    ],
) -> None:
    """Report the end of a job: up to ten tries in 75 hours, until the receiver answers 2xx.

    A callback may arrive more than once. All callbacks for a job have the same `webhook-id`.
    """


@router.post(
    "",
    operation_id="createJob",
    summary="Create a job that analyzes a call",
    status_code=202,
    responses={
        202: {
            "headers": {
                "Location": {"description": "the address of the job", "schema": {"type": "string"}},
                "Retry-After": {
                    "description": "the seconds to wait before the next request",
                    "schema": {"type": "integer"},
                },
            }
        },
        **problems.responses(400, 401, 403, 404, 408, 413, 415, 422, 429, 500, 503, 504, 507),
    },
    openapi_extra=REQUEST_BODY,
    callbacks=callbacks.routes,
)
async def create_job(  # noqa: PLR0913, PLR0917  # FastAPI passes all by name
    request: Request,
    response: Response,
    choice: ChoiceDep,
    options: CallOptionsDep,
    jobs: JobsDep,
    service: ServiceDep,
    caller: CallerDep,
    pool: PoolDep,
    file: CallFile,
    callback_url: Annotated[
        str | None, Query(max_length=2000, description="the receiver of a signed webhook when the job ends")
    ] = None,
    idempotency_key: Annotated[
        str | None,
        Header(
            min_length=1,
            max_length=255,
            description="a key of your choice; a repeated request with the same key returns the same job",
        ),
    ] = None,
) -> JobAnswer:
    """Store a call, as `/v1/audio/timeline` accepts it, and analyze the call in the background.

    The answer arrives at once. The job survives a restart of the service. Poll the job at Location.
    """
    settings = service.settings
    if callback_url is not None:
        await asyncio.to_thread(check, callback_url, jobs.policy)
    size = file.stat().st_size
    await asyncio.to_thread(jobs.recordings.check_room, size)
    header = await pool.run(
        InspectCall(str(file), settings.min_seconds, settings.max_job_seconds, settings.enabled_formats)
    )
    chosen = caller.channels.choose(header.n_channels, options.check(header.n_channels).channels)
    job_id = str(uuid5(NAMESPACE_URL, f"{caller.name}\n{idempotency_key}") if idempotency_key else uuid4())
    # A repeated request is the same request, also if the rollout would choose another bundle for it.
    requested = choice.model if choice.role == "named" else settings.default_model
    parameters: list[object] = [requested, options.model_dump(mode="json"), callback_url]
    digest = await asyncio.to_thread(_digest, file, parameters)
    # The job keeps the channels that its key permits now, because it runs without the key.
    options = options.model_copy(update={"channels": chosen})
    job_request = JobRequest(f"{job_id}/{uuid4()}", digest, choice.model, options, callback_url)
    job = await _submit(jobs, job_id, caller.name, job_request, file)
    request.state.target = job.id
    response.headers["Location"] = f"{router.prefix}/{job.id}"
    response.headers["Retry-After"] = RETRY_AFTER
    return answer(job)


@router.get(
    "",
    operation_id="listJobs",
    summary="List your jobs",
    responses=problems.responses(401, 403, 422, 429, 500, 503),
)
async def list_jobs(
    caller: CallerDep,
    jobs: JobsDep,
    state: Annotated[
        State | None, Query(description="the state of the jobs to list; all states if omitted")
    ] = None,
    limit: Annotated[int, Query(ge=1, le=100)] = 20,
    offset: Annotated[int, Query(ge=0, le=2**31)] = 0,
) -> JobList:
    """List the jobs of this API key, the newest first."""
    states = [state] if state else list(State)
    page = await jobs.queue.list(caller.name, states, limit + 1, offset)
    more = len(page) > limit
    return JobList(jobs=[answer(job) for job in page[:limit]], next_offset=offset + limit if more else None)


@router.get(
    "/{job_id}",
    operation_id="getJob",
    summary="Get a job",
    responses=problems.responses(401, 403, 404, 422, 429, 500, 503),
)
async def get_job(job_id: str, request: Request, caller: CallerDep, jobs: JobsDep) -> JobAnswer:
    """Get the state of a job, and its result after success."""
    job = await jobs.queue.find(job_id, caller.name)
    request.state.target = job.id
    return answer(job)


@router.delete(
    "/{job_id}",
    operation_id="deleteJob",
    summary="Cancel or delete a job",
    status_code=204,
    responses=problems.responses(401, 403, 404, 422, 429, 500, 503),
)
async def delete_job(job_id: str, request: Request, caller: CallerDep, jobs: JobsDep) -> None:
    """Cancel a queued or running job. Delete an ended job, its result and its delivered webhook."""
    recording = await jobs.queue.end(job_id, caller.name)
    request.state.target = job_id
    if recording is not None:
        await asyncio.to_thread(jobs.recordings.delete, recording)


async def _submit(jobs: Jobs, job_id: str, owner: str, job_request: JobRequest, file: Path) -> Job:
    """Store the recording, then submit the job. Delete the recording if the job existed already."""
    with file.open("rb") as recording:
        await asyncio.to_thread(jobs.recordings.put, job_request.recording, recording)
    new = False
    try:
        job, new = await jobs.queue.submit(job_id, owner, job_request)
    finally:
        if not new:
            await asyncio.to_thread(jobs.recordings.delete, job_request.recording)
    return job


def _digest(file: Path, options: list[object]) -> str:
    """Return the SHA-256 of a recording and of the parameters of its analysis."""
    with file.open("rb") as recording:
        digest = hashlib.file_digest(recording, "sha256")
    digest.update(json.dumps(options).encode())
    return digest.hexdigest()


def answer(job: Job) -> JobAnswer:
    """Convert a job to the answer for its owner."""
    problem: ProblemDocument | None = None
    if job.failure is not None:
        problem = problems.document_of(job.failure, job.id)
    return JobAnswer(
        id=job.id,
        state=job.state,
        progress=job.progress,
        metadata=job.metadata,
        created=job.created,
        finished=job.finished,
        result=None if job.result is None else TimelineAnswer.model_validate(job.result),
        problem=problem,
    )
