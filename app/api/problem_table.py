"""The kinds of problems: a table that maps errors to status, code, title and remedy."""

from dataclasses import dataclass

from app.api.live_connection import OriginRefused
from app.api.rate_limit import RateLimited
from app.api.security import KeyExpired, ScopeMissing, Unauthenticated
from app.api.upload_errors import InvalidRequest, MalformedRequest, UploadTimeout, UploadTooLarge
from app.calls.metadata import InvalidMetadata
from app.core.errors import (
    AudioTooLong,
    AudioTooShort,
    AudioUndecodable,
    ChannelNotFound,
    ChannelNotPermitted,
    ModelNotFound,
    RolesMismatch,
    SpeechEmotionError,
    StorageFull,
    UnsupportedMediaType,
)
from app.jobs.callbacks import CallbackRefused
from app.jobs.job import IdempotencyKeyReused, JobNotFound, JobsFull, JobsUnavailable, WebhookNotFound
from app.live.connection import InvalidMessage, SessionIdle, SessionReplaced
from app.live.sessions import SessionNotFound, SessionsFull
from app.live.stored_message import RelayUnavailable
from app.pool.errors import ConcurrencyLimited, DeadlineExceeded, NotReady, Overloaded


@dataclass(frozen=True, slots=True)
class Problem:
    """One kind of error, as the sender sees it.

    Attributes:
        status: the status of the response.
        code: the identifier, for programs.
        title: the name, for people.
        remedy: the general advice to the sender.
        retry_after: the seconds before another try is useful; None if another try does not help.
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
    "Your request did not cause this error. Try again. If the error persists, report the request_id to the "
    "operator of the service, who finds it in the log.",
)
INVALID_REQUEST = Problem(
    422,
    "invalid-request",
    "A parameter is missing or wrong",
    "The detail names the parameter, the header or the form field. Correct it; /docs lists the accepted "
    "values.",
)

PROBLEMS: dict[type[SpeechEmotionError], Problem] = {
    MalformedRequest: Problem(
        400,
        "malformed-request",
        "The request cannot be parsed",
        "Send the recording as the body, or as the field `file` of a form. Check that the file is not empty "
        "and that the connection is stable.",
    ),
    Unauthenticated: Problem(
        401,
        "unauthenticated",
        "The API key is missing or not known",
        "Send `Authorization: Bearer KEY`. The operator of the service issues keys.",
    ),
    KeyExpired: Problem(
        401,
        "key-expired",
        "The API key has expired",
        "Request a new key from the operator of the service.",
    ),
    ScopeMissing: Problem(
        403,
        "scope-missing",
        "The API key may not do this",
        "The detail names the scope. Use a key that has this scope. The operator of the service sets scopes.",
    ),
    ChannelNotPermitted: Problem(
        403,
        "channel-not-permitted",
        "This channel may not be analyzed",
        "The operator of the service permits channels (SER_CHANNELS, and for each key), because the emotions "
        "of employees at work must not be recognized. Request a permitted channel, or none: `mix` uses only "
        "these.",
    ),
    ModelNotFound: Problem(
        404, "model-not-found", "There is no such model", "GET /v1/models lists the served models."
    ),
    WebhookNotFound: Problem(
        404,
        "webhook-not-found",
        "There is no such webhook",
        "GET /v1/webhooks lists your webhooks that are not delivered. A webhook is kept for a day after its "
        "last attempt.",
    ),
    JobNotFound: Problem(
        404,
        "job-not-found",
        "There is no such job",
        "GET /v1/jobs lists your jobs. An ended job is kept for a day.",
    ),
    UploadTimeout: Problem(
        408,
        "upload-timeout",
        "The upload was too slow",
        "Send the recording again over a faster connection, or as FLAC, which is half the size of WAV.",
    ),
    UploadTooLarge: Problem(
        413,
        "upload-too-large",
        "The upload is too large",
        "Send a shorter recording, one channel, FLAC or MP3. The detail states the limit.",
    ),
    AudioTooLong: Problem(
        413,
        "audio-too-long",
        "The recording is too long",
        "Cut the recording: an utterance is a sentence or two. The detail states the limit.",
    ),
    UnsupportedMediaType: Problem(
        415,
        "unsupported-media-type",
        "Not a format that is accepted",
        "Send WAV, FLAC, MP3, Ogg, AIFF or AU. Convert other recordings: `ffmpeg -i in.m4a out.flac`.",
    ),
    InvalidRequest: INVALID_REQUEST,
    InvalidMetadata: INVALID_REQUEST,
    AudioUndecodable: Problem(
        422,
        "audio-undecodable",
        "The recording cannot be decoded",
        "The file is damaged, cut off or out of range. The detail states the reason. Export the file again.",
    ),
    AudioTooShort: Problem(
        422,
        "audio-too-short",
        "The recording is too short",
        "Send at least one spoken word. The detail states the minimum duration.",
    ),
    ChannelNotFound: Problem(
        422,
        "channel-not-found",
        "The recording has no such channel",
        "Choose an existing channel. Channels are counted from 0; `mix` is the mean of all channels.",
    ),
    RolesMismatch: Problem(
        422,
        "roles-mismatch",
        "The roles do not fit the channels",
        "Send one role for each channel of the call, or no roles.",
    ),
    IdempotencyKeyReused: Problem(
        422,
        "idempotency-key-reused",
        "The Idempotency-Key belongs to another job",
        "Send a new key with each new job. Repeat a key only with the same recording and parameters.",
    ),
    CallbackRefused: Problem(
        422,
        "callback-refused",
        "The callback_url is not permitted",
        "Give a public https:// address. The operator of the service can permit other addresses "
        "(SER_CALLBACK_PRIVATE).",
    ),
    RateLimited: Problem(
        429,
        "rate-limited",
        "Too many requests",
        "Wait for the seconds in Retry-After. The operator of the service sets the rate (SER_RATE_LIMIT).",
    ),
    ConcurrencyLimited: Problem(
        429,
        "concurrency-limited",
        "Too many requests at a time",
        "Wait for an answer before you send the next request. The operator of the service sets the number "
        "(SER_KEY_CONCURRENCY).",
        retry_after=1,
    ),
    Overloaded: Problem(
        503,
        "overloaded",
        "The service is busy",
        "Try again after the seconds in Retry-After. Double the pause before each further try.",
        retry_after=1,
    ),
    JobsFull: Problem(
        503,
        "jobs-full",
        "The job queue is full",
        "Try again after the seconds in Retry-After. The operator of the service sets the size of the queue "
        "(SER_JOBS_DEPTH).",
        retry_after=60,
    ),
    JobsUnavailable: Problem(
        503,
        "jobs-unavailable",
        "Jobs are unavailable",
        "The detail states whether another try can help, or whether the operator disabled jobs (SER_JOBS). "
        "Without jobs, use POST /v1/audio/timeline.",
        retry_after=5,
    ),
    OriginRefused: Problem(
        403,
        "origin-refused",
        "The page belongs to another site",
        "Connect from a page of this service, or from a program, which sends no Origin header.",
    ),
    SessionNotFound: Problem(
        404,
        "session-not-found",
        "There is no such live session",
        "The ID is wrong, the session belongs to another key, or it ended. Start a new session.",
    ),
    SessionReplaced: Problem(
        409,
        "session-replaced",
        "Another connection continues the session",
        "Use the newer connection. A session has one connection at a time.",
    ),
    SessionIdle: Problem(
        408,
        "session-idle",
        "The live session was idle",
        "Send audio without long gaps, or `pause`. The operator of the service sets the limit "
        "(SER_LIVE_IDLE_SECONDS).",
    ),
    InvalidMessage: Problem(
        422,
        "invalid-message",
        "A message of the live session is wrong",
        "The detail names the field. docs/live.md describes the messages and their order.",
    ),
    RelayUnavailable: Problem(
        503,
        "live-unavailable",
        "Live messages are unavailable",
        "The database that the replicas share (SER_JOBS_URL) cannot be reached. Try again in a moment.",
        retry_after=5,
    ),
    SessionsFull: Problem(
        503,
        "sessions-full",
        "The limit of live sessions is reached",
        "Try again later, or end another session. The operator of the service sets the limits "
        "(SER_LIVE_SESSIONS, SER_LIVE_SESSIONS_PER_KEY).",
        retry_after=5,
    ),
    NotReady: Problem(
        503,
        "not-ready",
        "The service is not ready",
        "The service is starting or stopping. Try again after the seconds in Retry-After.",
        retry_after=5,
    ),
    DeadlineExceeded: Problem(
        504,
        "deadline-exceeded",
        "The answer took too long",
        "Try again, or send a shorter recording. If this happens often, the service needs more workers.",
    ),
    StorageFull: Problem(
        507,
        "storage-full",
        "The storage is full",
        "Try again when jobs have ended. The operator of the service should free disk space.",
    ),
    SpeechEmotionError: INTERNAL_ERROR,
}

# The problems that the router raises itself.
HTTP_PROBLEMS = {
    404: Problem(
        404, "not-found", "There is nothing at this address", "/docs and /openapi.json list all addresses."
    ),
    405: Problem(
        405,
        "method-not-allowed",
        "This address does not take this method",
        "Use a method from the header Allow.",
    ),
}

BY_CODE = {row.code: row for row in (*PROBLEMS.values(), *HTTP_PROBLEMS.values())}
