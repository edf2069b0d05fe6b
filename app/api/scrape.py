"""`GET /metrics`, for Prometheus."""

from fastapi import APIRouter, Depends, Response
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from app.api.dependencies import ServiceDep, identify_caller
from app.jobs.job import JobsUnavailable

router = APIRouter(include_in_schema=False)


@router.get("/metrics", dependencies=[Depends(identify_caller)])
async def read_metrics(service: ServiceDep) -> Response:
    """Send all metrics in the text format of Prometheus."""
    if service.jobs is not None:
        try:
            jobs = await service.jobs.queue.count()
            webhooks = await service.jobs.queue.deliveries.count()
        except JobsUnavailable:
            jobs, webhooks = {}, {}
        service.metrics.show_jobs(jobs)
        service.metrics.show_webhooks(webhooks)
    return Response(generate_latest(service.metrics.registry), media_type=CONTENT_TYPE_LATEST)
