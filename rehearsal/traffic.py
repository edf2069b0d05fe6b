"""The clients of a chaos run: uploads, jobs with webhooks, and live calls. The oracle judges each answer."""

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from itertools import count, cycle
from typing import Any

import httpx2

from rehearsal.jobs import ENDED
from rehearsal.oracle import Oracle
from rehearsal.received import Answer, Stream
from rehearsal.stack import CALLER, Stack
from speech_emotion_client import Client, Closed, ProblemError, SegmentEnded, SpeechEmotionError, Summarized
from testing import local
from testing.live_client import encoded
from testing.receiver import Receiver
from testing.recordings import EXAMPLE, call, encode, speech

PERIODS = {"upload": 5.0, "analyze": 8.0, "submit": 12.0, "stream": 4.0, "read": 1.0}
"""The seconds between two requests of a client. Two processors run the containers and the clients."""
CLIENTS = {"upload": 4, "analyze": 1, "submit": 2, "stream": 3, "read": 1}
PATIENCE = 120.0
"""The longest wait for an answer. An error of the connection is excused by no fault, so that it is found."""
PIECE_BYTES = 6_400
"""The bytes of 0.2 s of audio."""


class Traffic:
    """Clients of a stack. The answers of the undisturbed stack are the expected ones."""

    def __init__(self, stack: Stack, oracle: Oracle, receiver: Receiver) -> None:
        """Learn the expected answers.

        Args:
            stack: a stack without faults.
            oracle: the judge of the answers.
            receiver: the receiver of the webhooks.
        """
        self._stack, self._oracle, self._receiver = stack, oracle, receiver
        self._url = stack.balancer
        utterances = [EXAMPLE.read_bytes(), *(encode(speech(name)) for name in ("03a01Fa", "03a01Nc"))]
        # nginx keeps an upload of more than 1 MiB in its temporary folder: the second one here.
        calls = [call(1), call(10)]
        self._utterances = cycle([(each, self._expected("emotions", each)) for each in utterances])
        self._calls = cycle([(each, self._expected("timeline", each)) for each in calls])
        long_calls = [call(2), call(15), call(30)]
        self._recordings = cycle([(each, self._expected("timeline", each)) for each in long_calls])
        _, self._samples = encoded()
        self._keys, self._n_webhooks = count(), 0
        self._over = threading.Event()
        self._stream = self._talk(None)
        assert self._stream.end == "stopped", self._stream

    def _expected(self, path: str, recording: bytes) -> object:
        answer = self._stack.post(f"{self._url}/v1/audio/{path}", recording)
        assert answer.status_code == 200, answer.text
        return answer.json()

    @contextmanager
    def running(self) -> Iterator[Callable[[], None]]:
        """Run all clients while the context lasts.

        Yields:
            A function that raises the error of a client that has failed.
        """
        actions: dict[str, Callable[[], object]] = {
            "upload": self.upload,
            "analyze": self.analyze,
            "submit": self.submit,
            "stream": lambda: self.talk(1.0),
            "read": self.read,
        }
        with ThreadPoolExecutor(sum(CLIENTS.values())) as threads:
            clients = [
                threads.submit(self._repeat, actions[name], PERIODS[name])
                for name, n_clients in CLIENTS.items()
                for _ in range(n_clients)
            ]
            try:
                yield lambda: _raise(clients)
            finally:
                self._over.set()
        _raise(clients)

    def _repeat(self, action: Callable[[], object], period: float) -> None:
        while not self._over.wait(period):
            action()

    def upload(self) -> bool:
        """Send an utterance, and return whether it was recognized."""
        recording, expected = next(self._utterances)
        return self._send("upload", "/v1/audio/emotions", recording, expected)

    def analyze(self) -> bool:
        """Send a call, and return whether it was analyzed."""
        recording, expected = next(self._calls)
        return self._send("analyze", "/v1/audio/timeline", recording, expected)

    def submit(self) -> str:
        """Submit a job until it is accepted, as docs/jobs.md recommends, and return its ID."""
        key, (recording, expected) = f"chaos-{next(self._keys)}", next(self._recordings)
        while True:
            began = time.monotonic()
            answer = self._request(
                "POST",
                "/v1/jobs",
                content=recording,
                params={"callback_url": self._receiver.url},
                headers={"Content-Type": "audio/wav", "Idempotency-Key": key},
            )
            if self._oracle.answered("submit", began, answer):
                job = str(_object(answer)["id"])
                self._oracle.accepted(job, key, expected)
                return job
            time.sleep(1)

    def read(self) -> None:
        """Read all jobs that have not ended."""
        for job in self._oracle.unfinished:
            self.read_job(job)

    def read_job(self, job: str) -> bool:
        """Read a job, and return whether it has ended."""
        began = time.monotonic()
        answer = self._request("GET", f"/v1/jobs/{job}")
        if not self._oracle.answered("poll", began, answer):
            return False
        found = _object(answer)
        if found["state"] not in ENDED:
            return False
        self._oracle.ended(job, found["state"], found["result"] or found["problem"])
        return True

    def talk(self, max_speed: float | None) -> bool:
        """Send a live call, and return whether it was completed.

        Args:
            max_speed: the speed, relative to real time; the limit of the service if None.
        """
        began = time.monotonic()
        return self._oracle.streamed(began, self._talk(max_speed), self._stream)

    def _talk(self, max_speed: float | None) -> Stream:
        """Send a live call with the Python client, which reconnects, and return what it received."""
        segments: list[object] = []
        sequences: list[int] = []
        timeline: object = None
        end = ""
        try:
            with (
                Client(self._url, key=CALLER) as client,
                client.live(
                    max_speed=max_speed,
                    encoding="mulaw",
                    sampling_rate=16_000,
                    channels=2,
                    roles=["agent", "customer"],
                ) as session,
            ):
                pieces = range(0, len(self._samples), PIECE_BYTES)
                session.feed(self._samples[start : start + PIECE_BYTES] for start in pieces)
                for event in session:
                    sequences.append(event.sequence)
                    if isinstance(event, SegmentEnded):
                        segments.append({**event.raw, "sequence": None})
                    elif isinstance(event, Summarized):
                        timeline = event.raw["timeline"]
                    elif isinstance(event, Closed):
                        end = event.reason
        except ProblemError as error:
            end = error.code
        except SpeechEmotionError as error:
            end = type(error).__name__
        return Stream(segments, timeline, end, sequences)

    def _send(self, operation: str, path: str, recording: bytes, expected: object) -> bool:
        began = time.monotonic()
        answer = self._request("POST", path, content=recording, headers={"Content-Type": "audio/wav"})
        return self._oracle.answered(operation, began, answer, expected)

    def _request(self, method: str, path: str, **options: Any) -> Answer:  # noqa: ANN401  # those of httpx2
        headers = {**self._stack.authorization, **options.pop("headers", {})}
        try:
            response = local.request(
                method, f"{self._url}{path}", headers=headers, timeout=PATIENCE, **options
            )
        except httpx2.TransportError as error:
            return Answer(0, type(error).__name__)
        return answer_of(response)

    def read_webhooks(self) -> None:
        """Let the oracle judge the webhooks that have arrived, each once."""
        for headers, body in self._receiver.requests[self._n_webhooks :]:
            self._oracle.notified(headers["webhook-id"], body.decode())
            self._n_webhooks += 1

    def list_jobs(self) -> list[str]:
        """Return the IDs of all jobs that the service lists."""
        return [row["id"] for row in self._list("jobs")]

    def replay_webhooks(self) -> None:
        """Let the service send the webhooks at once that wait for their next try."""
        missing = set(self._oracle.unnotified)
        for row in self._list("webhooks"):
            if row["id"] in missing:
                self._stack_post(f"/v1/webhooks/{row['id']}/replay")

    def _list(self, name: str) -> list[dict[str, Any]]:
        rows: list[dict[str, Any]] = []
        offset: int | None = 0
        while offset is not None:
            page = self._stack.get(f"{self._url}/v1/{name}", params={"limit": 100, "offset": offset}).json()
            rows += page[name]
            offset = page["next_offset"]
        return rows

    def _stack_post(self, path: str) -> None:
        answer = local.post(f"{self._url}{path}", headers=self._stack.authorization, timeout=PATIENCE)
        assert answer.status_code == 202, answer.text


def answer_of(response: httpx2.Response) -> Answer:
    """Read an answer. An error that is no problem document has the code `no-problem-document`."""
    if response.is_success:
        return Answer(response.status_code, content=response.json())
    if not response.headers.get("content-type", "").startswith("application/problem+json"):
        return Answer(response.status_code, "no-problem-document")
    problem = response.json()
    return Answer(response.status_code, problem["code"], request=problem["request_id"])


def _object(answer: Answer) -> dict[str, Any]:
    assert isinstance(answer.content, dict), answer
    return answer.content


def _raise(clients: list[Future[None]]) -> None:
    for client in clients:
        if client.done():
            client.result()
