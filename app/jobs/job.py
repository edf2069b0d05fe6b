"""What a job is: an order, and what has become of it."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from app.core.errors import SpeechEmotionError


class JobError(SpeechEmotionError):
    """A job cannot be taken, or is not there."""


class JobNotFound(JobError):
    """The caller has no job of that id."""


class IdempotencyKeyReused(JobError):
    """The same Idempotency-Key came with another recording or other parameters."""


class JobsFull(JobError):
    """As many jobs wait as may."""


class StorageFull(JobError):
    """There is no room for another recording."""


class JobsUnavailable(JobError):
    """The service takes no jobs, or cannot reach them."""


class RecordingLost(JobError):
    """The recording of a job cannot be fetched."""


class JobCancelled(JobError):
    """Its owner cancelled the job while it ran."""


class State(StrEnum):
    """What a job is at; the last three are its end."""

    QUEUED = "queued"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def ended(self) -> bool:
        """Whether nothing more becomes of it."""
        return self not in {State.QUEUED, State.RUNNING}


@dataclass(frozen=True, slots=True)
class Order:
    """What is to be done.

    Attributes:
        recording: the name that the recording is kept under.
        digest: SHA-256 of the recording and of all that is asked of it.
        model: the bundle that answers.
        channels: which are analysed; None: every one that may be.
        merge: whether neighbours of the same emotion become one segment.
        callback_url: who is told of the end, if anybody.
    """

    recording: str
    digest: str
    model: str
    channels: tuple[int, ...] | None = None
    merge: bool = False
    callback_url: str | None = None


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a job failed.

    Attributes:
        error: the class of the error.
        message: what it says.
    """

    error: str
    message: str


@dataclass(frozen=True, slots=True)
class Job:
    """An order, and what has become of it.

    Attributes:
        id: its name.
        owner: the name of the key that ordered it.
        state: what it is at.
        progress: the share that is done, 0 to 1.
        created: when it was ordered.
        finished: when it ended, if it has.
        digest: that of the order.
        recording: the name that its recording is kept under; None in lists.
        result: the timeline, if it succeeded.
        failure: why, if it failed.
    """

    id: str
    owner: str
    state: State
    progress: float
    created: datetime
    finished: datetime | None
    digest: str
    recording: str | None
    result: dict[str, Any] | None
    failure: Failure | None
