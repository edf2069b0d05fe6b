"""Conversion of errors to problem documents (RFC 9457).

`problem_table` has a row for each class of error. If a class has no row, its nearest base class with a row
applies.
"""

import logging
from http import HTTPStatus
from typing import Any

from asgi_correlation_id import correlation_id
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException
from starlette.routing import Match

from app.answers import ProblemDocument
from app.api.problem_table import BY_CODE, HTTP_PROBLEMS, INTERNAL_ERROR, INVALID_REQUEST, PROBLEMS, Problem
from app.api.rate_limit import RateLimited
from app.api.security import KeyExpired, Unauthenticated
from app.core.errors import (
    SpeechEmotionError,
)
from app.jobs.job import (
    Failure,
)

logger = logging.getLogger(__name__)

MEDIA_TYPE = "application/problem+json"
REQUEST_ID_HEADER = "X-Request-ID"
RETRIED = frozenset({429, 503})
"""Statuses with Retry-After."""
INTERNAL_DETAIL = "The service failed. Your request did not cause the error. Report it with the request_id."


def problem_of(error: SpeechEmotionError) -> Problem:
    """Return the table row of an error."""
    return next(PROBLEMS[cls] for cls in type(error).__mro__ if cls in PROBLEMS)


def document_of(failure: Failure, job_id: str) -> ProblemDocument:
    """Return the problem document of a failed job. Its request_id is the ID of the job."""
    kinds = {cls.__name__: problem for cls, problem in PROBLEMS.items()}
    problem = kinds.get(failure.error, INTERNAL_ERROR)
    detail = failure.message if failure.error in {*kinds, "WorkerLost", "RecordingLost"} else INTERNAL_DETAIL
    return _document(problem, detail, job_id)


def document_of_error(error: SpeechEmotionError) -> tuple[Problem, ProblemDocument]:
    """Return the table row and the problem document of an error. Log an error of the service itself."""
    problem = problem_of(error)
    request_id = correlation_id.get() or ""
    if problem is INTERNAL_ERROR:
        logger.error("request %s: %r", request_id, error)
        return problem, _document(problem, INTERNAL_DETAIL, request_id)
    return problem, _document(problem, str(error), request_id)


def responses(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Describe the problems of a route in OpenAPI.

    Args:
        statuses: the statuses of the problems that the route can answer.

    Returns:
        The value for the `responses` parameter of FastAPI.
    """
    return {status: _describe(status) for status in statuses}


def _describe(status: int) -> dict[str, Any]:
    """Describe the problems of a status and their headers."""
    rows = [BY_CODE[code] for code in sorted(BY_CODE) if BY_CODE[code].status == status]
    headers = {REQUEST_ID_HEADER: {"description": "the request_id", "schema": {"type": "string"}}}
    if status in RETRIED:
        headers["Retry-After"] = {"description": "the seconds to wait", "schema": {"type": "integer"}}
    return {
        "description": ", ".join(f"`{row.code}`" for row in rows),
        "headers": headers,
        "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/ProblemDocument"}}},
    }


def install(app: FastAPI) -> None:
    """Install handlers that answer every error with a problem document."""

    @app.exception_handler(SpeechEmotionError)
    async def on_error(request: Request, error: SpeechEmotionError) -> JSONResponse:
        problem, document = document_of_error(error)
        return _respond(request, problem, document.detail, _headers_of(error))

    @app.exception_handler(RequestValidationError)
    async def on_invalid(request: Request, error: RequestValidationError) -> JSONResponse:
        details = (
            f"{'.'.join(str(part) for part in fault['loc'])}: {fault['msg']}" for fault in error.errors()
        )
        return _respond(request, INVALID_REQUEST, "; ".join(details))

    @app.exception_handler(HTTPException)
    async def on_http(request: Request, error: HTTPException) -> JSONResponse:
        phrase = HTTPStatus(error.status_code).phrase
        fallback = Problem(error.status_code, "malformed-request", phrase, phrase)
        problem = HTTP_PROBLEMS.get(error.status_code, fallback)
        detail = f"{request.method} {request.url.path}: {problem.title.lower()}. See /openapi.json."
        headers = dict(error.headers or {})
        if error.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
            headers["Allow"] = ", ".join(_methods_at(request))
        return _respond(request, problem, detail, headers)

    @app.exception_handler(Exception)
    async def on_unknown(request: Request, _error: Exception) -> JSONResponse:
        # Starlette sends this answer outside of all middleware, so the header is set here.
        headers = {REQUEST_ID_HEADER: correlation_id.get() or ""}
        return _respond(request, INTERNAL_ERROR, INTERNAL_DETAIL, headers)


def _methods_at(request: Request) -> list[str]:
    """Return the methods of an address. Starlette would report only those of its first route."""
    routes = [route for route in request.app.routes if route.matches(request.scope)[0] is not Match.NONE]
    return sorted({method for route in routes for method in getattr(route, "methods", None) or ()})


def _headers_of(error: SpeechEmotionError) -> dict[str, str]:
    """Return the headers that depend on the individual error."""
    if isinstance(error, Unauthenticated | KeyExpired):
        return {"WWW-Authenticate": "Bearer"}  # RFC 9110, 11.6.1
    if isinstance(error, RateLimited):
        return {"Retry-After": str(error.retry_after)}
    return {}


def _respond(
    request: Request, problem: Problem, detail: str, headers: dict[str, str] | None = None
) -> JSONResponse:
    """Make the response of a problem, and provide the code to the audit log."""
    request.state.problem = problem.code
    document = _document(problem, detail, correlation_id.get() or "")
    retry = {} if problem.retry_after is None else {"Retry-After": str(problem.retry_after)}
    return JSONResponse(document.model_dump(), problem.status, {**retry, **(headers or {})}, MEDIA_TYPE)


def _document(problem: Problem, detail: str, request_id: str) -> ProblemDocument:
    return ProblemDocument(
        type=f"/problems/{problem.code}",
        title=problem.title,
        status=problem.status,
        detail=detail,
        code=problem.code,
        request_id=request_id,
    )
