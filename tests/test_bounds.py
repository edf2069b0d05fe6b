"""The limits of a service. The tests write to a socket, because HTTP clients send correct requests only."""

import contextlib
import hashlib
import http.server
import json
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from testing import local
from testing.recordings import EXAMPLE
from testing.service import Service, running
from testing.waiting import eventually

URL = "/v1/audio/emotions"
DATA = EXAMPLE.read_bytes()
HEAD = (
    f"POST {URL} HTTP/1.1\r\nHost: service\r\nContent-Type: audio/wav\r\n"
    f"Content-Length: {len(DATA)}\r\nConnection: close\r\n\r\n"
).encode()


@pytest.fixture(scope="module")
def audit_log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The audit log of `limited`."""
    return tmp_path_factory.mktemp("audit") / "log"


@pytest.fixture(scope="module")
def limited(models_dir: Path, audit_log: Path) -> Iterator[Service]:
    """A service with one slot, no queue and a short timeout for stalled uploads. 127.0.0.2 is its proxy."""
    with running(
        SER_MODELS_DIR=str(models_dir),
        SER_DEFAULT_MODEL="small",
        SER_WORKERS="1",
        SER_QUEUE_DEPTH="0",
        SER_UPLOAD_PAUSE="1",
        SER_MAX_UPLOAD_BYTES="1000000",
        SER_AUDIT_LOG=str(audit_log),
        FORWARDED_ALLOW_IPS="192.0.2.1,127.0.0.2",
    ) as service:
        yield service


@contextlib.contextmanager
def connection(service: Service, head: bytes) -> Iterator[socket.socket]:
    """Open a connection, and send these bytes."""
    with socket.create_connection(("127.0.0.1", int(service.url.rpartition(":")[2])), timeout=20) as sender:
        sender.sendall(head)
        yield sender


def read(sender: socket.socket) -> str:
    """Return the whole answer."""
    answer = b""
    with contextlib.suppress(ConnectionResetError):
        while chunk := sender.recv(65536):
            answer += chunk
    return answer.decode()


def wait_until_slot_is_taken(service: Service) -> None:
    """Return when a request has the slot."""
    for _ in range(500):
        if "ser_places_taken 1.0" in local.get(f"{service.url}/metrics").text:
            return
        time.sleep(0.01)
    pytest.fail("no request has taken the place")


def test_a_service_without_a_free_slot_refuses_a_request_before_the_upload(limited: Service) -> None:
    with connection(limited, HEAD + DATA[:1000]) as slow:
        wait_until_slot_is_taken(limited)
        with connection(limited, HEAD) as refused:  # sends no body
            answer = read(refused)
        assert answer.startswith("HTTP/1.1 503")
        assert '"code":"overloaded"' in answer
        assert "retry-after: 1" in answer.lower()
        slow.sendall(DATA[1000:])
        assert read(slow).startswith("HTTP/1.1 200")


def test_a_stalled_upload_times_out_and_frees_its_slot(limited: Service) -> None:
    with connection(limited, HEAD + DATA[:1000]) as stalled:
        answer = read(stalled)
    assert answer.startswith("HTTP/1.1 408")
    assert '"code":"upload-timeout"' in answer
    assert local.post(limited.url + URL, files={"file": DATA}).status_code == 200


def test_stalled_uploads_of_one_key_leave_slots_to_the_others(models_dir: Path) -> None:
    keys = {name: hashlib.sha256(name.encode()).hexdigest() for name in ("greedy", "modest")}
    with (
        running(
            SER_MODELS_DIR=str(models_dir),
            SER_DEFAULT_MODEL="small",
            SER_WORKERS="1",
            SER_QUEUE_DEPTH="7",
            SER_API_KEYS=",".join(f"{name}:{sha256}" for name, sha256 in keys.items()),
        ) as service,
        contextlib.ExitStack() as stack,
    ):
        head = HEAD.replace(b"Connection", b"Authorization: Bearer greedy\r\nConnection")
        uploads = [stack.enter_context(connection(service, head + DATA[:1000])) for _ in range(20)]
        uploads[3].settimeout(1)
        refused = [read(upload) for upload in uploads[4:]]  # half of the slots are taken
        assert {answer.partition("\r\n")[0] for answer in refused} == {"HTTP/1.1 429 Too Many Requests"}
        assert all('"code":"concurrency-limited"' in answer for answer in refused)
        assert all("retry-after: 1" in answer.lower() for answer in refused)
        with pytest.raises(TimeoutError):
            uploads[3].recv(1)
        headers = {"Authorization": "Bearer modest"}
        answer = local.post(service.url + URL, files={"file": DATA}, headers=headers)
        assert answer.status_code == 200
        for upload in uploads[:4]:
            upload.sendall(DATA[1000:])
            assert read(upload).startswith("HTTP/1.1 200")


@pytest.mark.parametrize(("sender", "caller"), [("127.0.0.2", "192.0.2.7"), ("127.0.0.1", "127.0.0.1")])
def test_only_a_named_proxy_says_who_calls(
    limited: Service, audit_log: Path, sender: str, caller: str
) -> None:
    with httpx2.Client(transport=httpx2.HTTPTransport(verify=False, local_address=sender)) as proxy:
        answer = proxy.get(f"{limited.url}/v1/keys", headers={"X-Forwarded-For": "192.0.2.7"})
    request_id = answer.headers["X-Request-ID"]

    def lines() -> list[dict[str, str]]:
        return [json.loads(line) for line in audit_log.read_text().splitlines()]

    # The service records a request after its answer.
    eventually(lambda: lines()[-1:] != [] and lines()[-1]["request_id"] == request_id)
    assert lines()[-1]["client"] == caller


def test_a_client_that_disconnects_frees_its_slot(limited: Service) -> None:
    with connection(limited, HEAD + DATA[:1000]):
        wait_until_slot_is_taken(limited)
    for _ in range(100):
        if local.post(limited.url + URL, files={"file": DATA}).status_code == 200:
            return
        time.sleep(0.05)
    pytest.fail("the place was never free again")


def test_the_size_limit_applies_to_chunked_uploads(limited: Service) -> None:
    head = HEAD.replace(f"Content-Length: {len(DATA)}".encode(), b"Transfer-Encoding: chunked")
    chunk = b"10000\r\n" + bytes(0x10000) + b"\r\n"
    with connection(limited, head) as endless, contextlib.suppress(BrokenPipeError, ConnectionResetError):
        for _ in range(20):
            endless.sendall(chunk)
        answer = read(endless)
        assert answer.startswith("HTTP/1.1 413")
        assert '"code":"upload-too-large"' in answer
    assert local.post(limited.url + URL, files={"file": DATA}).status_code == 200


class Collector(http.server.BaseHTTPRequestHandler):
    """An OpenTelemetry collector that stores the received traces."""

    received: list[ExportTraceServiceRequest]

    def do_POST(self) -> None:  # the standard library requires this name
        """Store the traces of a request."""
        content = self.rfile.read(int(self.headers["Content-Length"]))
        self.received.append(ExportTraceServiceRequest.FromString(content))
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_arguments: object) -> None:
        """Write no log."""


def test_an_offer_of_http_2_is_answered_with_http_1(limited: Service) -> None:
    # The HttpClient of Java sends this offer by default.
    offer = b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAEAAEAAAAIAAAAA\r\n\r\n"
    with connection(limited, HEAD.replace(b"Connection: close\r\n\r\n", offer) + DATA) as sender:
        assert sender.recv(1_000).startswith(b"HTTP/1.1 200")


def test_a_trace_contains_the_stages_of_a_request(models_dir: Path) -> None:
    Collector.received = []
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Collector) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        with running(
            SER_MODELS_DIR=str(models_dir),
            SER_DEFAULT_MODEL="small",
            SER_TRACING="true",
            SER_SHUTDOWN_DELAY="0",
            OTEL_EXPORTER_OTLP_ENDPOINT=f"http://127.0.0.1:{server.server_port}",
        ) as service:
            trace_id = "0af7651916cd43dd8448eb211c80319c"
            headers = {"traceparent": f"00-{trace_id}-b7ad6b7169203331-01"}
            local.post(service.url + URL, files={"file": DATA}, headers=headers).raise_for_status()
            service.process.terminate()
            assert service.end() == 0
        server.shutdown()
    spans = [
        span
        for request in Collector.received
        for resource in request.resource_spans
        for scope in resource.scope_spans
        for span in scope.spans
        if span.trace_id.hex() == trace_id
    ]
    names = {span.name for span in spans}
    assert {f"POST {URL}", "queue", "decode", "features", "inference"} <= names
    assert not any("probabilities" in str(span) for span in spans)
