"""The methods of both clients against the running service."""

import asyncio
import io
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from speech_emotion_client import (
    AsyncClient,
    InvalidRequest,
    Job,
    NotFound,
    ProblemError,
    RecordingRefused,
    TimedOut,
    Timeline,
    Unauthenticated,
    verify_webhook,
)
from testing import local
from testing.receiver import SECRET, receiving
from testing.recordings import EXAMPLE, ROOT, call, encode, tone
from testing.service import Service
from testing.waiting import eventually
from tests.clients.conftest import KEY, Ask, asking

HEADERS = {"Authorization": f"Bearer {KEY}", "Content-Type": "audio/wav"}


def posted(service: Service, path: str, recording: bytes) -> Any:
    """Return the answer for a recording without the client."""
    return local.post(f"{service.url}{path}", content=recording, headers=HEADERS, timeout=60).json()


@pytest.mark.parametrize(
    "source",
    [
        str,
        Path.read_bytes,
        lambda path: path,
        lambda path: memoryview(path.read_bytes()),
        lambda path: io.BytesIO(path.read_bytes()),
        lambda path: (path.read_bytes()[start : start + 9_999] for start in range(0, 10**6, 9_999)),
    ],
    ids=["name", "bytes", "path", "memoryview", "file", "stream"],
)
def test_a_recording_can_have_many_forms(ask: Ask, service: Service, source: Callable[[Path], Any]) -> None:
    answer = ask(lambda client: client.recognize(source(EXAMPLE)))
    assert answer.raw == posted(service, "/v1/audio/emotions", EXAMPLE.read_bytes())
    assert answer.speech
    assert answer.probabilities[answer.emotion] == max(answer.probabilities.values())


def test_the_asynchronous_client_sends_an_asynchronous_stream(service: Service) -> None:
    async def pieces() -> AsyncIterator[bytes]:
        content = EXAMPLE.read_bytes()
        for start in range(0, len(content), 10_000):
            await asyncio.sleep(0)
            yield content[start : start + 10_000]

    asynchronous = asking("async", service.url, KEY)(lambda client: client.recognize(pieces()))
    assert asynchronous.raw == posted(service, "/v1/audio/emotions", EXAMPLE.read_bytes())
    with pytest.raises(TypeError, match="only AsyncClient"):
        asking("sync", service.url, KEY)(lambda client: client.recognize(pieces()))


def test_a_file_that_is_open_as_text_is_refused(ask: Ask) -> None:
    with Path(__file__).open() as file, pytest.raises(TypeError, match="'rb'"):
        ask(lambda client: client.recognize(file))


def test_options_reach_the_service(ask: Ask) -> None:
    options = {"channel": 0, "min_confidence": 1.0, "metadata": {"call": "ä 4711"}, "model": "small"}
    answer = ask(lambda client: client.recognize(EXAMPLE, **options))
    assert (answer.emotion, answer.metadata) == (None, {"call": "ä 4711"})
    newer = {"parameters": {"channel": "7"}}
    with pytest.raises(RecordingRefused, match="channel-not-found"):
        ask(lambda client: client.recognize(EXAMPLE, **newer))


def test_a_timeline_is_that_of_the_service(ask: Ask, service: Service) -> None:
    recording = call(3)
    roles = {"roles": ["agent", "customer"], "channels": [1], "merge": True}
    answer: Timeline = ask(lambda client: client.timeline(recording, **roles))
    expected = posted(service, "/v1/audio/timeline?roles=agent,customer&channels=1&merge=true", recording)
    assert answer.raw == expected
    (customer,) = answer.channels
    assert (customer.role, customer.channel) == ("customer", 1)
    assert [segment.end for segment in customer.segments] == [
        row["end"] for row in expected["channels"][0]["segments"]
    ]
    assert customer.measures is not None
    assert answer.measures is not None
    assert customer.measures.talk_time == answer.measures.talk_time


def test_a_job_reports_its_progress_and_its_result(ask: Ask, service: Service) -> None:
    recording = call(3)
    seen: list[Job] = []
    created = ask(lambda client: client.jobs.create(recording, metadata={"call": "17"}))
    result = ask(lambda client: client.jobs.result(created.id, seen.append, poll=0.1))
    assert {**result.raw, "metadata": {}} == posted(service, "/v1/audio/timeline", recording)
    assert (seen[0].metadata, seen[-1].state, seen[-1].progress) == ({"call": "17"}, "succeeded", 1)
    assert [(job.state, job.progress) for job in seen] == list(
        dict.fromkeys((job.state, job.progress) for job in seen)
    )
    page = ask(lambda client: client.jobs.list("succeeded", limit=1))
    assert page.jobs[0].id == created.id
    ask(lambda client: client.jobs.delete(created.id))
    with pytest.raises(NotFound, match="job-not-found"):
        ask(lambda client: client.jobs.get(created.id))


def test_a_repeated_idempotency_key_is_the_same_job(ask: Ask) -> None:
    def create(client: Any, recording: bytes = b"") -> Any:
        return client.jobs.create(recording or call(1), idempotency_key=f"call 18 of {id(ask)}")

    assert ask(create).id == ask(create).id
    with pytest.raises(InvalidRequest, match="idempotency-key-reused"):
        ask(lambda client: create(client, call(2)))


def test_waiting_for_a_job_ends_in_time(ask: Ask) -> None:
    job = ask(lambda client: client.jobs.create(call(40)))
    with pytest.raises(TimedOut, match="It continues"):
        ask(lambda client: client.jobs.wait(job.id, timeout=0.0))
    ask(lambda client: client.jobs.delete(job.id))


def test_the_models_are_listed(ask: Ask) -> None:
    models = ask(lambda client: client.models())
    (small,) = models.models
    assert (models.default, small.name, small.adapts_to_speaker) == ("small", "small", True)
    assert small.raw["protocol"]["name"] == "speaker-independent"


def test_the_webhook_of_a_job_is_verified(service: Service) -> None:
    with receiving(204) as receiver:
        ask = asking("sync", service.url, KEY)
        job = ask(lambda client: client.jobs.create(call(1), callback_url=receiver.url))
        ask(lambda client: client.jobs.wait(job.id, poll=0.1))
        eventually(lambda: bool(receiver.requests))
    headers, body = receiver.requests[0]
    event = verify_webhook(headers, body, ["whsec_b3RoZXI=", SECRET])
    assert (event.type, event.id) == ("job.succeeded", headers["webhook-id"])
    assert event.data["id"] == job.id


@pytest.mark.parametrize(
    ("call_it", "kind", "code"),
    [
        (lambda client: client.recognize(ROOT / "README.md"), RecordingRefused, "unsupported-media-type"),
        (lambda client: client.recognize(b""), InvalidRequest, "malformed-request"),
        (lambda client: client.recognize(encode(tone(0.1))), RecordingRefused, "audio-too-short"),
        (lambda client: client.recognize(EXAMPLE, model="none"), NotFound, "model-not-found"),
        (lambda client: client.recognize(EXAMPLE, min_confidence=2), InvalidRequest, "invalid-request"),
        (lambda client: client.timeline(EXAMPLE, roles=["a", "b"]), RecordingRefused, "roles-mismatch"),
        (lambda client: client.jobs.get("a/../b"), NotFound, ""),
    ],
    ids=["text", "empty", "short", "model", "parameter", "roles", "job"],
)
def test_a_problem_is_an_exception_with_code_and_request(
    ask: Ask, service: Service, call_it: Callable[[Any], Any], kind: type[ProblemError], code: str
) -> None:
    with pytest.raises(kind) as caught:
        ask(call_it)
    assert caught.value.code.endswith(code or "not-found")
    eventually(lambda: caught.value.request_id in service.log)
    assert caught.value.request_id in str(caught.value)


def test_a_wrong_key_is_an_exception(service: Service) -> None:
    for kind in ("sync", "async"):
        with pytest.raises(Unauthenticated):
            asking(kind, service.url, "wrong")(lambda client: client.models())


def test_one_asynchronous_client_serves_many_tasks(service: Service) -> None:
    async def ask_at_once() -> list[Any]:
        async with AsyncClient(service.url, KEY) as client:
            return await asyncio.gather(*(client.recognize(EXAMPLE) for _ in range(4)))

    answers = asyncio.run(ask_at_once())
    assert len({answer.emotion for answer in answers}) == 1
