"""Jobs: the request, the state and the result of each."""

from dataclasses import asdict, dataclass, field, fields
from datetime import datetime
from enum import StrEnum
from typing import Any

from app.calls.options import CallOptions
from app.core.errors import SpeechEmotionError


class JobError(SpeechEmotionError):
    """A job is refused, unknown, or cannot be completed."""


class JobNotFound(JobError):
    """The caller has no job with this ID."""


class WebhookNotFound(JobError):
    """The caller has no webhook with this ID."""


class IdempotencyKeyReused(JobError):
    """The Idempotency-Key was already used with another recording or other parameters."""


class JobsFull(JobError):
    """The job queue is full."""


class StorageFull(JobError):
    """The storage has no space for another recording."""


class JobsUnavailable(JobError):
    """Jobs are disabled, or their database is unreachable."""


class DatabaseAway(JobsUnavailable):
    """The PostgreSQL server of the jobs does not answer. It may be starting."""


class RecordingLost(JobError):
    """The recording of a job cannot be fetched."""


class JobCancelled(JobError):
    """The owner canceled the job while it ran."""


class State(StrEnum):
    """The state of a job; the last three are final."""

    QUEUED = "queued"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def ended(self) -> bool:
        """True for a final state."""
        return self not in {State.QUEUED, State.RUNNING}


@dataclass(frozen=True, slots=True)
class JobRequest:
    """The analysis that a job performs.

    Attributes:
        recording: the name of the stored recording; empty for a live session.
        digest: SHA-256 of the recording and of the parameters.
        model: the name of the bundle.
        options: the options of the analysis.
        callback_url: the receiver of the webhook; None if there is none.
        timeline: the answer of a live session, which the job only keeps; None for a recording.
    """

    recording: str
    digest: str
    model: str
    options: CallOptions = field(default_factory=CallOptions)
    callback_url: str | None = None
    timeline: dict[str, Any] | None = None

    def to_json(self) -> dict[str, Any]:
        """Return the request as JSON values, for the database."""
        return asdict(self) | {"options": self.options.model_dump(mode="json")}

    @classmethod
    def of_json(cls, values: dict[str, Any]) -> "JobRequest":
        """Read what `to_json` returned. Earlier versions stored the options beside the other values."""
        names = {own.name for own in fields(cls)} & values.keys()
        options = CallOptions.model_validate(values.get("options", values))
        return cls(**{name: values[name] for name in names} | {"options": options})


@dataclass(frozen=True, slots=True)
class Failure:
    """The reason why a job failed.

    Attributes:
        error: the name of the error class.
        message: the message of the error.
    """

    error: str
    message: str


@dataclass(frozen=True, slots=True)
class Job:
    """A request and its state.

    Attributes:
        id: the identifier.
        owner: the name of the API key that created the job.
        state: the state of the job.
        progress: the completed share, 0 to 1.
        created: the time of the creation.
        finished: the time of the end; None before.
        digest: the digest of the request.
        metadata: the metadata of the request.
        recording: the name of the stored recording; None in lists.
        result: the timeline, if the job succeeded.
        failure: the reason, if the job failed.
    """

    id: str
    owner: str
    state: State
    progress: float
    created: datetime
    finished: datetime | None
    digest: str
    metadata: dict[str, str] = field(repr=False)
    recording: str | None
    result: dict[str, Any] | None
    failure: Failure | None
