"""A job waits during an outage of its store or while its disk is full, and fails only after a long one."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from app.core.errors import SpeechEmotionError, StorageFull
from app.jobs import runner
from app.jobs.callbacks import CallbackPolicy
from app.jobs.job import JobCancelled, JobRequest, JobsUnavailable, RecordingLost
from app.jobs.recordings import Recordings
from app.jobs.runner import JobRunner
from app.pool.errors import WorkerLost

REQUEST = JobRequest("one/recording", "digest", "small")
ANSWER = {"duration": 4.0}
AWAY, FULL, DIED = JobsUnavailable("The store is away."), StorageFull("No space."), WorkerLost("Died.")


class Store(Recordings):
    """A store whose first fetches fail."""

    def __init__(self, *errors: SpeechEmotionError) -> None:
        self.errors = list(errors)

    @asynccontextmanager
    async def fetched(self, name: str) -> AsyncIterator[Path]:
        if self.errors:
            raise self.errors.pop(0)
        yield Path(name)


@pytest.fixture(autouse=True)
def _no_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runner, "OUTAGE_PAUSE", 0.0)


def outcome(*errors: SpeechEmotionError, report: Callable[[float], None] = lambda _: None) -> dict[str, Any]:
    """Return the outcome of a job whose first fetches fail."""

    async def analyze(*_: object) -> dict[str, Any]:
        return ANSWER

    settings: dict[str, Any] = {"at_a_time": 1, "result_ttl": 60, "policy": CallbackPolicy(), "counts": None}
    jobs = JobRunner("sqlite://", Store(*errors), **settings)
    return asyncio.run(jobs._analyze("one", REQUEST, report, analyze))


def test_a_job_waits_for_its_store_and_for_space() -> None:
    assert outcome(*[AWAY, FULL] * 10) == ANSWER


def test_a_job_fails_after_a_long_outage(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runner, "OUTAGE_SECONDS", -1.0)
    assert outcome(FULL) == {"error": "StorageFull", "message": "No space."}


def test_a_job_without_its_recording_fails_at_once() -> None:
    assert outcome(RecordingLost("Gone."), AWAY)["error"] == "RecordingLost"


def test_a_job_can_be_cancelled_during_an_outage() -> None:
    reports: list[float] = []

    def report(share: float) -> None:
        reports.append(share)
        if len(reports) == 3:
            raise JobCancelled("Canceled.")

    assert outcome(*[AWAY] * 10, report=report) == {"error": "JobCancelled", "message": "Canceled."}


def test_a_job_fails_after_three_deaths_of_its_worker_process() -> None:
    assert outcome(DIED, DIED, AWAY) == ANSWER
    assert outcome(DIED, AWAY, DIED, DIED) == {"error": "WorkerLost", "message": "Died."}
