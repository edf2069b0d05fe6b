"""`GET /`: the web page of the service, and its files."""

from pathlib import Path

from fastapi import APIRouter, Request, Response
from starlette.staticfiles import StaticFiles

router = APIRouter(include_in_schema=False)

INDEX = "index.html"
METHODS = ["GET", "HEAD"]
# The folder is checked at the first request, so that the import has no side effects.
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
    # The browser revalidates each file by its ETag, so that an update never mixes old and new modules.
    "Cache-Control": "no-cache",
}


@router.api_route("/", methods=METHODS)
async def show_page(request: Request) -> Response:
    """Send the page on which a user drops a recording and sees its emotions."""
    return await _send(INDEX, request)


@router.api_route("/page/{name}", methods=METHODS)
async def send_file(name: str, request: Request) -> Response:
    """Send a file of the page: a style sheet, a module or an icon."""
    return await _send(name, request)


async def _send(name: str, request: Request) -> Response:
    """Send a file, or 304 if the copy of the browser is current, or 404 if the file does not exist."""
    response = await FILES.get_response(name, request.scope)
    response.headers.update(HEADERS)
    return response
