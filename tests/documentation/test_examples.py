"""The programs of `examples/` do what `docs/integrate.md` promises, against the service itself."""

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

import httpx2
import playwright
import pytest

from app.api.problem_table import BY_CODE
from testing.programs import program
from testing.recordings import EXAMPLE, ROOT
from testing.service import Service, running

EXAMPLES = ROOT / "examples"
KEY = "key of the test"
# Playwright brings Node along, so that no other has to be installed.
NODE = Path(playwright.__file__).parent / "driver" / "node"


class Gateway(ThreadingHTTPServer):
    """Says that the service is busy where it is asked to, and passes on everything else.

    Attributes:
        service: where to.
        refusals: how many requests it shall refuse.
        bodies: of all requests.
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
        answer = httpx2.post(self.server.service.url + self.path, content=body, headers=headers)
        self._answer(answer.status_code, {}, answer.content)

    def _answer(self, status: int, headers: dict[str, str], body: bytes) -> None:
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_arguments: object) -> None:
        """Say nothing."""


@pytest.fixture(scope="module")
def service() -> Iterator[Service]:
    """The shipped bundle, behind a key."""
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
    """What runs an example."""
    name: str = request.param
    match name.rpartition(".")[2]:
        case "sh":
            start = ["sh"]
        case "py":
            start = [sys.executable]
        case "mjs":
            start = [str(NODE)]
        case "java":
            program("javac")  # Java itself can run a file of source only where its compiler is
            start = ["java"]
        case _:
            pytest.fail(f"nobody knows how to run {name}")
    return [*start, str(EXAMPLES / name)]


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


def emotion(told: subprocess.CompletedProcess[str]) -> str:
    """That an example has printed, by itself or within the whole answer."""
    assert told.returncode == 0, told.stderr
    text = told.stdout.strip()
    return str(json.loads(text)["emotion"]) if text.startswith("{") else text


def test_an_example_asks_again_until_it_has_the_answer(command: list[str], gateway: Gateway) -> None:
    gateway.refusals = 1
    assert emotion(run(command, f"http://127.0.0.1:{gateway.server_port}", EXAMPLE)) == "happiness"
    assert len(gateway.bodies) == 2


def test_an_example_gives_up_what_no_other_try_would_mend(command: list[str], service: Service) -> None:
    before = service.log.count("POST")
    told = run(command, service.url, ROOT / "README.md")
    assert told.returncode != 0
    assert "unsupported-media-type" in told.stdout + told.stderr
    assert service.log.count("POST") == before + 1


@pytest.mark.parametrize("name", PROGRAMS)
def test_the_page_shows_the_program_itself(name: str) -> None:
    assert (EXAMPLES / name).read_text() in (ROOT / "docs" / "integrate.md").read_text()


def test_the_page_has_every_error() -> None:
    page = (ROOT / "docs" / "integrate.md").read_text()
    rows = set(re.findall(r"^\| (\d+) \| `([\w-]+)` \| (.+) \|$", page, re.MULTILINE))
    assert rows == {(str(row.status), row.code, row.title) for row in BY_CODE.values()}
