"""The oracle of a chaos run: it judges every answer, and whether anything accepted was lost."""

import math
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from rehearsal.received import Answer, Stream

LONGEST_RECOVERY = 60.0
"""The longest recovery in seconds."""
STOPPED = "stopped"


@dataclass
class Disturbance:
    """The time of a fault, from before the injection until the recovery.

    Attributes:
        fault: the kind of the fault.
        target: the container.
        seconds: the time from the injection to the healing.
        excused: for each operation, the codes of the errors that the fault may cause.
        start: when it began, in seconds of the oracle's clock.
        end: when everything had recovered; infinite before.
        recovery: for each operation, the seconds from the healing to the first success.
        errors: the number of errors by operation and code.
    """

    fault: str
    target: str
    seconds: float
    excused: Mapping[str, frozenset[str]]
    start: float
    end: float = math.inf
    recovery: dict[str, float] = field(default_factory=dict)
    errors: Counter[str] = field(default_factory=Counter)


@dataclass
class _Job:
    key: str
    expected: object
    end: tuple[str, object] | None = None
    webhooks: Counter[str] = field(default_factory=Counter)


class Oracle:
    """The record of a run. All methods may be called by several threads.

    Attributes:
        findings: what the service did wrong.
        answers: for each operation, the number of answers by code; `ok` for a success.
        disturbances: the faults until now.
    """

    def __init__(
        self,
        documented: Mapping[str, int],
        clock: Callable[[], float] = time.monotonic,
        *,
        shown: bool = False,
    ) -> None:
        """Create an empty record.

        Args:
            documented: the status of each documented code.
            clock: a function that returns the time, in seconds.
            shown: whether findings are printed at once.
        """
        self.findings: list[str] = []
        self.answers: dict[str, Counter[str]] = defaultdict(Counter)
        self.disturbances: list[Disturbance] = []
        self._documented = documented
        self._clock = clock
        self._shown = shown
        self._jobs: dict[str, _Job] = {}
        self._lock = threading.RLock()

    @contextmanager
    def disturbed(
        self,
        fault: str,
        target: str,
        seconds: float,
        excused: Mapping[str, frozenset[str]],
        most_errors: float = math.inf,
    ) -> Iterator[Disturbance]:
        """Excuse some errors while the context lasts: from before a fault until the recovery from it."""
        disturbance = Disturbance(fault, target, seconds, excused, self._clock())
        self.disturbances.append(disturbance)
        yield disturbance
        disturbance.end = self._clock()
        if disturbance.errors.total() > most_errors:
            self._find(f"more than {most_errors:g} errors by {fault} ({target}): {dict(disturbance.errors)}")
        for operation, recovery in disturbance.recovery.items():
            if recovery >= LONGEST_RECOVERY:
                self._find(f"{operation}: recovered {recovery:.0f} s after the end of {fault} ({target})")

    def answered(self, operation: str, began: float, answer: Answer, expected: object = None) -> bool:
        """Judge an answer.

        Args:
            operation: the kind of the request.
            began: when the request began.
            answer: the answer.
            expected: the content of a success; None if it is not known.

        Returns:
            Whether the request succeeded.
        """
        with self._lock:
            self.answers[operation][answer.code or "ok"] += 1
            if answer.code:
                if answer.status and self._documented.get(answer.code) != answer.status:
                    self._find(f"{operation}: undocumented error {answer.status} {answer.code}")
                self._excuse(operation, began, answer.code, answer.request)
                return False
            if expected is not None and answer.content != expected:
                self._find(f"{operation}: a wrong answer: {answer.content} instead of {expected}")
            return True

    def accepted(self, job: str, key: str, expected: object) -> None:
        """Record an accepted job.

        Args:
            job: the ID of the job.
            key: its idempotency key.
            expected: its result.
        """
        with self._lock:
            others = {other for other, known in self._jobs.items() if known.key == key} - {job}
            if others:
                self._find(f"job {job}: the key {key} already had the jobs {sorted(others)}")
            known = self._jobs.setdefault(job, _Job(key, expected))
            known.key, known.expected = key, expected

    def ended(self, job: str, state: str, result: object) -> None:
        """Judge the end of a job. A job may be read many times."""
        with self._lock:
            known = self._jobs[job]
            if known.end == (state, result):
                return
            if known.end is not None:
                self._find(f"job {job}: ended twice: {known.end}, {(state, result)}")
            if state != "succeeded":
                self._find(f"job {job}: {state}: {result}")
            elif result != known.expected:
                self._find(f"job {job}: a wrong result: {result} instead of {known.expected}")
            known.end = state, result

    def notified(self, job: str, content: str) -> None:
        """Judge a webhook, which may arrive more than once, but not with different content."""
        with self._lock:
            if job not in self._jobs:
                # The answer to the request was lost. The client repeats the request, and learns the ID.
                self._jobs[job] = _Job("", None)
            webhooks = self._jobs[job].webhooks
            webhooks[content] += 1
            if len(webhooks) > 1:
                self._find(f"job {job}: different webhooks: {dict(webhooks)}")

    def streamed(self, began: float, stream: Stream, expected: Stream) -> bool:
        """Judge a live call.

        Args:
            began: when its first session began.
            stream: what the client received.
            expected: what the client of an undisturbed call receives.

        Returns:
            Whether the call is complete.
        """
        with self._lock:
            complete = stream.end == STOPPED
            self.answers["stream"]["ok" if complete else stream.end] += 1
            if len(set(stream.sequences)) < len(stream.sequences):
                self._find(f"stream: a message arrived twice: {stream.sequences}")
            if len(stream.segments) > len({str(segment) for segment in stream.segments}):
                self._find(f"stream: a segment arrived twice: {stream.segments}")
            wrong = [segment for segment in stream.segments if segment not in expected.segments]
            if wrong:
                self._find(f"stream: wrong segments {wrong}, none of {expected.segments}")
            if not complete:
                self._excuse("stream", began, stream.end)
                return False
            if len(stream.segments) < len(expected.segments):
                lost = [segment for segment in expected.segments if segment not in stream.segments]
                self._find(f"stream: lost segments {lost}")
            if stream.timeline != expected.timeline:
                self._find(f"stream: a wrong timeline: {stream.timeline} instead of {expected.timeline}")
            return True

    @property
    def unfinished(self) -> list[str]:
        """The accepted jobs that have not ended, as far as a client knows."""
        with self._lock:
            return [job for job, known in self._jobs.items() if known.key and known.end is None]

    @property
    def unnotified(self) -> list[str]:
        """The accepted jobs whose webhook has not arrived."""
        with self._lock:
            return [job for job, known in self._jobs.items() if known.key and not known.webhooks]

    @property
    def jobs(self) -> list[str]:
        """The accepted jobs."""
        with self._lock:
            return [job for job, known in self._jobs.items() if known.key]

    def complete(self, listed: Sequence[str]) -> None:
        """Judge what is missing at the end of the run.

        Args:
            listed: the jobs that the service lists.
        """
        for job in self.unfinished:
            self._find(f"job {job}: accepted, and never ended")
        for job in self.unnotified:
            self._find(f"job {job}: no webhook arrived")
        for job in set(self._jobs) - set(self.jobs):
            self._find(f"job {job}: never accepted, and a webhook arrived")
        for job in set(self.jobs) - set(listed):
            self._find(f"job {job}: accepted, and not listed")
        for job in set(listed) - set(self.jobs):
            self._find(f"job {job}: listed, and never accepted")

    def report(self, text: str) -> None:
        """Record another finding."""
        self._find(text)

    def summary(self) -> dict[str, Any]:
        """Return the figures of the run, for JSON."""
        webhooks = [known.webhooks.total() for known in self._jobs.values()]
        return {
            "answers": {operation: dict(counts) for operation, counts in sorted(self.answers.items())},
            "jobs": len(self.jobs),
            "webhooks": sum(webhooks),
            "repeated_webhooks": sum(max(n - 1, 0) for n in webhooks),
            "faults": [
                {
                    "fault": each.fault,
                    "target": each.target,
                    "seconds": each.seconds,
                    "errors": dict(each.errors),
                    "recovery": {name: round(value, 1) for name, value in each.recovery.items()},
                }
                for each in self.disturbances
            ],
            "findings": self.findings,
        }

    def _excuse(self, operation: str, began: float, code: str, request: str = "") -> None:
        """Count an error for the faults that may have caused it. Without such a fault, it is a finding."""
        during = [each for each in self.disturbances if each.end >= began]
        causes = [each for each in during if code in each.excused.get(operation, ())]
        for each in causes or during[-1:]:
            each.errors[f"{operation} {code}"] += 1
        if not causes:
            faults = ", ".join(f"{each.fault} ({each.target})" for each in during) or "no fault"
            self._find(f"{operation}: {code} during {faults}" + (f", request {request}" if request else ""))

    def _find(self, text: str) -> None:
        with self._lock:
            self.findings.append(text)
            if self._shown:
                print(f"FOUND: {text[:1000]}", flush=True)
