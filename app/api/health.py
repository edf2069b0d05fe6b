"""`GET /health/live` and `/health/ready`, for whoever restarts and balances."""

from fastapi import APIRouter

from app.api import problems
from app.api.dependencies import ServiceDep
from app.api.schemas import Health
from app.workers import NotReady

router = APIRouter(prefix="/health", tags=["health"])


@router.head("/live", include_in_schema=False)
@router.get(
    "/live", operation_id="getLiveness", summary="Is the process alive?", responses=problems.responses(500)
)
async def live() -> Health:
    """Answer as long as the event loop turns."""
    return Health(status="ok")


@router.head("/ready", include_in_schema=False)
@router.get(
    "/ready",
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
