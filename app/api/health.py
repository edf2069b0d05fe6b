"""`GET /health/live` and `/health/ready`, for whoever restarts and balances.

And the same by the Open Inference Protocol, `/v2/health/…`, which KServe asks.
"""

from fastapi import APIRouter

from app.api import problems
from app.api.dependencies import ServiceDep
from app.api.schemas import Health, Liveness, Readiness
from app.workers import NotReady

router = APIRouter(tags=["health"])


@router.head("/health/live", include_in_schema=False)
@router.get(
    "/health/live",
    operation_id="getLiveness",
    summary="Is the process alive?",
    responses=problems.responses(500),
)
async def live() -> Health:
    """Answer as long as the event loop turns."""
    return Health(status="ok")


@router.head("/health/ready", include_in_schema=False)
@router.get(
    "/health/ready",
    operation_id="getReadiness",
    summary="Can it take requests?",
    responses=problems.responses(500, 503),
)
async def ready(service: ServiceDep) -> Health:
    """Answer 200 while the workers take recordings, and 503 before and after.

    It turns 503 with the signal to stop, so that no more are sent while the last are answered.
    """
    if service.pool.draining or not service.pool.ready:
        raise NotReady("The service is starting or stopping.")
    return Health(status="ok")


@router.get(
    "/v2/health/live",
    operation_id="getServerLive",
    summary="Is the process alive? (Open Inference Protocol)",
    responses=problems.responses(500),
)
async def server_live() -> Liveness:
    """Answer as `/health/live` does."""
    return Liveness(live=True)


@router.get(
    "/v2/health/ready",
    operation_id="getServerReady",
    summary="Can it take requests? (Open Inference Protocol)",
    responses=problems.responses(500, 503),
)
async def server_ready(service: ServiceDep) -> Readiness:
    """Answer as `/health/ready` does."""
    await ready(service)
    return Readiness(ready=True)
