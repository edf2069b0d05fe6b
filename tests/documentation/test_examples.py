"""The programs in `examples/` work with the real service as `docs/integrate.md` describes."""

import hashlib
import json
import os
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import playwright
import pytest

from app.api.problem_table import BY_CODE
from testing import local
from testing.programs import program
from testing.recordings import EXAMPLE, ROOT
from testing.service import Service, running

EXAMPLES = ROOT / "examples"
KEY = "key of the test"
# Playwright includes Node, so the tests need no other installation of Node.
NODE = Path(playwright.__file__).parent / "driver" / "node"


class Gateway(ThreadingHTTPServer):
    """A proxy that rejects the first requests as `overloaded` and forwards the others to the service.

    Attributes:
        service: the service that receives the forwarded requests.
        refusals: the number of requests to reject.
        bodies: the bodies of all requests.
    """

    def __init__(self, service: Service) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.service = service
        self.refusals = 0
        self.bodies: list[bytes] = []


class _Handler(BaseHTTPRequestHandler):
    server: Gateway

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.bodies.append(body)
        if len(self.server.bodies) <= self.server.refusals:
            self._answer(503, {"Retry-After": "1"}, b'{"code": "overloaded", "detail": "busy"}')
            return
        headers = {name: self.headers[name] for name in ("Content-Type", "Authorization")}
        answer = local.post(self.server.service.url + self.path, content=body, headers=headers)
        self._answer(answer.status_code, {}, answer.content)

    def _answer(self, status: int, headers: dict[str, str], body: bytes) -> None:
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_arguments: object) -> None:
        """Log nothing."""


@pytest.fixture(scope="module")
def service() -> Iterator[Service]:
    """A service with the shipped bundles that requires a key."""
    entry = f"test:{hashlib.sha256(KEY.encode()).hexdigest()}"
    with running(SER_WORKERS="1", SER_API_KEYS=entry) as service:
        yield service


@pytest.fixture
def gateway(service: Service) -> Iterator[Gateway]:
    with Gateway(service) as gateway:
        thread = threading.Thread(target=gateway.serve_forever)
        thread.start()
        yield gateway
        gateway.shutdown()
        thread.join()


PROGRAMS = sorted(path.name for path in EXAMPLES.iterdir() if path.stem.lower() == "recognize")


@pytest.fixture(params=PROGRAMS)
def command(request: pytest.FixtureRequest) -> list[str]:
    """The command that runs an example."""
    name: str = request.param
    match name.rpartition(".")[2]:
        case "sh":
            interpreter = ["sh"]
        case "py":
            interpreter = [sys.executable]
        case "mjs":
            interpreter = [str(NODE)]
        case "java":
            program("javac")  # Java can run a source file only if the compiler is installed
            interpreter = ["java"]
        case _:
            pytest.fail(f"nobody knows how to run {name}")
    return [*interpreter, str(EXAMPLES / name)]


def run(command: list[str], url: str, recording: Path) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "API_KEY": KEY}
    return subprocess.run(
        [*command, url, str(recording)],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def emotion(completed: subprocess.CompletedProcess[str]) -> str:
    """Return the emotion that an example printed, alone or inside the complete answer."""
    assert completed.returncode == 0, completed.stderr
    text = completed.stdout.strip()
    return str(json.loads(text)["emotion"]) if text.startswith("{") else text


def test_an_example_repeats_a_request_that_was_rejected_as_overloaded(
    command: list[str], gateway: Gateway
) -> None:
    gateway.refusals = 1
    headers = {"Authorization": f"Bearer {KEY}", "Content-Type": "audio/wav"}
    expected = local.post(
        f"{gateway.service.url}/v1/audio/emotions", content=EXAMPLE.read_bytes(), headers=headers
    ).json()
    printed = emotion(run(command, f"http://127.0.0.1:{gateway.server_port}", EXAMPLE))
    assert printed == expected["emotion"]
    assert len(gateway.bodies) == 2


def test_an_example_does_not_repeat_a_bad_request(command: list[str], service: Service) -> None:
    n_before = service.log.count("POST")
    completed = run(command, service.url, ROOT / "README.md")
    assert completed.returncode != 0
    assert "unsupported-media-type" in completed.stdout + completed.stderr
    assert service.log.count("POST") == n_before + 1


@pytest.mark.parametrize("name", PROGRAMS)
def test_the_page_contains_the_program(name: str) -> None:
    assert (EXAMPLES / name).read_text() in (ROOT / "docs" / "integrate.md").read_text()


def test_the_page_lists_every_error() -> None:
    page = (ROOT / "docs" / "integrate.md").read_text()
    rows = set(re.findall(r"^\| (\d+) \| `([\w-]+)` \| (.+) \|$", page, re.MULTILINE))
    assert rows == {(str(row.status), row.code, row.title) for row in BY_CODE.values()}


@pytest.mark.parametrize(
    "interpreter", [[sys.executable, "live.py"], [str(NODE), "live.mjs"]], ids=["py", "mjs"]
)
def test_a_live_example_prints_the_messages_of_a_stream(service: Service, interpreter: list[str]) -> None:
    command = [*interpreter[:-1], str(EXAMPLES / interpreter[-1]), service.url, str(EXAMPLE), "2"]
    completed = subprocess.run(
        command, env={**os.environ, "API_KEY": KEY}, capture_output=True, text=True, timeout=60, check=False
    )
    assert completed.returncode == 0, completed.stderr
    messages = [json.loads(line) for line in completed.stdout.splitlines()]
    assert [message["type"] for message in messages if message["type"] != "interim"] == [
        "ready",
        "speech_started",
        "segment",
        "summary",
        "closed",
    ]
    expected = local.post(
        f"{service.url}/v1/audio/timeline",
        content=EXAMPLE.read_bytes(),
        headers={"Authorization": f"Bearer {KEY}", "Content-Type": "audio/wav"},
        timeout=60,
    ).json()
    assert messages[-2]["timeline"] == expected


@pytest.mark.parametrize(
    "interpreter", [[sys.executable, "live.py"], [str(NODE), "live.mjs"]], ids=["py", "mjs"]
)
def test_a_live_example_reports_a_problem(service: Service, interpreter: list[str]) -> None:
    command = [*interpreter[:-1], str(EXAMPLES / interpreter[-1]), service.url, str(EXAMPLE), "2"]
    completed = subprocess.run(
        command,
        env={**os.environ, "API_KEY": "wrong"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert completed.returncode == 1
    assert json.loads(completed.stdout.splitlines()[-1])["problem"]["code"] == "unauthenticated"


def test_a_live_example_names_a_file_that_it_cannot_read(service: Service, tmp_path: Path) -> None:
    path = tmp_path / "text.wav"
    path.write_text("no sound")
    completed = run([sys.executable, str(EXAMPLES / "live.py")], service.url, path)
    assert completed.returncode == 1
    assert "text.wav" in completed.stderr
    assert "Traceback" not in completed.stderr
