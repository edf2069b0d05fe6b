"""The errors of the client. Each message says what happened and what to do.

SpeechEmotionError
├── ConnectionFailed        no connection, or a broken connection
│   └── TimedOut            no answer in time
├── UnexpectedAnswer        the answer is not one of the service
├── JobCancelled            a job was cancelled, so that it has no result
├── JobNotEnded             a job has no result yet
├── AudioLost               the audio before a reconnection is not kept any more
├── WebhookRejected         a webhook is not genuine
└── ProblemError            the service refused the request, or failed
    ├── InvalidRequest      a parameter or a message is wrong: 400, 405, 409, 422
    ├── RecordingRefused    the recording is too long, too short, damaged, …: 413, 415, 422
    ├── Unauthenticated     the key is missing or unknown: 401
    ├── Forbidden           the key or the operator does not permit this: 403
    ├── NotFound            there is no such model, job, session or address: 404
    ├── RateLimited         the key has used its share: 429
    ├── Unavailable         the service is busy, starting, stopping or full: 408, 503, 507
    └── ServiceFailed       the service or a proxy failed: 500, 502, 504 and others
"""

from collections.abc import Mapping
from dataclasses import dataclass


class SpeechEmotionError(Exception):
    """The base of all errors of the client."""


class ConnectionFailed(SpeechEmotionError):
    """There is no connection to the service, or it broke."""


class TimedOut(ConnectionFailed):
    """The service did not answer in time, or a job did not end in time."""


class UnexpectedAnswer(SpeechEmotionError):
    """The answer is not one of the service."""


class JobCancelled(SpeechEmotionError):
    """The job was cancelled, so that it has no result."""


class JobNotEnded(SpeechEmotionError):
    """The job has not ended, so that it has no result yet."""


class AudioLost(SpeechEmotionError):
    """The service needs audio again that the client does not keep any more."""


class WebhookRejected(SpeechEmotionError):
    """The webhook is not genuine, or it is older than five minutes."""


@dataclass(frozen=True, kw_only=True)
class ProblemDocument:
    """The description of an error by the service (RFC 9457).

    Attributes:
        status: the HTTP status.
        code: the kind of the error; empty if a proxy answered in the place of the service.
        title: the name of the kind.
        detail: the cause of this error, and what to do.
        type: the address of a page about this kind of error.
        request_id: the ID of the request in the log of the service; of a job, the ID of the job.
    """

    status: int
    code: str = ""
    title: str = ""
    detail: str = ""
    type: str = ""
    request_id: str = ""


class ProblemError(SpeechEmotionError):
    """The service refused the request, or failed.

    Attributes:
        document: the problem document.
        status, code, detail, request_id: fields of the document. Use `code` for decisions.
        retry_after: the seconds to wait before another try; None if the service did not name them.
    """

    def __init__(self, document: ProblemDocument, retry_after: float | None = None) -> None:
        """Describe an error. Use `ProblemError.of`, which chooses the class."""
        super().__init__(document, retry_after)  # so that queues of tasks can copy the error
        self.document = document
        self.status = document.status
        self.code = document.code
        self.detail = document.detail
        self.request_id = document.request_id
        self.retry_after = retry_after

    def __str__(self) -> str:
        """Return the code, the cause and the ID of the request."""
        request = f" (request {self.request_id})" if self.request_id else ""
        return f"{self.code or self.status}: {self.detail}{request}"

    @staticmethod
    def of(document: ProblemDocument, retry_after: float | None = None) -> "ProblemError":
        """Return the error of a problem document, of the class for its code.

        Example:
            >>> type(ProblemError.of(ProblemDocument(status=401, code="unauthenticated"))).__name__
            'Unauthenticated'
        """
        if document.code in RECORDING_CODES:
            return RecordingRefused(document, retry_after)
        fallback = InvalidRequest if document.status in CLIENT_ERRORS else ServiceFailed
        return CLASSES.get(document.status, fallback)(document, retry_after)


class InvalidRequest(ProblemError):
    """A parameter or a message is missing or wrong."""


class RecordingRefused(ProblemError):
    """The recording cannot be analyzed."""


class Unauthenticated(ProblemError):
    """The API key is missing or unknown."""


class Forbidden(ProblemError):
    """The key or the operator does not permit the request."""


class NotFound(ProblemError):
    """There is no such model, job, session or address."""


class RateLimited(ProblemError):
    """The key has used its share."""


class Unavailable(ProblemError):
    """The service is busy, starting, stopping or full."""


class ServiceFailed(ProblemError):
    """The service or a proxy failed."""


CLIENT_ERRORS = range(400, 500)
RECORDING_CODES = frozenset({"audio-undecodable", "audio-too-short", "channel-not-found", "roles-mismatch"})
"""The codes with the status 422 that are about the recording. The status tells the class of all others."""
CLASSES: Mapping[int, type[ProblemError]] = {
    401: Unauthenticated,
    403: Forbidden,
    404: NotFound,
    408: Unavailable,
    413: RecordingRefused,
    415: RecordingRefused,
    429: RateLimited,
    503: Unavailable,
    507: Unavailable,
}
