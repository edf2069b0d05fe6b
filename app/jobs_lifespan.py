"""The lifespan of jobs: the queue and, if jobs run in this process, the runner."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

from app.api.service import Jobs, Service
from app.calls.analysis import CallAnalyzer, Limits
from app.jobs.callbacks import CallbackPolicy
from app.jobs.job import DatabaseAway, JobRequest
from app.jobs.queue import JobQueue
from app.jobs.recordings import Recordings
from app.jobs.runner import Answer, JobRunner
from app.settings import Settings

logger = logging.getLogger(__name__)

RETRY = 2.0
"""The seconds between two attempts to reach the database at the start. Not tuned."""


@asynccontextmanager
async def running_jobs(service: Service) -> AsyncIterator[Jobs]:
    """Open the queue, and run jobs if the settings permit jobs in this process.

    While the PostgreSQL server of the jobs does not answer, the start waits.

    Raises:
        JobsUnavailable: the database of the jobs cannot be used, or another process runs its jobs.
    """
    settings = service.settings
    queue = await _open_queue(settings)
    recordings = Recordings(settings.recordings_url)
    policy = CallbackPolicy(settings.signing_secrets, settings.callback_private)
    try:
        if settings.jobs_at_a_time:
            runner = JobRunner(
                settings.jobs_database,
                recordings,
                at_a_time=settings.jobs_at_a_time,
                result_ttl=settings.result_ttl,
                policy=policy,
                counts=service.metrics,
            )
            async with runner.running(partial(_analyze, service)):
                yield Jobs(queue, recordings, policy)
        else:
            yield Jobs(queue, recordings, policy)
    finally:
        await queue.close()


async def _open_queue(settings: Settings) -> JobQueue:
    """Open the queue as soon as its database answers."""
    while True:
        try:
            return await asyncio.to_thread(JobQueue, settings.jobs_database, settings.jobs_depth)
        except DatabaseAway as error:
            logger.warning("the start waits for the database of the jobs: %s", error)
            await asyncio.sleep(RETRY)


async def _analyze(
    service: Service, path: Path, request: JobRequest, report: Callable[[float], None]
) -> Answer:
    """Compute the answer of `/v1/audio/timeline` within the limits of jobs."""
    settings = service.settings
    service.find_model(request.model)  # the bundle may have been removed since the job was accepted
    limits = Limits(
        settings.min_seconds, settings.max_job_seconds, settings.job_timeout, settings.enabled_formats
    )
    analyzer = CallAnalyzer(service.pool, limits, settings.channel_policy)
    timeline = await analyzer.analyze(path, request.model, request.options, report)
    service.metrics.count_timeline(request.model, timeline)
    answer = service.answers.build(request.model, timeline, request.options)
    service.metrics.count_alerts(answer.alerts)
    return answer.model_dump()
