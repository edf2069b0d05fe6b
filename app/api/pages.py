"""Web pages that explain each kind of problem."""

from html import escape

from fastapi import APIRouter
from fastapi.responses import HTMLResponse
from starlette.exceptions import HTTPException

from app.api import problem_table

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
<p>Every answer of this kind is a problem document (RFC 9457). Its <code>detail</code> describes the
individual error. <a href="/docs">All addresses</a></p>
</body>
</html>
"""


@router.get("/problems/{code}")
async def explain_problem(code: str) -> HTMLResponse:
    """Send the page to which the `type` of a problem document refers."""
    problem = problem_table.BY_CODE.get(code)
    if problem is None:
        raise HTTPException(404)
    texts = {"title": problem.title, "code": problem.code, "remedy": problem.remedy}
    return HTMLResponse(
        PAGE.format(status=problem.status, **{name: escape(text) for name, text in texts.items()})
    )
