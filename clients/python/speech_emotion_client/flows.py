"""Sequences of requests and pauses, without I/O.

A flow is a generator. It yields steps, such as a request or a pause, and receives their outcomes. `drive` and
`drive_async` run a flow; the clients only perform its steps. So the decisions exist once for both clients.
"""

import time
from collections.abc import Awaitable, Callable, Generator
from dataclasses import dataclass
from typing import Any, TypeVar

from speech_emotion_client import requests
from speech_emotion_client.answers import Job
from speech_emotion_client.errors import ConnectionFailed, ProblemError, TimedOut
from speech_emotion_client.requests import Request, Response
from speech_emotion_client.retries import Attempts, Retries

S = TypeVar("S")
O = TypeVar("O")  # noqa: E741  # outcome
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Pause:
    """A step that waits. It has no outcome.

    Attributes:
        seconds: the time to wait.
    """

    seconds: float


HttpFlow = Generator[Request[Any] | Pause, Response | None, T]
Progress = Callable[[Job], object]


def persist(
    step: S, read: Callable[[O], T], retries: Retries, *, repeatable: bool = True
) -> Generator[S | Pause, O | None, T]:
    """Perform a step until it succeeds, or until another try does not help.

    Args:
        step: the step. Its outcome is never None.
        read: a function that converts the outcome, or raises the error in it.
        retries: the policy.
        repeatable: whether the step can be performed again.

    Raises:
        ConnectionFailed: there was no connection in the last try.
        ProblemError: the last try failed.
    """
    attempts = Attempts(retries)
    while True:
        try:
            outcome = yield step
            assert outcome is not None
            return read(outcome)
        except (ConnectionFailed, ProblemError) as error:
            pause = attempts.pause_after(error)
            if pause is None or not repeatable:
                raise
        yield Pause(pause)


def exchange(request: Request[T], retries: Retries) -> HttpFlow[T]:
    """Send a request, again if that helps, and return its answer."""
    return persist(request, request.read, retries, repeatable=request.repeatable)


def wait_for_job(
    job_id: str,
    retries: Retries,
    on_progress: Progress | None = None,
    *,
    timeout: float | None = None,
    poll: float = 5.0,
    clock: Callable[[], float] = time.monotonic,
) -> HttpFlow[Job]:
    """Poll a job until it ends.

    Args:
        job_id: the ID of the job.
        retries: the policy of each request.
        on_progress: a function that is called with the job whenever its state or its progress changes.
        timeout: the longest wait, in seconds; None for no limit.
        poll: the seconds between two requests.
        clock: a function that returns the time, in seconds.

    Raises:
        TimedOut: the job did not end in time.
    """
    end = None if timeout is None else clock() + timeout
    before: tuple[str, float] | None = None
    while True:
        job = yield from exchange(requests.get_job(job_id), retries)
        if on_progress is not None and (job.state, job.progress) != before:
            on_progress(job)
        if job.ended:
            return job
        before = job.state, job.progress
        if end is not None and clock() + poll > end:
            raise TimedOut(f"The job {job_id} is {job.state} after {timeout:g} s. It continues; wait again.")
        yield Pause(poll)


def drive(flow: Generator[S, O, T], perform: Callable[[S], O]) -> T:
    """Run a flow.

    Args:
        flow: the flow.
        perform: a function that performs a step, and raises `ConnectionFailed` if there is no answer.

    Returns:
        The result of the flow.
    """
    try:
        step = next(flow)
        while True:
            try:
                outcome = perform(step)
            except ConnectionFailed as error:
                step = flow.throw(error)
            else:
                step = flow.send(outcome)
    except StopIteration as stop:
        result: T = stop.value
        return result


async def drive_async(flow: Generator[S, O, T], perform: Callable[[S], Awaitable[O]]) -> T:
    """Run a flow, as `drive` does."""
    try:
        step = next(flow)
        while True:
            try:
                outcome = await perform(step)
            except ConnectionFailed as error:
                step = flow.throw(error)
            else:
                step = flow.send(outcome)
    except StopIteration as stop:
        result: T = stop.value
        return result
