"""`GET /health/live` and `/health/ready`, for orchestrators and load balancers.

`/v2/health/…` has the same probes in the Open Inference Protocol, which KServe uses.
"""

from fastapi import APIRouter

from app.api import problems
from app.api.dependencies import ServiceDep
from app.api.schemas import Health, Liveness, Readiness
from app.pool.errors import NotReady

router = APIRouter(tags=["health"])


@router.head("/health/live", include_in_schema=False)
@router.get(
    "/health/live",
    operation_id="getLiveness",
    summary="Check that the process is alive",
    responses=problems.responses(500),
)
async def live() -> Health:
    """Answer 200 while the event loop runs."""
    return Health(status="ok")


@router.head("/health/ready", include_in_schema=False)
@router.get(
    "/health/ready",
    operation_id="getReadiness",
    summary="Check that the service accepts requests",
    responses=problems.responses(500, 503),
)
async def ready(service: ServiceDep) -> Health:
    """Answer 200 while the workers accept recordings, and 503 before and after.

    The answer changes to 503 with the signal to stop. A load balancer then sends no more requests while the
    service answers the last ones.
    """
    if service.pool.draining or not service.pool.ready:
        raise NotReady("The service is starting or stopping. Try again in a moment.")
    return Health(status="ok")


@router.get(
    "/v2/health/live",
    operation_id="getServerLive",
    summary="Check that the process is alive (Open Inference Protocol)",
    responses=problems.responses(500),
)
async def server_live() -> Liveness:
    """Answer as `/health/live` does."""
    return Liveness(live=True)


@router.get(
    "/v2/health/ready",
    operation_id="getServerReady",
    summary="Check that the service accepts requests (Open Inference Protocol)",
    responses=problems.responses(500, 503),
)
async def server_ready(service: ServiceDep) -> Readiness:
    """Answer as `/health/ready` does."""
    await ready(service)
    return Readiness(ready=True)
