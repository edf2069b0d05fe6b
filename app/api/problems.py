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
from starlette.routing import Match

from app.api.schemas import ProblemDocument
from app.api.security import ChannelNotPermitted, RateLimited, Unauthenticated
from app.api.upload import InvalidRequest, MalformedRequest, UploadTimeout, UploadTooLarge
from app.core.errors import (
    AudioTooLong,
    AudioTooShort,
    AudioUndecodable,
    ChannelNotFound,
    ModelNotFound,
    SpeechEmotionError,
    UnsupportedMediaType,
)
from app.jobs.callbacks import CallbackRefused
from app.jobs.job import (
    Failure,
    IdempotencyKeyReused,
    JobNotFound,
    JobsFull,
    JobsUnavailable,
    StorageFull,
)
from app.workers import DeadlineExceeded, NotReady, Overloaded

logger = logging.getLogger(__name__)

MEDIA_TYPE = "application/problem+json"
REQUEST_ID_HEADER = "X-Request-ID"
RETRIED = frozenset({429, 503})
"""Statuses with Retry-After."""
INTERNAL_DETAIL = "The service failed. It is not your request's fault; report it with the request_id."


@dataclass(frozen=True, slots=True)
class Problem:
    """One kind of error, as the sender sees it.

    Attributes:
        status: of the response.
        code: for programs.
        title: for people.
        remedy: what to do about it, in general.
        retry_after: seconds after which another try makes sense, if it does.
    """

    status: int
    code: str
    title: str
    remedy: str
    retry_after: int | None = None


INTERNAL_ERROR = Problem(
    500,
    "internal-error",
    "The service failed",
    "It is not your request's fault. Try again; if it stays, give the request_id to whoever runs the "
    "service: it stands in the log.",
)
INVALID_REQUEST = Problem(
    422,
    "invalid-request",
    "A parameter is missing or wrong",
    "The detail names the parameter, or the field of the form; /docs has what is accepted.",
)

PROBLEMS: dict[type[SpeechEmotionError], Problem] = {
    MalformedRequest: Problem(
        400,
        "malformed-request",
        "The request cannot be parsed",
        "Send the recording as the body, or as the field `file` of a form. Was the file empty, or the "
        "connection lost?",
    ),
    Unauthenticated: Problem(
        401,
        "unauthenticated",
        "The API key is missing or not known",
        "Send `Authorization: Bearer KEY`. Whoever runs the service hands out keys.",
    ),
    ChannelNotPermitted: Problem(
        403,
        "channel-not-permitted",
        "This channel may not be analysed",
        "Whoever runs the service permits channels (SER_CHANNELS): the emotions of employees at work are "
        "not to be recognised. Ask for a channel that is permitted, or for none: `mix` hears only these.",
    ),
    ModelNotFound: Problem(
        404, "model-not-found", "There is no such model", "GET /v1/models lists those that are served."
    ),
    JobNotFound: Problem(
        404,
        "job-not-found",
        "There is no such job",
        "GET /v1/jobs lists yours. One that ended is kept for a day.",
    ),
    UploadTimeout: Problem(
        408,
        "upload-timeout",
        "The upload was too slow",
        "Send it again over a better line, or as FLAC, which is half the size of WAV.",
    ),
    UploadTooLarge: Problem(
        413,
        "upload-too-large",
        "The upload is too large",
        "Send a shorter recording, one channel, or FLAC; the detail has the limit.",
    ),
    AudioTooLong: Problem(
        413,
        "audio-too-long",
        "The recording is too long",
        "Cut it: an utterance is a sentence or two. The detail has the limit.",
    ),
    UnsupportedMediaType: Problem(
        415,
        "unsupported-media-type",
        "Not a format that is accepted",
        "Send WAV (PCM of 8 to 32 bits, float, A-law, mu-law) or FLAC. MP3, Opus and AMR have to be "
        "converted first: `ffmpeg -i call.mp3 call.wav`.",
    ),
    InvalidRequest: INVALID_REQUEST,
    AudioUndecodable: Problem(
        422,
        "audio-undecodable",
        "The recording cannot be decoded",
        "The file is damaged, cut off or out of range; the detail says which. Export it again.",
    ),
    AudioTooShort: Problem(
        422,
        "audio-too-short",
        "The recording is too short",
        "An emotion takes a word or more; the detail has the least.",
    ),
    ChannelNotFound: Problem(
        422,
        "channel-not-found",
        "The recording has no such channel",
        "Channels are counted from 0; `mix` is the mean of all.",
    ),
    IdempotencyKeyReused: Problem(
        422,
        "idempotency-key-reused",
        "The Idempotency-Key belongs to another job",
        "Send a new key with each new job; the old one only with the same recording and parameters.",
    ),
    CallbackRefused: Problem(
        422,
        "callback-refused",
        "The callback_url may not be called",
        "Give an https:// address that is public; whoever runs the service may permit others "
        "(SER_CALLBACK_PRIVATE).",
    ),
    RateLimited: Problem(
        429,
        "rate-limited",
        "Too many requests",
        "Wait as many seconds as Retry-After says. Whoever runs the service sets the rate (SER_RATE_LIMIT).",
    ),
    Overloaded: Problem(
        503,
        "overloaded",
        "The service is busy",
        "Try again after as many seconds as Retry-After says, and each time twice as long.",
        retry_after=1,
    ),
    JobsFull: Problem(
        503,
        "jobs-full",
        "As many jobs wait as may",
        "Try again after as many seconds as Retry-After says. Whoever runs the service sets the number "
        "(SER_JOBS_DEPTH).",
        retry_after=60,
    ),
    JobsUnavailable: Problem(
        503,
        "jobs-unavailable",
        "Jobs are not to be had",
        "The detail says whether to try again, or that whoever runs the service turned jobs off (SER_JOBS): "
        "POST /v1/audio/timeline answers at once.",
        retry_after=5,
    ),
    NotReady: Problem(
        503,
        "not-ready",
        "The service is not ready",
        "It is starting or stopping: try again after as many seconds as Retry-After says.",
        retry_after=5,
    ),
    DeadlineExceeded: Problem(
        504,
        "deadline-exceeded",
        "The answer took too long",
        "Try again, or send a shorter recording. Where it happens often, the service needs more workers.",
    ),
    StorageFull: Problem(
        507,
        "storage-full",
        "There is no room for the recording",
        "Try again once jobs have ended; whoever runs the service should see to its disk.",
    ),
    SpeechEmotionError: INTERNAL_ERROR,
}

# What the router itself raises.
HTTP_PROBLEMS = {
    404: Problem(
        404, "not-found", "There is nothing at this address", "/docs and /openapi.json have all addresses."
    ),
    405: Problem(
        405,
        "method-not-allowed",
        "This address does not take this method",
        "The header Allow has those that it takes.",
    ),
}

BY_CODE = {row.code: row for row in (*PROBLEMS.values(), *HTTP_PROBLEMS.values())}


def problem_of(error: SpeechEmotionError) -> Problem:
    """Find the row of an error."""
    return next(PROBLEMS[cls] for cls in type(error).__mro__ if cls in PROBLEMS)


def document_of(failure: Failure, job_id: str) -> ProblemDocument:
    """The problem document of a job that failed; its request_id is the job's id."""
    kinds = {cls.__name__: problem for cls, problem in PROBLEMS.items()}
    problem = kinds.get(failure.error, INTERNAL_ERROR)
    detail = failure.message if failure.error in {*kinds, "WorkerLost", "RecordingLost"} else INTERNAL_DETAIL
    return _document(problem, detail, job_id)


def responses(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Describe the problems of a route in OpenAPI.

    Args:
        statuses: which it may answer.

    Returns:
        For FastAPI's `responses`.
    """
    return {status: _describe(status) for status in statuses}


def _describe(status: int) -> dict[str, Any]:
    """The problems of a status, and the headers that they have."""
    rows = [BY_CODE[code] for code in sorted(BY_CODE) if BY_CODE[code].status == status]
    headers = {REQUEST_ID_HEADER: {"description": "the request_id", "schema": {"type": "string"}}}
    if status in RETRIED:
        headers["Retry-After"] = {"description": "seconds to wait", "schema": {"type": "integer"}}
    return {
        "description": ", ".join(f"`{row.code}`" for row in rows),
        "headers": headers,
        "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/ProblemDocument"}}},
    }


def install(app: FastAPI) -> None:
    """Have an application answer every error with a problem document."""

    @app.exception_handler(SpeechEmotionError)
    async def on_error(_request: Request, error: SpeechEmotionError) -> JSONResponse:
        problem = problem_of(error)
        if problem is INTERNAL_ERROR:
            logger.error("request %s: %r", correlation_id.get(), error)
            return _respond(problem, INTERNAL_DETAIL)
        return _respond(problem, str(error), _headers_of(error))

    @app.exception_handler(RequestValidationError)
    async def on_invalid(_request: Request, error: RequestValidationError) -> JSONResponse:
        details = (
            f"{'.'.join(str(part) for part in fault['loc'])}: {fault['msg']}" for fault in error.errors()
        )
        return _respond(INVALID_REQUEST, "; ".join(details))

    @app.exception_handler(HTTPException)
    async def on_http(request: Request, error: HTTPException) -> JSONResponse:
        phrase = HTTPStatus(error.status_code).phrase
        fallback = Problem(error.status_code, "malformed-request", phrase, phrase)
        problem = HTTP_PROBLEMS.get(error.status_code, fallback)
        detail = f"{request.method} {request.url.path}: {problem.title.lower()}. See /openapi.json."
        headers = dict(error.headers or {})
        if error.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
            headers["Allow"] = ", ".join(_methods_at(request))
        return _respond(problem, detail, headers)

    @app.exception_handler(Exception)
    async def on_unknown(_request: Request, _error: Exception) -> JSONResponse:
        # Starlette answers this one outside of all middleware, so the header is set here.
        return _respond(INTERNAL_ERROR, INTERNAL_DETAIL, {REQUEST_ID_HEADER: correlation_id.get() or ""})


def _methods_at(request: Request) -> list[str]:
    """The methods that an address takes; Starlette would tell those of its first route alone."""
    routes = [route for route in request.app.routes if route.matches(request.scope)[0] is not Match.NONE]
    return sorted({method for route in routes for method in getattr(route, "methods", None) or ()})


def _headers_of(error: SpeechEmotionError) -> dict[str, str]:
    """What an error says in headers, beside its row."""
    if isinstance(error, Unauthenticated):
        return {"WWW-Authenticate": "Bearer"}  # RFC 9110, 11.6.1
    if isinstance(error, RateLimited):
        return {"Retry-After": str(error.retry_after)}
    return {}


def _respond(problem: Problem, detail: str, headers: dict[str, str] | None = None) -> JSONResponse:
    """Make the response of a problem."""
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
