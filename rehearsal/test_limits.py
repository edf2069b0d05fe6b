"""nginx does not repeat refusals, and does not limit slow uploads. Two replicas have one slot each."""

import os
import signal
import socket
import threading
import time
from urllib.parse import urlsplit

import pytest

from rehearsal.load import load
from rehearsal.stack import CALLER, SCRAPER, Stack, Start
from testing import keys, local
from testing.service import descendants, holds_recognizer
from testing.waiting import eventually

RATE = 1_000
"""The requests of a key in a minute, for each replica."""
COUNTED = "counted"
"""The key whose requests are counted."""
LONGEST_PAUSE = 10
"""The longest pause of an upload, in seconds (`client_body_timeout` of nginx)."""


@pytest.fixture(scope="module")
def stack(run: Start) -> Stack:
    entries = [keys.line(CALLER), keys.line(SCRAPER, "scopes=metrics"), keys.line(COUNTED)]
    rate = f"{RATE}/minute"
    return run(
        "scale", SER_API_KEYS=",".join(entries), SER_WORKERS="1", SER_QUEUE_DEPTH="0", SER_RATE_LIMIT=rate
    )


def test_a_refusal_is_not_sent_to_another_replica(stack: Stack) -> None:
    with load(stack.recognize, 12) as answers:
        eventually(lambda: answers["200"] >= 20 and answers["503"] >= 100)
    assert set(answers) == {"200", "503"}
    assert _addresses_of(stack, 503) == {1}


def test_the_error_of_a_dead_process_is_not_sent_to_another_replica(stack: Stack) -> None:
    (replica,) = stack.containers("replica")

    def kill_the_recognizer() -> bool:
        for process in filter(holds_recognizer, descendants(stack.process(replica))):
            os.kill(process, signal.SIGKILL)
        return answers["500"] > 0

    with load(stack.recognize) as answers:
        eventually(kill_the_recognizer, 60, lambda: dict(answers))
    assert set(answers) <= {"200", "500", "503"}
    assert _addresses_of(stack, 500) == {1}
    stack.wait()


def test_each_replica_counts_the_rate_of_a_key(stack: Stack) -> None:
    address, headers = f"{stack.balancer}/v1/models", {"Authorization": f"Bearer {COUNTED}"}
    with load(lambda: local.get(address, headers=headers)) as answers:
        eventually(lambda: answers["429"] >= RATE // 10, 50)
    assert answers["200"] == 2 * RATE
    assert set(answers) == {"200", "429"}


def test_nginx_limits_the_pause_of_an_upload_but_not_its_time(stack: Stack) -> None:
    """The key is wrong. nginx takes the whole upload nevertheless."""
    answers: dict[str, bytes] = {}

    def send(name: str, pauses: list[float]) -> None:
        answers[name] = _upload(stack, pauses)

    uploads = {"slow": [1.0] * (LONGEST_PAUSE + 3), "stalled": [1.0, LONGEST_PAUSE + 3.0]}
    threads = [threading.Thread(target=send, args=upload) for upload in uploads.items()]
    start = time.monotonic()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert time.monotonic() - start > LONGEST_PAUSE
    assert b" 401 " in answers["slow"].partition(b"\r\n")[0]
    assert b" 401 " not in answers["stalled"]


def _upload(stack: Stack, pauses: list[float]) -> bytes:
    """Send one byte after each pause, and return the answer; nothing if the connection breaks."""
    url = urlsplit(stack.balancer)
    with socket.create_connection((url.hostname, url.port)) as connection:
        connection.sendall(
            f"POST /v1/audio/emotions HTTP/1.1\r\nHost: {url.netloc}\r\nAuthorization: Bearer unknown\r\n"
            f"Content-Type: audio/wav\r\nContent-Length: {len(pauses)}\r\n\r\n".encode()
        )
        try:
            for pause in pauses:
                time.sleep(pause)
                connection.sendall(b"x")
            return connection.recv(65_536)
        except ConnectionError:
            return b""


def _addresses_of(stack: Stack, status: int) -> set[int]:
    """Return the numbers of replicas that nginx has asked for an answer with this status."""
    answers = (line for line in stack.requests() if line["statuses"].endswith(str(status)))
    return {len(line["replicas"].split(", ")) for line in answers}
