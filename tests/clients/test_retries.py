"""Retries against a server whose answers are given, and the classes of all problems."""

import copy
import json
import socket
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from app.api.problem_table import BY_CODE
from speech_emotion_client import (
    ConnectionFailed,
    ProblemDocument,
    ProblemError,
    RecordingRefused,
    Retries,
    ServiceFailed,
    TimedOut,
    UnexpectedAnswer,
)
from speech_emotion_client.errors import CLASSES
from speech_emotion_client.flows import Pause, drive, exchange
from speech_emotion_client.requests import Request, Response, list_models
from speech_emotion_client.retries import JITTER, is_temporary, seconds_of
from tests.clients.conftest import asking

UTTERANCE = {"model": "m", "duration": 1.0, "speech": False, "emotion": None, "probabilities": None}
AT_ONCE = Retries(first_pause=0.0)


class Server(ThreadingHTTPServer):
    """A server with given answers.

    Attributes:
        statuses: the statuses of the answers, in order. 0 closes the connection without an answer.
        bodies: the bodies of the requests.
        keys: the headers `Idempotency-Key` of the requests.
    """

    def __init__(self, statuses: Sequence[int]) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.statuses = list(statuses)
        self.bodies: list[bytes] = []
        self.keys: list[str | None] = []
        self.url = f"http://127.0.0.1:{self.server_port}"


class _Handler(BaseHTTPRequestHandler):
    server: Server

    def do_POST(self) -> None:
        body = b""
        if "Content-Length" in self.headers:
            body = self.rfile.read(int(self.headers["Content-Length"]))
        else:
            while size := int(self.rfile.readline(), 16):
                body += self.rfile.read(size + 2)[:-2]
            self.rfile.readline()
        self.server.bodies.append(body)
        self.server.keys.append(self.headers["Idempotency-Key"])
        status = self.server.statuses.pop(0)
        if not status:
            self.close_connection = True
            return
        problem = {"status": status, "code": "of-the-test", "detail": "", "request_id": "r"}
        content = json.dumps(UTTERANCE if status == 200 else problem).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        """Write no log."""


@contextmanager
def serving(*statuses: int) -> Iterator[Server]:
    with Server(statuses) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture(params=["sync", "async"])
def kind(request: pytest.FixtureRequest) -> str:
    chosen: str = request.param
    return chosen


@pytest.mark.parametrize("statuses", [(503, 200), (429, 502, 0, 503, 200), (500, 200), (408, 200)])
def test_temporary_errors_are_tried_again_with_the_same_recording(
    kind: str, statuses: tuple[int, ...]
) -> None:
    with serving(*statuses) as server:
        ask = asking(kind, server.url, retries=AT_ONCE)
        assert not ask(lambda client: client.recognize(b"sound")).speech
    assert server.bodies == [b"sound"] * len(statuses)


@pytest.mark.parametrize(
    ("statuses", "error"),
    [
        ((503,) * 5, ProblemError),
        ((0,) * 5, ConnectionFailed),
        ((504, 504), ServiceFailed),
        ((422,), ProblemError),
        ((413,), RecordingRefused),
        ((507,), ProblemError),
        ((200,), UnexpectedAnswer),
    ],
)
def test_an_error_is_raised_when_another_try_does_not_help(
    kind: str, statuses: tuple[int, ...], error: type[Exception]
) -> None:
    with serving(*statuses) as server, pytest.raises(error):
        # A job is not an utterance, so that the answer of the status 200 lacks its fields.
        asking(kind, server.url, retries=AT_ONCE)(lambda client: client.jobs.create(b"sound"))
    assert len(server.bodies) == len(statuses)
    assert len(set(server.keys) - {None}) == 1, "a repeated request could create a second job"


def test_a_stream_is_sent_once(kind: str) -> None:
    with serving(503) as server, pytest.raises(ProblemError):
        asking(kind, server.url, retries=AT_ONCE)(lambda client: client.recognize(iter([b"so", b"und"])))
    assert server.bodies == [b"sound"]


def test_a_server_that_does_not_answer_is_left(kind: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:  # it accepts connections, and answers none
        url = f"http://127.0.0.1:{server.getsockname()[1]}"
        with pytest.raises(TimedOut):
            asking(kind, url, timeout=0.2, retries=AT_ONCE)(lambda client: client.recognize(b"sound"))


def pauses(*responses: Response) -> list[float]:
    """Return the pauses between tries that get these responses."""
    found: list[float] = []
    left = list(responses)

    def perform(step: Request[Any] | Pause) -> Response | None:
        if isinstance(step, Pause):
            found.append(step.seconds)
            return None
        return left.pop(0)

    with pytest.raises(ProblemError):
        drive(exchange(list_models(), Retries()), perform)
    assert not left
    return found


def busy(retry_after: str = "") -> Response:
    return Response(503, {"Retry-After": retry_after}, b"")


def test_pauses_double_and_have_a_random_part() -> None:
    found = pauses(*[busy()] * 5)
    assert len(found) == 4
    assert all(2**k <= pause <= 2**k * (1 + JITTER) for k, pause in enumerate(found))
    assert pauses(*[busy()] * 5) != found


def test_a_pause_is_as_long_as_the_service_demands() -> None:
    found = pauses(busy("7"), busy("1"), Response(400, {}, b""))
    assert 7 <= found[0] <= 7 * (1 + JITTER)
    assert 2 <= found[1] <= 2 * (1 + JITTER)


def test_a_pause_that_is_too_long_is_an_error() -> None:
    assert pauses(busy("3600")) == []


def test_a_date_is_a_pause_too() -> None:
    assert seconds_of("Fri, 31 Dec 2100 23:59:59 GMT") == pytest.approx(4_133_980_799 - time.time(), abs=2)


@pytest.mark.parametrize("code", BY_CODE)
def test_every_problem_has_a_class(code: str) -> None:
    row = BY_CODE[code]
    error = ProblemError.of(ProblemDocument(status=row.status, code=code))
    assert type(error) is not ProblemError
    if code.startswith("audio-"):
        assert isinstance(error, RecordingRefused)


@pytest.mark.parametrize("code", BY_CODE)
def test_the_client_repeats_what_the_problem_table_calls_temporary(code: str) -> None:
    row = BY_CODE[code]
    error = ProblemError.of(ProblemDocument(status=row.status, code=code))
    if row.retry_after is not None:
        assert is_temporary(error)
    if 400 <= row.status < 500 and row.status not in {408, 429}:
        assert not is_temporary(error)


def test_an_error_can_be_copied_to_another_process() -> None:
    error = ProblemError.of(ProblemDocument(status=503, code="overloaded", detail="busy"), 7.0)
    copied = copy.copy(error)  # by the same means as pickle
    assert (type(copied), str(copied), copied.retry_after) == (type(error), "overloaded: busy", 7.0)


def test_an_unknown_code_has_the_class_of_its_status() -> None:
    for status, expected in CLASSES.items():
        assert type(ProblemError.of(ProblemDocument(status=status, code="of-a-newer-service"))) is expected
