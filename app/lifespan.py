"""The lifespan of the application: start workers and jobs, stop live sessions and them in reverse order."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import replace
from typing import Any

from fastapi import FastAPI

from app.api.service import Jobs, Service
from app.core.errors import SpeechEmotionError

Lifespan = Callable[[FastAPI], AbstractAsyncContextManager[dict[str, Any]]]


def lifespan_of(service: Service) -> Lifespan:
    """Create the lifespan of an application.

    Args:
        service: the container of the pool and of the settings.

    Returns:
        A context manager for FastAPI. Its state holds the service; if the start fails, the
        application's `state.failure` holds the reason.
    """

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[dict[str, Any]]:
        async with AsyncExitStack() as stack:
            stack.push_async_callback(service.pool.stop)
            if service.relay is not None:
                stack.push_async_callback(service.relay.stop)
            try:
                started = await _start(service, stack)
            except SpeechEmotionError as error:
                app.state.failure = error
                raise
            stack.push_async_callback(service.shadows.finish)
            # Sessions end first, since they need the workers, the jobs and the relay.
            stack.push_async_callback(service.live.stop)
            yield {"service": started}

    return lifespan


async def _start(service: Service, stack: AsyncExitStack) -> Service:
    """Start the workers and the jobs, which the stack stops, and return the service with its jobs."""
    if not service.settings.jobs:
        await service.pool.start()
        return service
    _, running_jobs = await asyncio.gather(service.pool.start(), _import_jobs())
    return replace(service, jobs=await stack.enter_async_context(running_jobs(service)))


async def _import_jobs() -> Callable[[Service], AbstractAsyncContextManager[Jobs]]:
    """Import `running_jobs` while the workers start, because the import of DBOS takes half a second."""

    def import_jobs() -> Callable[[Service], AbstractAsyncContextManager[Jobs]]:
        from app.jobs_lifespan import running_jobs  # noqa: PLC0415

        return running_jobs

    return await asyncio.to_thread(import_jobs)
