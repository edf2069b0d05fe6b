"""The configuration of the balancer is valid, its limits fit the service, and its errors are problems."""

import asyncio
import json
import re
import shutil
import socket
import socketserver
import subprocess
import threading
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from websockets.asyncio.client import connect

from app.api.problem_table import BY_CODE
from app.api.problems import MEDIA_TYPE
from app.settings import Settings
from testing import balancer, local
from testing.programs import program
from testing.service import free_port, running

TEXT = (balancer.CONFIGURATION / "nginx.conf").read_text()
UTTERANCES, REST = TEXT.split("location = /v1/audio/timeline {")
CALLS, JOBS = REST.split("location = /v1/jobs {")
N_CALLS = 24
"""The number of calls that two replicas share. nginx hashes them, and no replica gets all of so many."""
UNITS = {"k": 2**10, "m": 2**20, "s": 1}


def value(text: str, directive: str) -> int:
    found = re.search(rf"^\s*{directive} (\d+)([kms]);", text, re.MULTILINE)
    assert found, directive
    return int(found[1]) * UNITS[found[2]]


def test_nginx_accepts_the_configuration(tmp_path: Path) -> None:
    balancer.configure(tmp_path, 8080, [8001, 8002])
    command = [*balancer.command(program("nginx"), tmp_path), "-t"]
    checked = subprocess.run(command, capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stderr


def test_the_upload_limits_equal_those_of_the_service() -> None:
    settings = Settings()
    assert value(UTTERANCES, "client_max_body_size") == settings.max_upload_bytes
    assert value(CALLS, "client_max_body_size") == settings.max_call_bytes
    assert value(JOBS, "client_max_body_size") == settings.max_job_bytes
    assert value(TEXT, "client_body_timeout") == settings.upload_pause


def test_the_balancer_waits_longer_than_the_service_needs() -> None:
    settings = Settings()
    assert value(UTTERANCES, "proxy_read_timeout") > settings.request_timeout
    assert value(CALLS, "proxy_read_timeout") > settings.call_timeout + settings.request_timeout
    assert value(JOBS, "proxy_read_timeout") > settings.request_timeout


@pytest.fixture(scope="module")
def without_replicas(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Path]]:
    """The address and the log of a balancer without replicas."""
    port = free_port()
    with balancer.balancing(program("nginx"), tmp_path_factory.mktemp("nginx"), port, [free_port()]) as log:
        yield f"http://127.0.0.1:{port}", log


@pytest.mark.parametrize(
    ("method", "path", "body", "code"),
    [
        ("GET", "/v1/models", b"", "not-ready"),
        ("POST", "/v1/audio/emotions", b"RIFF", "not-ready"),
        ("GET", "/metrics", b"", "not-found"),
        ("POST", "/v1/audio/emotions", bytes(Settings().max_upload_bytes + 1), "upload-too-large"),
    ],
)
def test_errors_of_the_balancer_are_problems_like_those_of_the_service(
    without_replicas: tuple[str, Path], method: str, path: str, body: bytes, code: str
) -> None:
    url, _ = without_replicas
    answer = local.request(method, url + path, content=body)
    problem = BY_CODE[code]
    assert answer.status_code == problem.status
    assert answer.headers["Content-Type"] == MEDIA_TYPE
    assert answer.headers["Server"] == "nginx"
    retry = answer.headers.get("Retry-After")
    assert retry == (None if problem.retry_after is None else str(problem.retry_after))
    document = answer.json()
    assert document.pop("detail")
    assert document == {
        "type": f"/problems/{code}",
        "title": problem.title,
        "status": problem.status,
        "code": code,
        "request_id": answer.headers["X-Request-ID"],
    }


def test_a_live_session_passes_through_the_balancer(tmp_path: Path) -> None:
    """The messages of a session arrive while the session lasts."""
    port = free_port()

    async def scenario(address: str) -> list[str]:
        start = {"type": "start", "encoding": "mulaw", "sampling_rate": 8000}
        async with connect(address) as socket:
            await socket.send(json.dumps(start))
            received = [json.loads(await socket.recv())["type"]]
            await socket.send(b"\xff" * 8_000)
            await socket.send(json.dumps({"type": "stop"}))
            return [*received, *[json.loads(await socket.recv())["type"] for _ in range(2)]]

    with (
        running(SER_WORKERS="1", SER_JOBS="false") as service,
        balancer.balancing(program("nginx"), tmp_path, port, [service.port]),
    ):
        received = asyncio.run(scenario(f"ws://127.0.0.1:{port}/v1/audio/live"))
    assert received == ["ready", "summary", "closed"]


def test_the_connections_of_a_call_reach_the_same_replica(tmp_path: Path) -> None:
    """A client that names its call can continue its session, and read its events."""
    port = free_port()
    start = json.dumps({"type": "start", "encoding": "mulaw", "sampling_rate": 8000})

    async def scenario(call: int) -> tuple[str, str, str]:
        address = f"ws://127.0.0.1:{port}/v1/audio/live?call={call}"
        socket = await connect(address)
        await socket.send(start)
        session = json.loads(await socket.recv())["session"]
        socket.transport.abort()
        async with connect(address) as socket:
            await socket.send(json.dumps({"type": "reconnect", "session": session}))
            continued = json.loads(await socket.recv())
            await socket.send(json.dumps({"type": "stop"}))
            answer = await asyncio.to_thread(
                local.get, f"http://127.0.0.1:{port}/v1/live/{session}/events?call={call}"
            )
        return session, continued["session"], answer.text

    with ExitStack() as stack:
        settings = {"SER_WORKERS": "1", "SER_JOBS": "false"}
        services = [stack.enter_context(running(**settings)) for _ in range(2)]
        ports = [service.port for service in services]
        stack.enter_context(balancer.balancing(program("nginx"), tmp_path, port, ports))
        for call in range(N_CALLS):
            session, continued, events = asyncio.run(scenario(call))
            assert continued == session
            assert "event: closed" in events
        used = [local.get(f"{service.url}/metrics").text for service in services]
        assert all("ser_live_connections_total{" in metrics for metrics in used)  # both have sessions


@pytest.fixture
def with_dying_replicas(tmp_path: Path) -> Iterator[tuple[str, list[bytes]]]:
    """The address of a balancer with two replicas that drop every request, and the received requests."""
    port, received = free_port(), []

    class Dying(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            received.append(self.request.recv(1000))

    with ExitStack() as stack:
        servers = [stack.enter_context(socketserver.TCPServer(("127.0.0.1", 0), Dying)) for _ in range(2)]
        for server in servers:
            threading.Thread(target=server.serve_forever, daemon=True).start()
            stack.callback(server.shutdown)
        ports = [server.server_address[1] for server in servers]
        stack.enter_context(balancer.balancing(program("nginx"), tmp_path, port, ports))
        yield f"http://127.0.0.1:{port}", received


@pytest.mark.parametrize(("path", "tries"), [("/v1/audio/emotions", 2), ("/v1/jobs", 1)])
def test_the_balancer_repeats_requests_except_those_that_create_jobs(
    with_dying_replicas: tuple[str, list[bytes]], path: str, tries: int
) -> None:
    url, received = with_dying_replicas
    answer = local.post(url + path, content=b"RIFF")
    assert (answer.status_code, answer.json()["code"]) == (503, "not-ready")
    assert [request.split()[1].decode() for request in received] == [path] * tries


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [("POST", "/v1/audio/emotions", 200), ("POST", "/v1/jobs", 503), ("GET", "/v1/audio/live", 200)],
)
def test_a_request_starts_again_when_no_other_replica_is_known(
    tmp_path: Path, method: str, path: str, status: int
) -> None:
    port, received = free_port(), []
    headers = {"Connection": "upgrade", "Upgrade": "websocket"} if method == "GET" else {}

    class Recovering(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            received.append(self.request.recv(1000))
            if len(received) > 1:
                self.request.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")

    with socketserver.TCPServer(("127.0.0.1", 0), Recovering) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        with balancer.balancing(program("nginx"), tmp_path, port, [server.server_address[1]]):
            answer = local.request(method, f"http://127.0.0.1:{port}{path}", headers=headers)
        server.shutdown()
    assert answer.status_code == status
    assert {request.split()[0].decode() for request in received} == {method}
    assert all((b"Upgrade: websocket" in request) == bool(headers) for request in received)


def test_a_request_to_a_replica_that_hangs_does_not_start_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    port, n_received = free_port(), [0]
    shutil.copytree(balancer.CONFIGURATION, tmp_path / "configuration")
    assert "proxy_read_timeout 45s;" in TEXT
    text = TEXT.replace("proxy_read_timeout 45s;", "proxy_read_timeout 1s;")
    (tmp_path / "configuration" / "nginx.conf").write_text(text)
    monkeypatch.setattr(balancer, "CONFIGURATION", tmp_path / "configuration")

    class Hanging(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            n_received[0] += 1
            while self.request.recv(1000):  # until nginx closes the connection
                pass

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Hanging) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        with balancer.balancing(program("nginx"), tmp_path, port, [server.server_address[1]]):
            answer = local.post(f"http://127.0.0.1:{port}/v1/audio/emotions", content=b"RIFF", timeout=20)
        server.shutdown()
    assert (answer.status_code, answer.json()["code"]) == (503, "not-ready")
    assert n_received == [1]


def test_a_call_over_the_limit_is_refused_immediately(without_replicas: tuple[str, Path]) -> None:
    url, _ = without_replicas
    found = re.search(r"limit_conn calls (\d+);", CALLS)
    assert found
    # nginx answers 100 after it has accepted the call, and expects the body.
    head = (
        b"POST /v1/audio/timeline HTTP/1.1\r\nHost: here\r\nContent-Length: 9\r\nExpect: 100-continue\r\n\r\n"
    )
    with ExitStack() as calls:
        for _ in range(int(found[1])):
            call = calls.enter_context(socket.create_connection(("127.0.0.1", int(url.rpartition(":")[2]))))
            call.sendall(head)
            assert b" 100 " in call.recv(100)
        refused = local.post(f"{url}/v1/audio/timeline", content=b"RIFF")
    assert (refused.status_code, refused.json()["code"]) == (503, "overloaded")
    assert refused.headers["Retry-After"] == str(BY_CODE["overloaded"].retry_after)


def test_every_error_of_the_balancer_has_a_code_of_the_service() -> None:
    errors = dict(re.findall(r'"title": "(.+)",\n.*\n.*\n  "code": "(.+)"', TEXT))
    assert errors == {BY_CODE[code].title: code for code in errors.values()}
    assert set(errors.values()) == {"not-found", "upload-too-large", "overloaded", "not-ready"}


def test_the_log_has_the_request_id_and_no_query(without_replicas: tuple[str, Path]) -> None:
    url, log = without_replicas
    request_id = "4a4bb3b8-f8c0-4ef6-ba68-0c0d9c8ab210"
    answer = local.get(f"{url}/v1/models?name=somebody", headers={"X-Request-ID": request_id})
    local.get(f"{url}/v1/models", headers={"X-Request-ID": '"} forged {"'})
    assert answer.headers["X-Request-ID"] == request_id
    lines = [json.loads(line) for line in log.read_text().splitlines()]
    assert any(line["request_id"] == request_id and line["path"] == "/v1/models" for line in lines)
    assert "somebody" not in log.read_text()
    assert "forged" not in log.read_text()
