"""`/v1/jobs`: calls that are analysed later."""

import asyncio
import hashlib
import json
from pathlib import Path
from typing import Annotated
from uuid import NAMESPACE_URL, uuid4, uuid5

from fastapi import APIRouter, Depends, Header, Query, Request, Response

from app.api import problems
from app.api.dependencies import ChannelsDep, Jobs, JobsDep, ModelName, ServiceDep, identify_caller
from app.api.schemas import Callback, JobAnswer, JobList, ProblemDocument, TimelineAnswer
from app.api.upload import REQUEST_BODY, CallFile
from app.calls import choose_channels
from app.jobs.callbacks import check
from app.jobs.job import Job, Order, State
from app.tasks import InspectCall

RETRY_AFTER = "5"
"""Seconds after which a job that was just taken may be asked for."""

router = APIRouter(prefix="/v1/jobs", tags=["jobs"], dependencies=[Depends(identify_caller)])
callbacks = APIRouter()


@callbacks.post(
    "{$request.query.callback_url}",
    operation_id="onJobEnded",
    summary="A job has ended",
    status_code=204,
    response_description="heard; any other 2xx will do",
    responses={
        410: {"description": "do not call again"},
        "default": {"description": "call again, after a pause that grows; redirects are not followed"},
    },
)
async def on_job_ended(
    body: Callback,
    webhook_id: Annotated[str, Header(description="the same on every try; the job's id")],
    webhook_timestamp: Annotated[int, Header(description="of this try, in seconds since 1970")],
    webhook_signature: Annotated[
        str, Header(description="`v1,…`; check it with a Standard Webhooks library")
    ],
) -> None:
    """Say that a job has ended: ten tries in 75 hours, until the receiver answers 2xx.

    More than one may arrive of a job; `webhook-id` is the same.
    """


@router.post(
    "",
    operation_id="createJob",
    summary="Analyse a call later",
    status_code=202,
    responses={
        202: {
            "headers": {
                "Location": {"description": "of the job", "schema": {"type": "string"}},
                "Retry-After": {"description": "seconds to wait", "schema": {"type": "integer"}},
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
    model: ModelName,
    channels: ChannelsDep,
    jobs: JobsDep,
    service: ServiceDep,
    file: CallFile,
    merge: Annotated[  # noqa: FBT002  # FastAPI passes it by name
        bool, Query(description="make one segment of neighbours of the same emotion")
    ] = False,
    callback_url: Annotated[
        str | None, Query(max_length=2000, description="who is told of the end, by a signed webhook")
    ] = None,
    idempotency_key: Annotated[
        str | None,
        Header(min_length=1, max_length=255, description="the same key and recording are the same job"),
    ] = None,
) -> JobAnswer:
    """Take a call, as `/v1/audio/timeline` takes it, and analyse it when there is time.

    The answer comes at once; the job is kept whatever happens to the service. Ask for it at Location.
    """
    settings, caller = service.settings, request.state.caller
    if callback_url is not None:
        await asyncio.to_thread(check, callback_url, jobs.rules)
    size = file.stat().st_size
    await asyncio.to_thread(jobs.recordings.check_room, size)
    header = await service.pool.do(InspectCall(str(file), settings.min_seconds, settings.max_job_seconds))
    choose_channels(header, channels, settings.permitted_channels)
    job_id = str(uuid5(NAMESPACE_URL, f"{caller}\n{idempotency_key}") if idempotency_key else uuid4())
    digest = await asyncio.to_thread(_digest, file, [model, channels, merge, callback_url])
    order = Order(f"{job_id}/{uuid4()}", digest, model, channels, merge, callback_url)
    job = await _submit(jobs, job_id, caller, order, file)
    response.headers["Location"] = f"{router.prefix}/{job.id}"
    response.headers["Retry-After"] = RETRY_AFTER
    return answer(job)


@router.get(
    "",
    operation_id="listJobs",
    summary="List your jobs",
    responses=problems.responses(401, 422, 429, 500, 503),
)
async def list_jobs(
    request: Request,
    jobs: JobsDep,
    state: Annotated[State | None, Query(description="those in this state; all if not given")] = None,
    limit: Annotated[int, Query(ge=1, le=100)] = 20,
    offset: Annotated[int, Query(ge=0, le=2**31)] = 0,
) -> JobList:
    """Answer the jobs of the key that asks, the newest first."""
    states = [state] if state else list(State)
    found = await jobs.queue.list(request.state.caller, states, limit + 1, offset)
    more = len(found) > limit
    return JobList(jobs=[answer(job) for job in found[:limit]], next_offset=offset + limit if more else None)


@router.get(
    "/{job_id}",
    operation_id="getJob",
    summary="What has become of a job",
    responses=problems.responses(401, 404, 422, 429, 500, 503),
)
async def get_job(job_id: str, request: Request, jobs: JobsDep) -> JobAnswer:
    """Answer the state of a job, and its result once it has succeeded."""
    return answer(await jobs.queue.find(job_id, request.state.caller))


@router.delete(
    "/{job_id}",
    operation_id="deleteJob",
    summary="Cancel or forget a job",
    status_code=204,
    responses=problems.responses(401, 404, 422, 429, 500, 503),
)
async def delete_job(job_id: str, request: Request, jobs: JobsDep) -> None:
    """Cancel a job that waits or runs; forget one that has ended, with its result."""
    recording = await jobs.queue.end(job_id, request.state.caller)
    if recording is not None:
        await asyncio.to_thread(jobs.recordings.delete, recording)


async def _submit(jobs: Jobs, job_id: str, owner: str, order: Order, file: Path) -> Job:
    """Keep the recording first, so that no job is without; let it go if the job was there already."""
    with file.open("rb") as recording:
        await asyncio.to_thread(jobs.recordings.put, order.recording, recording)
    new = False
    try:
        job, new = await jobs.queue.submit(job_id, owner, order)
    finally:
        if not new:
            await asyncio.to_thread(jobs.recordings.delete, order.recording)
    return job


def _digest(file: Path, asked: list[object]) -> str:
    """SHA-256 of a recording and of what is asked of it."""
    with file.open("rb") as recording:
        digest = hashlib.file_digest(recording, "sha256")
    digest.update(json.dumps(asked).encode())
    return digest.hexdigest()


def answer(job: Job) -> JobAnswer:
    """Tell a job to whoever ordered it."""
    problem: ProblemDocument | None = None
    if job.failure is not None:
        problem = problems.document_of(job.failure, job.id)
    return JobAnswer(
        id=job.id,
        state=job.state,
        progress=job.progress,
        created=job.created,
        finished=job.finished,
        result=None if job.result is None else TimelineAnswer.model_validate(job.result),
        problem=problem,
    )
