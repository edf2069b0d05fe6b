"""`GET /`: the page for people, and the files that it is made of."""

from pathlib import Path

from fastapi import APIRouter, Request, Response
from starlette.staticfiles import StaticFiles

router = APIRouter(include_in_schema=False)

INDEX = "index.html"
METHODS = ["GET", "HEAD"]
# Looked for when it is asked for: nothing happens at import.
FILES = StaticFiles(directory=Path(__file__).parent / "page", check_dir=False)
POLICY = {
    "default-src": "'none'",
    "script-src": "'self'",
    "style-src": "'self'",
    "connect-src": "'self'",
    "img-src": "'self' data:",
    "media-src": "'self' blob:",
    "font-src": "'none'",
    "base-uri": "'none'",
    "form-action": "'none'",
    "frame-ancestors": "'none'",
}
HEADERS = {
    "Content-Security-Policy": "; ".join(f"{directive} {sources}" for directive, sources in POLICY.items()),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Permissions-Policy": "microphone=(self)",
    # Asked for anew each time, by its ETag: after an update no old module meets a new one.
    "Cache-Control": "no-cache",
}


@router.api_route("/", methods=METHODS)
async def show_page(request: Request) -> Response:
    """The page where a recording is dropped, and what is heard in it is seen."""
    return await _send(INDEX, request)


@router.api_route("/page/{name}", methods=METHODS)
async def send_file(name: str, request: Request) -> Response:
    """A file of the page: style, module or icon."""
    return await _send(name, request)


async def _send(name: str, request: Request) -> Response:
    """A file, or that the browser's copy is the same; none of that name is 404."""
    response = await FILES.get_response(name, request.scope)
    response.headers.update(HEADERS)
    return response
