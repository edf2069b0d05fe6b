"""From errors to problem documents (RFC 9457), by one table.

An error has the row of its own class, or else of the nearest class above it.
"""

import logging
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from asgi_correlation_id import correlation_id
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from app.api.schemas import ProblemDocument
from app.api.upload import InvalidRequest, MalformedRequest, UploadTooLarge
from app.core.errors import (
    AudioTooLong,
    AudioTooShort,
    AudioUndecodable,
    ChannelNotFound,
    ModelNotFound,
    SpeechEmotionError,
    UnsupportedMediaType,
)
from app.workers import DeadlineExceeded, NotReady, Overloaded

logger = logging.getLogger("uvicorn.error")

MEDIA_TYPE = "application/problem+json"
REQUEST_ID_HEADER = "X-Request-ID"
INTERNAL_DETAIL = "The service failed. It is not your request's fault; report it with the request_id."


@dataclass(frozen=True, slots=True)
class Problem:
    """One kind of error, as the sender sees it.

    Attributes:
        status: of the response.
        code: for programs.
        title: for people.
        retry_after: seconds after which another try makes sense, if it does.
    """

    status: int
    code: str
    title: str
    retry_after: int | None = None


INTERNAL_ERROR = Problem(500, "internal-error", "The service failed")
INVALID_REQUEST = Problem(422, "invalid-request", "A parameter is missing or wrong")

PROBLEMS: dict[type[SpeechEmotionError], Problem] = {
    MalformedRequest: Problem(400, "malformed-request", "The request cannot be parsed"),
    ModelNotFound: Problem(404, "model-not-found", "There is no such model"),
    UploadTooLarge: Problem(413, "upload-too-large", "The upload is too large"),
    AudioTooLong: Problem(413, "audio-too-long", "The recording is too long"),
    UnsupportedMediaType: Problem(415, "unsupported-media-type", "Not a format that is accepted"),
    InvalidRequest: INVALID_REQUEST,
    AudioUndecodable: Problem(422, "audio-undecodable", "The recording cannot be decoded"),
    AudioTooShort: Problem(422, "audio-too-short", "The recording is too short"),
    ChannelNotFound: Problem(422, "channel-not-found", "The recording has no such channel"),
    Overloaded: Problem(503, "overloaded", "The service is busy", retry_after=1),
    NotReady: Problem(503, "not-ready", "The service is not ready", retry_after=5),
    DeadlineExceeded: Problem(504, "deadline-exceeded", "The answer took too long"),
    SpeechEmotionError: INTERNAL_ERROR,
}

# What the router itself raises.
HTTP_PROBLEMS = {
    404: Problem(404, "not-found", "There is nothing at this address"),
    405: Problem(405, "method-not-allowed", "This address does not take this method"),
}


def problem_of(error: SpeechEmotionError) -> Problem:
    """Find the row of an error."""
    return next(PROBLEMS[cls] for cls in type(error).__mro__ if cls in PROBLEMS)


def responses(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Describe the problems of a route in OpenAPI.

    Args:
        statuses: which it may answer.

    Returns:
        For FastAPI's `responses`.
    """
    rows = {*PROBLEMS.values(), *HTTP_PROBLEMS.values()}
    return {
        status: {
            "description": ", ".join(sorted(f"`{row.code}`" for row in rows if row.status == status)),
            "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/ProblemDocument"}}},
        }
        for status in statuses
    }


def install(app: FastAPI) -> None:
    """Have an application answer every error with a problem document."""

    @app.exception_handler(SpeechEmotionError)
    async def on_error(_request: Request, error: SpeechEmotionError) -> JSONResponse:
        problem = problem_of(error)
        if problem is INTERNAL_ERROR:
            logger.error("request %s: %r", correlation_id.get(), error)
            return _respond(problem, INTERNAL_DETAIL)
        return _respond(problem, str(error))

    @app.exception_handler(RequestValidationError)
    async def on_invalid(_request: Request, error: RequestValidationError) -> JSONResponse:
        details = (
            f"{'.'.join(str(part) for part in fault['loc'])}: {fault['msg']}" for fault in error.errors()
        )
        return _respond(INVALID_REQUEST, "; ".join(details))

    @app.exception_handler(HTTPException)
    async def on_http(request: Request, error: HTTPException) -> JSONResponse:
        fallback = Problem(error.status_code, "malformed-request", HTTPStatus(error.status_code).phrase)
        problem = HTTP_PROBLEMS.get(error.status_code, fallback)
        detail = f"{request.method} {request.url.path}: {problem.title.lower()}. See /openapi.json."
        return _respond(problem, detail, dict(error.headers or {}))

    @app.exception_handler(Exception)
    async def on_unknown(_request: Request, _error: Exception) -> JSONResponse:
        # Starlette answers this one outside of all middleware, so the header is set here.
        return _respond(INTERNAL_ERROR, INTERNAL_DETAIL, {REQUEST_ID_HEADER: correlation_id.get() or ""})


def _respond(problem: Problem, detail: str, headers: dict[str, str] | None = None) -> JSONResponse:
    """Make the response of a problem."""
    document = ProblemDocument(
        type=f"/problems/{problem.code}",
        title=problem.title,
        status=problem.status,
        detail=detail,
        code=problem.code,
        request_id=correlation_id.get() or "",
    )
    retry = {} if problem.retry_after is None else {"Retry-After": str(problem.retry_after)}
    return JSONResponse(document.model_dump(), problem.status, {**retry, **(headers or {})}, MEDIA_TYPE)
