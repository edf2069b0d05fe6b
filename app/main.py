"""The application. Everything is wired here, and nothing happens at import."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from asgi_correlation_id import CorrelationIdMiddleware
from fastapi import FastAPI
from fastapi_offline import FastAPIOffline

from app import __version__
from app.api import emotions, health, home, jobs, models, openapi, pages, problems, timeline
from app.api.dependencies import Jobs, Service
from app.api.metrics import Metrics
from app.api.observation import Observation
from app.api.security import Gate
from app.api.upload import UploadLimit
from app.core.bundle import read_bundle
from app.core.errors import BundleError, SpeechEmotionError
from app.settings import Settings
from app.workers import WorkerPool


def create_app(settings: Settings | None = None, *, runs_jobs_only: bool = False) -> FastAPI:
    """Make the application.

    Args:
        settings: by default those of the environment.
        runs_jobs_only: answer nothing but health and metrics; the jobs come from the queue.

    Returns:
        An ASGI application; its lifespan starts and stops the workers, which are its `state.pool`.
        Where it cannot start, its `state.failure` says why.

    Raises:
        BundleError: no bundle is there, or one does not match itself.
    """
    settings = settings or Settings()
    if runs_jobs_only:
        at_a_time = max(1, settings.jobs_at_a_time)
        settings = settings.model_copy(update={"jobs": True, "jobs_at_a_time": at_a_time})
    folders = find_bundles(settings)
    pool = WorkerPool(
        folders,
        n_workers=settings.workers,
        queue_depth=settings.queue_depth,
        request_timeout=settings.request_timeout,
        max_worker_bytes=settings.max_worker_bytes,
    )
    service = Service(
        settings,
        pool,
        {folder.name: read_bundle(folder).manifest for folder in folders},
        Metrics(pool),
        Gate(settings.key_hashes, settings.rate_limit),
    )

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[dict[str, Any]]:
        try:
            if settings.jobs:
                _, running_jobs = await asyncio.gather(pool.start(), _import_jobs())
                async with running_jobs(service) as jobs:
                    yield {"service": replace(service, jobs=jobs)}
            else:
                await pool.start()
                yield {"service": service}
        except SpeechEmotionError as error:
            app.state.failure = error
            raise
        finally:
            await pool.stop()

    # FastAPIOffline brings the pages of /docs with it, where FastAPI's own load them from a CDN.
    app = FastAPIOffline(
        title="Speech Emotion Service",
        version=__version__,
        description="How probable anger, surprise, happiness, sadness and neutral are in a recording.",
        openapi_tags=[
            {"name": "emotions", "description": "What is heard in a recording."},
            {"name": "jobs", "description": "Calls that are analysed later."},
            {"name": "models", "description": "What answers."},
            {"name": "health", "description": "For whoever restarts and balances."},
        ],
        lifespan=lifespan,
        redoc_url=None,
        redirect_slashes=False,
        # The log is our own, and the metrics are Prometheus's.
        telemetry={
            "tracing": settings.tracing,
            "auto_configure": settings.tracing,
            "logs": False,
            "metrics": False,
        },
    )
    app.state.pool, app.state.failure = pool, None
    apis = (health, pages) if runs_jobs_only else (emotions, timeline, jobs, models, health, home, pages)
    for api in apis:
        app.include_router(api.router)
    problems.install(app)
    openapi.install(app)
    app.add_middleware(
        UploadLimit,
        max_bytes={
            "": settings.max_upload_bytes,
            "/v1/audio/timeline": settings.max_call_bytes,
            "/v1/jobs": settings.max_job_bytes,
        },
        max_pause=settings.upload_pause,
        max_seconds=settings.upload_timeout,
    )
    app.add_middleware(Observation, metrics=service.metrics)
    app.add_middleware(CorrelationIdMiddleware, header_name=problems.REQUEST_ID_HEADER)
    return app


async def _import_jobs() -> Callable[[Service], AbstractAsyncContextManager[Jobs]]:
    """What runs jobs; it brings DBOS, whose import takes half a second, while the workers start."""

    def import_jobs() -> Callable[[Service], AbstractAsyncContextManager[Jobs]]:
        from app.job_service import running_jobs  # noqa: PLC0415

        return running_jobs

    return await asyncio.to_thread(import_jobs)


def find_bundles(settings: Settings) -> list[Path]:
    """Find the bundles to serve, ordered by name.

    Raises:
        BundleError: the folder is not there, or the default bundle is not in it.
    """
    folder = settings.models_dir
    if not folder.is_dir():
        raise BundleError(f"SER_MODELS_DIR: there is no folder {folder}")
    bundles = sorted(entry for entry in folder.iterdir() if entry.is_dir() and not entry.name.startswith("."))
    names = [bundle.name for bundle in bundles]
    if settings.default_model not in names:
        raise BundleError(
            f"SER_DEFAULT_MODEL: {folder} holds no bundle {settings.default_model!r}, "
            f"only: {', '.join(names) or 'nothing'}"
        )
    return bundles
