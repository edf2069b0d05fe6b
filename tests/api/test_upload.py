import asyncio
import errno
import gzip
import tempfile
from typing import Any
from unittest.mock import MagicMock

import pytest
from fastapi.testclient import TestClient
from starlette.requests import Request
from starlette.types import Message, Receive, Scope, Send

from app.api.upload import UploadLimit, read_recording
from app.api.upload_errors import MalformedRequest, UploadTimeout, UploadTooLarge
from testing.recordings import EXAMPLE

SCOPE: Scope = {"type": "http", "path": "/", "headers": [(b"content-length", b"1")]}


def upload(chunks: list[bytes], max_bytes: int) -> tuple[int, int]:
    """Send a body in chunks to an application that reads the whole body.

    Returns:
        The number of bytes that the application received, and the number of chunks that it requested.
    """
    received = requested = 0

    async def receive() -> Message:
        nonlocal requested
        requested += 1
        return {"type": "http.request", "body": chunks[requested - 1], "more_body": requested < len(chunks)}

    async def read(_scope: Scope, receive: Receive, _send: Send) -> None:
        nonlocal received
        more = True
        while more:
            message = await receive()
            received += len(message["body"])
            more = message["more_body"]

    async def send(_message: Message) -> None:
        pytest.fail("nothing is to be sent")

    async def run() -> None:
        with_limit = UploadLimit(read, {"": max_bytes}, max_pause=1, max_seconds=2)
        await with_limit(SCOPE, receive, send)

    try:
        asyncio.run(run())
    except UploadTooLarge:
        return received, requested
    assert requested == len(chunks)
    return received, requested


def test_the_limit_applies_to_the_real_length_of_a_body() -> None:
    assert upload([bytes(10)] * 10, max_bytes=100) == (100, 10)


def test_no_bytes_beyond_the_limit_are_received() -> None:
    assert upload([bytes(10)] * 1000, max_bytes=95) == (90, 10)


@pytest.mark.parametrize("media_type", [b"audio/wav", b"multipart/form-data; boundary=x"])
def test_a_disconnect_during_the_upload_is_an_error_of_the_client(media_type: bytes) -> None:
    async def hang_up() -> Message:
        return {"type": "http.disconnect"}

    request = Request({"type": "http", "headers": [(b"content-type", media_type)]}, hang_up)
    with pytest.raises(MalformedRequest, match="ended before"):
        asyncio.run(read_recording(request, b"", None))


@pytest.mark.parametrize(("pause", "max_pause", "max_seconds"), [(0.5, 0.05, 10), (0.03, 0.2, 0.1)])
def test_a_stalled_or_slow_upload_times_out(pause: float, max_pause: float, max_seconds: float) -> None:
    n_received = 0

    async def send_slowly() -> Message:
        await asyncio.sleep(pause)
        return {"type": "http.request", "body": b"x", "more_body": True}

    async def read(_scope: Scope, receive: Receive, _send: Send) -> None:
        nonlocal n_received
        while True:
            await receive()
            n_received += 1

    async def send(_message: Message) -> None:
        pytest.fail("nothing is to be sent")

    async def run() -> None:
        await UploadLimit(read, {"": 100}, max_pause, max_seconds)(SCOPE, send_slowly, send)

    with pytest.raises(UploadTimeout, match="paused for over"):
        asyncio.run(run())
    assert n_received < 5


def test_the_upload_timeouts_do_not_limit_the_answer() -> None:
    async def slow_answer(_scope: Scope, receive: Receive, _send: Send) -> None:
        assert not (await receive())["more_body"]
        await asyncio.wait_for(receive(), 1)

    messages = iter([{"type": "http.request", "body": b"x", "more_body": False}])

    async def receive() -> Message:
        for message in messages:
            return message
        await asyncio.sleep(0.2)
        return {"type": "http.disconnect"}

    async def send(_message: Message) -> None:
        pytest.fail("nothing is to be sent")

    asyncio.run(UploadLimit(slow_answer, {"": 100}, 0.05, 0.1)(SCOPE, receive, send))


@pytest.mark.parametrize("content", ["audio/wav", "multipart/form-data"])
def test_a_full_disk_gets_507(client: TestClient, monkeypatch: pytest.MonkeyPatch, content: str) -> None:
    def fail(*_arguments: object) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(
        "app.api.upload.TemporaryFile", lambda: MagicMock(**{"__enter__.return_value.write": fail})
    )
    monkeypatch.setattr(tempfile.SpooledTemporaryFile, "rollover", fail)
    body: dict[str, Any] = {"content": EXAMPLE.read_bytes(), "headers": {"Content-Type": content}}
    if content == "multipart/form-data":
        body = {"files": {"file": EXAMPLE.read_bytes()}}
    answer = client.post("/v1/audio/timeline", **body)
    assert (answer.status_code, answer.json()["code"]) == (507, "storage-full")


def test_a_full_disk_during_the_form_of_an_utterance_gets_507(
    client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_arguments: object) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(tempfile.SpooledTemporaryFile, "write", fail)
    answer = client.post("/v1/audio/emotions", files={"file": EXAMPLE.read_bytes()})
    assert (answer.status_code, answer.json()["code"]) == (507, "storage-full")


FORM = b'--b\r\nContent-Disposition: form-data; name="file"; filename="call.wav"\r\n\r\n%s'


@pytest.mark.parametrize("path", ["/v1/audio/emotions", "/v1/audio/timeline"])
@pytest.mark.parametrize("end", [b"", b"\r\n", b"\r\n--b", b"\r\n--b\r\n", b"\r\n--b\r\nContent-Disp"])
def test_a_form_without_its_closing_boundary_is_malformed(client: TestClient, path: str, end: bytes) -> None:
    headers = {"content-type": "multipart/form-data; boundary=b"}
    form = FORM % EXAMPLE.read_bytes()
    answer = client.post(path, content=form + end, headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (400, "malformed-request")
    assert "closing boundary is missing" in answer.json()["detail"]
    assert client.post(path, content=form + b"\r\n--b--", headers=headers).status_code == 200


@pytest.mark.parametrize("charset", ["undefined", "idna", "punycode"])
def test_a_form_in_another_charset_than_it_declares_is_malformed(client: TestClient, charset: str) -> None:
    form = FORM.replace(b'"file"', b'"xn--.."') % b"" + b"\r\n--b--"
    headers = {"content-type": f"multipart/form-data; boundary=b; charset={charset}"}
    answer = client.post("/v1/audio/emotions", content=form, headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (400, "malformed-request")


def test_a_compressed_body_is_refused_with_what_to_send(client: TestClient) -> None:
    headers = {"content-type": "audio/wav", "content-encoding": "gzip"}
    answer = client.post("/v1/audio/emotions", content=gzip.compress(EXAMPLE.read_bytes()), headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (415, "unsupported-media-type")
    assert "without Content-Encoding" in answer.json()["detail"]
    headers["content-encoding"] = "identity"
    plain = client.post("/v1/audio/emotions", content=EXAMPLE.read_bytes(), headers=headers)
    assert plain.status_code == 200
