"""Requests and answers, without I/O: what to send for each operation, and how to read the response."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Generic, TypeVar
from urllib.parse import quote
from uuid import uuid4

from speech_emotion_client.answers import Job, JobPage, Models, Timeline, Utterance
from speech_emotion_client.errors import ProblemDocument, ProblemError, UnexpectedAnswer
from speech_emotion_client.options import split
from speech_emotion_client.parsing import parse
from speech_emotion_client.recordings import AsyncSource, Recording
from speech_emotion_client.retries import seconds_of

T = TypeVar("T")

MEDIA_TYPE = "application/octet-stream"
"""The media type of all recordings: the service looks at their content."""
ERRORS = range(400, 600)
NO_CONTENT = 204


@dataclass(frozen=True, slots=True)
class Response:
    """The response of a server.

    Attributes:
        status: the HTTP status.
        headers: the headers, by their names without regard to case.
        content: the body.
    """

    status: int
    headers: Mapping[str, str]
    content: bytes


@dataclass(frozen=True, slots=True)
class Request(Generic[T]):
    """A request, and how to read its response.

    Attributes:
        method: the HTTP method.
        path: the path, without a query.
        read_answer: a function that converts the body of a successful response.
        query: the query parameters.
        headers: the headers.
        recording: the recording to upload; None for a request without a body.
        is_long: whether the answer takes as long as the analysis of a call.
    """

    method: str
    path: str
    read_answer: Callable[[bytes], T]
    query: dict[str, str] = field(default_factory=dict)
    headers: dict[str, str] = field(default_factory=dict)
    recording: Recording | None = None
    is_long: bool = False

    @property
    def repeatable(self) -> bool:
        """Whether the request can be sent again."""
        return self.recording is None or self.recording.repeatable

    def read(self, response: Response) -> T:
        """Read a response.

        Raises:
            ProblemError: the service refused the request, or failed.
            UnexpectedAnswer: the response is not one of the service.
        """
        if response.status in ERRORS:
            raise problem_of(response)
        return self.read_answer(response.content)


def recognize(source: AsyncSource, options: Mapping[str, Any]) -> Request[Utterance]:
    """Return the request for the emotion of an utterance."""
    return _upload("/v1/audio/emotions", Utterance, source, options)


def timeline(source: AsyncSource, options: Mapping[str, Any]) -> Request[Timeline]:
    """Return the request for the analysis of a call."""
    return _upload("/v1/audio/timeline", Timeline, source, options, is_long=True)


def create_job(source: AsyncSource, options: Mapping[str, Any]) -> Request[Job]:
    """Return the request for a job. A key makes the request repeatable: the same key is the same job."""
    return _upload("/v1/jobs", Job, source, {"idempotency_key": uuid4().hex, **options})


def get_job(job_id: str) -> Request[Job]:
    """Return the request for a job by its ID."""
    return Request("GET", _job(job_id), _reader(Job))


def delete_job(job_id: str) -> Request[None]:
    """Return the request that cancels or deletes a job."""
    return Request("DELETE", _job(job_id), lambda _: None)


def list_jobs(state: str | None, limit: int, offset: int) -> Request[JobPage]:
    """Return the request for a page of the list of jobs."""
    query = {"limit": str(limit), "offset": str(offset)} | ({"state": state} if state else {})
    return Request("GET", "/v1/jobs", _reader(JobPage), query)


def list_models() -> Request[Models]:
    """Return the request for the served models."""
    return Request("GET", "/v1/models", _reader(Models))


def _job(job_id: str) -> str:
    return f"/v1/jobs/{quote(job_id, safe='')}"


def _upload(
    path: str, kind: type[T], source: AsyncSource, options: Mapping[str, Any], *, is_long: bool = False
) -> Request[T]:
    query, headers = split(options)
    recording = Recording(source)
    headers["Content-Type"] = MEDIA_TYPE
    if recording.size is not None:
        headers["Content-Length"] = str(recording.size)
    return Request("POST", path, _reader(kind), query, headers, recording, is_long)


def _reader(kind: type[T]) -> Callable[[bytes], T]:
    return lambda content: parse(kind, load(content))


def load(content: bytes | str) -> object:
    """Parse JSON.

    Raises:
        UnexpectedAnswer: the content is not JSON.
    """
    try:
        value: object = json.loads(content)
    except ValueError as error:
        raise UnexpectedAnswer(
            "The answer is not JSON. Check that the URL is that of the service."
        ) from error
    return value


def problem_of(response: Response) -> ProblemError:
    """Return the error of a response, also if a proxy answered in the place of the service."""
    try:
        document = replace(parse(ProblemDocument, load(response.content)), status=response.status)
    except UnexpectedAnswer:
        document = ProblemDocument(
            status=response.status,
            detail=f"The server answered {response.status} without a problem document. Check the URL, and "
            "the proxies before the service.",
            request_id=response.headers.get("X-Request-ID", ""),
        )
    return ProblemError.of(document, seconds_of(response.headers.get("Retry-After")))
