"""Pages for people: what each kind of problem means. And what Prometheus reads."""

from html import escape

from fastapi import APIRouter, Depends, Response
from fastapi.responses import HTMLResponse
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from starlette.exceptions import HTTPException

from app.api import problems
from app.api.dependencies import ServiceDep, identify_caller
from app.jobs.job import JobsUnavailable

router = APIRouter(include_in_schema=False)

PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>
:root {{ color-scheme: light dark; }}
body {{ font: 1.05rem/1.6 system-ui, sans-serif; max-width: 40rem; margin: 4rem auto; padding: 0 1.5rem; }}
code {{ font-size: 0.95em; }}
dt {{ font-weight: 600; }}
dd {{ margin: 0 0 1rem; }}
</style>
</head>
<body>
<h1>{title}</h1>
<dl>
<dt>Code</dt><dd><code>{code}</code></dd>
<dt>Status</dt><dd>{status}</dd>
<dt>What to do</dt><dd>{remedy}</dd>
</dl>
<p>Every answer of this kind is a problem document (RFC 9457); its <code>detail</code> says what was wrong
this time. <a href="/docs">All addresses</a></p>
</body>
</html>
"""


@router.get("/problems/{code}")
async def explain_problem(code: str) -> HTMLResponse:
    """What a `type` of problem leads to."""
    problem = problems.BY_CODE.get(code)
    if problem is None:
        raise HTTPException(404)
    texts = {"title": problem.title, "code": problem.code, "remedy": problem.remedy}
    return HTMLResponse(
        PAGE.format(status=problem.status, **{name: escape(text) for name, text in texts.items()})
    )


@router.get("/metrics", dependencies=[Depends(identify_caller)])
async def read_metrics(service: ServiceDep) -> Response:
    """Everything that is counted, as Prometheus reads it."""
    if service.jobs is not None:
        try:
            counts = await service.jobs.queue.count()
        except JobsUnavailable:
            counts = {}
        service.metrics.show_jobs(counts)
    return Response(generate_latest(service.metrics.registry), media_type=CONTENT_TYPE_LATEST)
