"""The oracle of a chaos run finds each kind of fault, and excuses only what is documented for a fault."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from itertools import islice

import httpx2
import pytest

from rehearsal.faults import FAULTS, schedule
from rehearsal.oracle import Oracle
from rehearsal.received import Answer, Stream
from rehearsal.traffic import answer_of

RIGHT = {"emotion": "anger"}
SEGMENTS = [{"channel": 0, "start": 0.0}, {"channel": 1, "start": 2.5}]
COMPLETE = Stream(SEGMENTS, {"duration": 4}, "stopped", [1, 2, 3])
BUSY = Answer(503, "overloaded")


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def oracle(clock: Clock) -> Oracle:
    return Oracle({"overloaded": 503, "session-not-found": 404}, clock)


@contextmanager
def disturbed(oracle: Oracle, **excused: str) -> Iterator[dict[str, float]]:
    codes = {operation: frozenset({code}) for operation, code in excused.items()}
    with oracle.disturbed("kill replica", "replica_1", 1.0, codes) as disturbance:
        yield disturbance.recovery


def finish(oracle: Oracle, job: str = "7", state: str = "succeeded", result: object = RIGHT) -> None:
    oracle.accepted(job, f"key {job}", RIGHT)
    oracle.ended(job, state, result)
    oracle.notified(job, state)


def test_a_run_without_faults_has_no_finding(oracle: Oracle) -> None:
    assert oracle.answered("upload", 0.0, Answer(200, content=RIGHT), RIGHT)
    assert oracle.streamed(0.0, COMPLETE, COMPLETE)
    finish(oracle)
    oracle.ended("7", "succeeded", RIGHT)
    oracle.notified("7", "succeeded")
    oracle.complete(["7"])
    assert oracle.findings == []
    assert oracle.summary()["repeated_webhooks"] == 1


def test_a_wrong_answer_is_found(oracle: Oracle) -> None:
    oracle.answered("upload", 0.0, Answer(200, content={"emotion": "neutral"}), RIGHT)
    assert "upload: a wrong answer" in oracle.findings[0]


@pytest.mark.parametrize(
    "answer", [Answer(502, "no-problem-document"), Answer(500, "overloaded"), Answer(503, "new")]
)
def test_an_undocumented_error_is_found_even_if_it_is_excused(oracle: Oracle, answer: Answer) -> None:
    with disturbed(oracle, upload=answer.code):
        assert not oracle.answered("upload", 0.0, answer)
    assert oracle.findings == [f"upload: undocumented error {answer.status} {answer.code}"]


def test_a_documented_error_without_a_fault_is_found(oracle: Oracle) -> None:
    oracle.answered("upload", 0.0, BUSY)
    assert oracle.findings == ["upload: overloaded during no fault"]


def test_an_error_is_excused_only_for_its_operation_during_its_fault(oracle: Oracle, clock: Clock) -> None:
    with disturbed(oracle, submit="overloaded"):
        oracle.answered("submit", 0.0, BUSY)
        clock.now = 2.0
    assert oracle.findings == []
    oracle.answered("submit", 1.9, BUSY)  # began before the recovery
    assert oracle.findings == []
    oracle.answered("submit", 2.1, BUSY)
    assert oracle.findings == ["submit: overloaded during no fault"]
    with disturbed(oracle, submit="overloaded"):
        oracle.answered("upload", 2.2, BUSY)
    assert oracle.findings[1] == "upload: overloaded during kill replica (replica_1)"
    assert oracle.summary()["faults"][0]["errors"] == {"submit overloaded": 2}


def test_more_errors_than_announced_are_found(oracle: Oracle) -> None:
    excused = {"upload": frozenset({"overloaded"})}
    for n_errors in (1, 2):
        with oracle.disturbed("kill process", "replica_1", 1.0, excused, most_errors=1):
            for _ in range(n_errors):
                oracle.answered("upload", 0.0, BUSY)
    assert len(oracle.findings) == 1
    assert "more than 1 errors by kill process" in oracle.findings[0]


def test_a_lost_connection_is_found(oracle: Oracle) -> None:
    with disturbed(oracle):
        oracle.answered("upload", 0.0, Answer(0, "ReadTimeout"))
    assert oracle.findings == ["upload: ReadTimeout during kill replica (replica_1)"]


def test_a_lost_job_is_found(oracle: Oracle) -> None:
    oracle.accepted("7", "key 7", RIGHT)
    assert oracle.unfinished == oracle.unnotified == ["7"]
    oracle.complete([])
    assert oracle.findings == [
        "job 7: accepted, and never ended",
        "job 7: no webhook arrived",
        "job 7: accepted, and not listed",
    ]


def test_a_failed_job_is_found(oracle: Oracle) -> None:
    finish(oracle, state="failed", result={"code": "internal-error"})
    assert oracle.findings == ["job 7: failed: {'code': 'internal-error'}"]


def test_a_second_result_of_a_job_is_found(oracle: Oracle) -> None:
    finish(oracle)
    oracle.ended("7", "succeeded", {"emotion": "neutral"})
    assert "ended twice" in oracle.findings[0]
    assert "a wrong result" in oracle.findings[1]


def test_a_second_job_of_the_same_key_is_found(oracle: Oracle) -> None:
    oracle.accepted("7", "key", RIGHT)
    oracle.accepted("8", "key", RIGHT)
    assert oracle.findings == ["job 8: the key key already had the jobs ['7']"]


def test_a_job_that_nobody_has_submitted_is_found(oracle: Oracle) -> None:
    finish(oracle)
    oracle.notified("8", "succeeded")
    oracle.complete(["7", "8"])
    assert oracle.findings == [
        "job 8: never accepted, and a webhook arrived",
        "job 8: listed, and never accepted",
    ]


def test_two_webhooks_that_differ_are_found(oracle: Oracle) -> None:
    finish(oracle)
    oracle.notified("7", "failed")
    assert "job 7: different webhooks" in oracle.findings[0]


def test_a_webhook_before_the_answer_of_its_job_is_right(oracle: Oracle) -> None:
    oracle.notified("7", "succeeded")
    assert oracle.jobs == oracle.unfinished == []
    finish(oracle)
    oracle.complete(["7"])
    assert oracle.findings == []


@pytest.mark.parametrize(
    ("stream", "finding"),
    [
        (Stream(SEGMENTS[:1], COMPLETE.timeline, "stopped"), "lost segments"),
        (Stream([*SEGMENTS, SEGMENTS[1]], COMPLETE.timeline, "stopped"), "a segment arrived twice"),
        (Stream([{"channel": 2}, *SEGMENTS], COMPLETE.timeline, "stopped"), "wrong segments"),
        (Stream(SEGMENTS, {"duration": 3}, "stopped"), "a wrong timeline"),
        (Stream(SEGMENTS, COMPLETE.timeline, "stopped", [1, 2, 2]), "a message arrived twice"),
        (Stream(SEGMENTS, None, "session-not-found"), "session-not-found during no fault"),
    ],
)
def test_a_wrong_live_call_is_found(oracle: Oracle, stream: Stream, finding: str) -> None:
    oracle.streamed(0.0, stream, COMPLETE)
    (found,) = oracle.findings
    assert finding in found


def test_a_broken_live_call_is_excused_but_not_its_wrong_segments(oracle: Oracle) -> None:
    with disturbed(oracle, stream="session-not-found"):
        assert not oracle.streamed(0.0, Stream(SEGMENTS[:1], None, "session-not-found"), COMPLETE)
        assert oracle.findings == []
        oracle.streamed(0.0, Stream([{"channel": 2}], None, "session-not-found"), COMPLETE)
    assert len(oracle.findings) == 1


def test_a_slow_recovery_is_found(oracle: Oracle) -> None:
    with disturbed(oracle) as recovery:
        recovery |= {"upload": 59.9, "job": 60.0}
    assert oracle.findings == ["job: recovered 60 s after the end of kill replica (replica_1)"]


def test_an_error_without_a_problem_document_is_no_documented_one() -> None:
    assert answer_of(httpx2.Response(200, json=RIGHT)) == Answer(200, content=RIGHT)
    assert answer_of(httpx2.Response(502, html="<h1>Bad gateway</h1>")).code == "no-problem-document"
    document = {"code": "overloaded", "request_id": "4711"}
    problem = httpx2.Response(503, json=document, headers={"Content-Type": "application/problem+json"})
    assert answer_of(problem) == replace(BUSY, request="4711")


def test_a_seed_gives_the_same_faults_again_and_all_kinds_in_turn() -> None:
    first, again, other = (list(islice(schedule(seed), 2 * len(FAULTS))) for seed in (1, 1, 2))
    assert first == again != other
    assert len({event.fault.name for event in first[: len(FAULTS)]}) == len(FAULTS)
