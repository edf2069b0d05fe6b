"""The application. Everything is wired here, and nothing happens at import."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from asgi_correlation_id import CorrelationIdMiddleware
from fastapi import FastAPI
from fastapi_offline import FastAPIOffline

from app import __version__
from app.api import emotions, health, home, models, openapi, pages, problems, timeline
from app.api.dependencies import Service
from app.api.metrics import Metrics
from app.api.observation import Observation
from app.api.security import Gate
from app.api.upload import UploadLimit
from app.core.bundle import read_bundle
from app.core.errors import BundleError
from app.settings import Settings
from app.workers import WorkerPool


def create_app(settings: Settings | None = None) -> FastAPI:
    """Make the application.

    Args:
        settings: by default those of the environment.

    Returns:
        An ASGI application; its lifespan starts and stops the workers, which are its `state.pool`.

    Raises:
        BundleError: no bundle is there, or one does not match itself.
    """
    settings = settings or Settings()
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
    async def lifespan(_app: FastAPI) -> AsyncIterator[dict[str, Any]]:
        await pool.start()
        yield {"service": service}
        await pool.stop()

    # FastAPIOffline brings the pages of /docs with it, where FastAPI's own load them from a CDN.
    app = FastAPIOffline(
        title="Speech Emotion Service",
        version=__version__,
        description="How probable anger, surprise, happiness, sadness and neutral are in a recording.",
        openapi_tags=[
            {"name": "emotions", "description": "What is heard in a recording."},
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
    app.state.pool = pool
    for api in (emotions, timeline, models, health, home, pages):
        app.include_router(api.router)
    problems.install(app)
    openapi.install(app)
    app.add_middleware(
        UploadLimit,
        max_bytes={"": settings.max_upload_bytes, "/v1/audio/timeline": settings.max_call_bytes},
        max_pause=settings.upload_pause,
        max_seconds=settings.upload_timeout,
    )
    app.add_middleware(Observation, metrics=service.metrics)
    app.add_middleware(CorrelationIdMiddleware, header_name=problems.REQUEST_ID_HEADER)
    return app


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
