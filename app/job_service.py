"""Jobs, put together from the settings: the queue that takes them and, where they run here, the runner."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

from app.api.dependencies import Jobs, Service
from app.api.schemas import TimelineAnswer
from app.calls import CallAnalyzer, Limits
from app.jobs.callbacks import Rules
from app.jobs.job import Order
from app.jobs.queue import JobQueue
from app.jobs.recordings import Recordings
from app.jobs.runner import Answer, JobRunner


@asynccontextmanager
async def running_jobs(service: Service) -> AsyncIterator[Jobs]:
    """Take jobs, and run them, as the settings have it.

    Raises:
        JobsUnavailable: the database of the jobs cannot be reached, or belongs to another process.
    """
    settings = service.settings
    queue = await asyncio.to_thread(JobQueue, settings.jobs_database, settings.jobs_depth)
    recordings = Recordings(settings.recordings_url)
    rules = Rules(settings.signing_secrets, settings.callback_private)
    try:
        if settings.jobs_at_a_time:
            runner = JobRunner(
                settings.jobs_database,
                recordings,
                at_a_time=settings.jobs_at_a_time,
                result_ttl=settings.result_ttl,
                rules=rules,
                counts=service.metrics,
            )
            async with runner.running(partial(_analyze, service)):
                yield Jobs(queue, recordings, rules)
        else:
            yield Jobs(queue, recordings, rules)
    finally:
        await queue.close()


async def _analyze(service: Service, path: Path, order: Order, tell: Callable[[float], None]) -> Answer:
    """What `/v1/audio/timeline` answers, within the limits of jobs."""
    settings = service.settings
    service.find_model(order.model)  # it may have been there when the job was taken, and not any more
    limits = Limits(settings.min_seconds, settings.max_job_seconds, settings.job_timeout)
    analyzer = CallAnalyzer(service.pool, limits, settings.permitted_channels)
    timeline = await analyzer.analyze(path, order.model, order.channels, tell)
    service.metrics.count_timeline(order.model, timeline)
    return TimelineAnswer.of(order.model, timeline, merged=order.merge).model_dump()
