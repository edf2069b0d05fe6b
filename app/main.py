"""The application: settings, bundles, pool, routes and middleware. The import has no side effects."""

import base64
from functools import partial
from typing import TYPE_CHECKING

from asgi_correlation_id import CorrelationIdMiddleware
from fastapi import FastAPI
from fastapi_offline import FastAPIOffline

from app import __version__
from app.answer_builder import AnswerBuilder
from app.api import (
    asyncapi,
    asyncapi_page,
    call_analysis,
    emotions,
    home,
    inference,
    jobs,
    keys,
    live,
    live_events,
    models,
    openapi,
    pages,
    probes,
    problems,
    scrape,
    webhooks,
)
from app.api.key_ring import KeyRing
from app.api.message_signature import SignatureVerifier
from app.api.metrics import Metrics
from app.api.model_chooser import ModelChooser
from app.api.observation import Observation
from app.api.rate_limit import RateLimiter, RateLimitFields
from app.api.security import Authenticator
from app.api.service import Service
from app.api.shadows import Shadows
from app.api.upload import UploadLimit
from app.audit import AuditLog
from app.core.bundle import find_bundles, read_bundle
from app.lifespan import lifespan_of
from app.live.messages import SessionLimits
from app.live.sessions import LiveLimits, LiveSessions
from app.pool.pool import WorkerPool
from app.pool.slots import Slots
from app.settings import Settings

if TYPE_CHECKING:
    from app.live.relay import Relay

JOB_WORKER_ROUTES = (probes, pages, scrape)
SERVICE_ROUTES = (
    emotions,
    inference,
    call_analysis,
    jobs,
    webhooks,
    live,
    live_events,
    models,
    keys,
    home,
    asyncapi,
    asyncapi_page,
)
TAGS = [
    {"name": "emotions", "description": "The emotions in a recording."},
    {"name": "jobs", "description": "Calls that are analyzed in the background."},
    {"name": "webhooks", "description": "Webhooks that could not be delivered."},
    {"name": "live", "description": "Calls that are analyzed while they happen. See also /asyncapi."},
    {"name": "models", "description": "The served models."},
    {"name": "keys", "description": "The API keys."},
    {"name": "open inference protocol", "description": "The same recognition, for platforms such as KServe."},
    {"name": "health", "description": "Probes for orchestrators and load balancers."},
]


def create_app(settings: Settings | None = None, *, runs_jobs_only: bool = False) -> FastAPI:
    """Create the application.

    Args:
        settings: the settings; None: those of the environment.
        runs_jobs_only: whether to run queued jobs and serve only health and metrics.

    Returns:
        An ASGI application. Its lifespan starts and stops the workers in `state.pool`; `state.live` has
        the live sessions. If the start fails, `state.failure` holds the reason.

    Raises:
        BundleError: there is no bundle, or a bundle is corrupt.
        RolloutInvalid: the file of the rollout is not valid.
        RulesInvalid: the file of rules is not valid.
        AuditLogUnavailable: the audit log cannot be opened.

    Example:
        >>> app = create_app(Settings(jobs=False))
        >>> app.title
        'Speech Emotion Service'
    """
    settings = settings or Settings()
    if runs_jobs_only:
        at_a_time = max(1, settings.jobs_at_a_time)
        settings = settings.model_copy(update={"jobs": True, "jobs_at_a_time": at_a_time})
    service = _service(settings)
    # FastAPIOffline includes the files of /docs, which FastAPI loads from a CDN.
    app = FastAPIOffline(
        title="Speech Emotion Service",
        version=__version__,
        description="Estimates the probabilities of anger, surprise, happiness, sadness and neutral in a "
        "recording. The page [/asyncapi](asyncapi) describes live calls.",
        openapi_tags=TAGS,
        lifespan=lifespan_of(service),
        redoc_url=None,
        redirect_slashes=False,
        # The project has its own log, and Prometheus metrics.
        telemetry={
            "tracing": settings.tracing,
            "auto_configure": settings.tracing,
            "logs": False,
            "metrics": False,
        },
    )
    app.state.pool, app.state.live, app.state.failure = service.pool, service.live, None
    for module in JOB_WORKER_ROUTES if runs_jobs_only else (*JOB_WORKER_ROUTES, *SERVICE_ROUTES):
        app.include_router(module.router)
    problems.install(app)
    openapi.install(app)
    _add_middleware(app, service)
    return app


def _service(settings: Settings) -> Service:
    """Check the bundles, the rollout and the rules, and build the container."""
    folders = find_bundles(settings.models_dir, settings.default_model)
    pool = WorkerPool(
        folders,
        n_workers=settings.workers,
        slots=Slots(settings.workers + settings.queue_depth, settings.key_concurrency),
        request_timeout=settings.request_timeout,
        max_worker_bytes=settings.max_worker_bytes,
        sandbox=settings.sandbox,
    )
    manifests = {folder.name: read_bundle(folder).manifest for folder in folders}
    chooser = ModelChooser(manifests, settings.default_model, settings.rollout)
    answers = AnswerBuilder.of(settings, manifests)
    live = LiveSessions(pool, _live_limits(settings), answers)
    metrics = Metrics(pool, live, chooser)
    audit = AuditLog(settings.audit_log)
    ring = KeyRing(settings.read_keys, settings.api_keys_file, partial(audit.write, "keys.reload"))
    return Service(
        settings,
        pool,
        manifests,
        chooser,
        answers,
        metrics,
        Shadows(pool, metrics),
        Authenticator(ring, settings.channel_policy),
        RateLimiter(settings.rate_limit),
        audit,
        live,
        _relay(settings),
        audiohook=_audiohook(settings),
    )


def _relay(settings: Settings) -> "Relay | None":
    """Return the relay of live messages, if several replicas share a database."""
    if not settings.jobs_url.startswith("postgresql:"):
        return None
    from app.live.relay import Relay  # noqa: PLC0415  # imports psycopg

    return Relay(settings.jobs_url)


def _audiohook(settings: Settings) -> SignatureVerifier | None:
    """Return the verifier of the requests of Genesys Cloud, if there is a secret."""
    secret = settings.audiohook_secret
    return SignatureVerifier(base64.b64decode(secret.get_secret_value())) if secret is not None else None


def _live_limits(settings: Settings) -> LiveLimits:
    """Return the limits of live sessions."""
    return LiveLimits(
        settings.live_sessions,
        settings.live_sessions_per_key,
        SessionLimits(
            max_seconds=settings.max_call_seconds,
            max_message_bytes=settings.live_max_message_bytes,
            max_speed=settings.live_max_speed,
            idle_seconds=settings.live_idle_seconds,
            reconnect_seconds=settings.live_reconnect_seconds,
        ),
    )


def _add_middleware(app: FastAPI, service: Service) -> None:
    """Add the middleware, innermost first: upload limits, rate limit, metrics and audit, request ID."""
    settings = service.settings
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
    if settings.rate_limit:
        app.add_middleware(RateLimitFields)
    app.add_middleware(Observation, metrics=service.metrics, audit=service.audit)
    app.add_middleware(CorrelationIdMiddleware, header_name=problems.REQUEST_ID_HEADER)
