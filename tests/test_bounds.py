"""What a service refuses, so that it answers the rest: over a socket, since clients are too polite."""

import contextlib
import http.server
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from testing.recordings import EXAMPLE
from testing.service import Service, running

URL = "/v1/audio/emotions"
DATA = EXAMPLE.read_bytes()
HEAD = (
    f"POST {URL} HTTP/1.1\r\nHost: service\r\nContent-Type: audio/wav\r\n"
    f"Content-Length: {len(DATA)}\r\nConnection: close\r\n\r\n"
).encode()


@pytest.fixture(scope="module")
def narrow(models_dir: Path) -> Iterator[Service]:
    """A service with a place for one request, and little patience."""
    with running(
        SER_MODELS_DIR=str(models_dir),
        SER_DEFAULT_MODEL="small",
        SER_WORKERS="1",
        SER_QUEUE_DEPTH="0",
        SER_UPLOAD_PAUSE="1",
        SER_MAX_UPLOAD_BYTES="1000000",
    ) as service:
        yield service


@contextlib.contextmanager
def connection(service: Service, head: bytes) -> Iterator[socket.socket]:
    """A connection on which these bytes were sent."""
    with socket.create_connection(("127.0.0.1", int(service.url.rpartition(":")[2])), timeout=20) as sender:
        sender.sendall(head)
        yield sender


def read(sender: socket.socket) -> str:
    """All that is answered."""
    answer = b""
    with contextlib.suppress(ConnectionResetError):
        while chunk := sender.recv(65536):
            answer += chunk
    return answer.decode()


def wait_until_taken(service: Service) -> None:
    """Return once a request has the place."""
    for _ in range(500):
        if "ser_places_taken 1.0" in httpx2.get(f"{service.url}/metrics").text:
            return
        time.sleep(0.01)
    pytest.fail("no request has taken the place")


def test_beyond_its_places_a_service_refuses_before_it_takes_the_upload(narrow: Service) -> None:
    with connection(narrow, HEAD + DATA[:1000]) as slow:
        wait_until_taken(narrow)
        with connection(narrow, HEAD) as refused:  # nothing of the body
            answer = read(refused)
        assert answer.startswith("HTTP/1.1 503")
        assert '"code":"overloaded"' in answer
        assert "retry-after: 1" in answer.lower()
        slow.sendall(DATA[1000:])
        assert read(slow).startswith("HTTP/1.1 200")


def test_an_upload_that_stalls_is_given_up_and_its_place_is_free(narrow: Service) -> None:
    with connection(narrow, HEAD + DATA[:1000]) as stalled:
        answer = read(stalled)
    assert answer.startswith("HTTP/1.1 408")
    assert '"code":"upload-timeout"' in answer
    assert httpx2.post(narrow.url + URL, files={"file": DATA}).status_code == 200


def test_a_sender_that_hangs_up_leaves_its_place(narrow: Service) -> None:
    with connection(narrow, HEAD + DATA[:1000]):
        wait_until_taken(narrow)
    for _ in range(100):
        if httpx2.post(narrow.url + URL, files={"file": DATA}).status_code == 200:
            return
        time.sleep(0.05)
    pytest.fail("the place was never free again")


def test_chunks_are_counted_whatever_the_head_says(narrow: Service) -> None:
    head = HEAD.replace(f"Content-Length: {len(DATA)}".encode(), b"Transfer-Encoding: chunked")
    chunk = b"10000\r\n" + bytes(0x10000) + b"\r\n"
    with connection(narrow, head) as endless, contextlib.suppress(BrokenPipeError, ConnectionResetError):
        for _ in range(20):
            endless.sendall(chunk)
        answer = read(endless)
        assert answer.startswith("HTTP/1.1 413")
        assert '"code":"upload-too-large"' in answer
    assert httpx2.post(narrow.url + URL, files={"file": DATA}).status_code == 200


class Collector(http.server.BaseHTTPRequestHandler):
    """Takes traces, as an OpenTelemetry collector does."""

    received: list[ExportTraceServiceRequest]

    def do_POST(self) -> None:  # the standard library's name
        """Keep what is sent."""
        content = self.rfile.read(int(self.headers["Content-Length"]))
        self.received.append(ExportTraceServiceRequest.FromString(content))
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_arguments: object) -> None:
        """Say nothing."""


def test_a_sender_that_offers_another_protocol_is_answered_in_this_one(narrow: Service) -> None:
    # As Java's HttpClient does, unless it is told otherwise.
    offer = b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAEAAEAAAAIAAAAA\r\n\r\n"
    with connection(narrow, HEAD.replace(b"Connection: close\r\n\r\n", offer) + DATA) as sender:
        assert sender.recv(1_000).startswith(b"HTTP/1.1 200")


def test_a_request_can_be_followed_through_its_stages(models_dir: Path) -> None:
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
            httpx2.post(service.url + URL, files={"file": DATA}, headers=headers).raise_for_status()
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
