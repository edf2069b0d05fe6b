"""The lifespan of the application: start workers and jobs, stop them in reverse order."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
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
        try:
            if service.relay is not None:
                await service.relay.start()
            if service.settings.jobs:
                _, running_jobs = await asyncio.gather(service.pool.start(), _import_jobs())
                async with running_jobs(service) as jobs:
                    yield {"service": replace(service, jobs=jobs)}
            else:
                await service.pool.start()
                yield {"service": service}
        except SpeechEmotionError as error:
            app.state.failure = error
            raise
        finally:
            await service.live.stop()
            if service.relay is not None:
                await service.relay.stop()
            await service.pool.stop()

    return lifespan


async def _import_jobs() -> Callable[[Service], AbstractAsyncContextManager[Jobs]]:
    """Import `running_jobs` while the workers start, because the import of DBOS takes half a second."""

    def import_jobs() -> Callable[[Service], AbstractAsyncContextManager[Jobs]]:
        from app.jobs_lifespan import running_jobs  # noqa: PLC0415

        return running_jobs

    return await asyncio.to_thread(import_jobs)
