"""Callbacks: allowed addresses, signatures and repeated deliveries."""

import contextlib
import json
import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from standardwebhooks import Webhook, WebhookVerificationError

from app.jobs import callbacks
from app.jobs.backoff import JITTER, PAUSES
from app.jobs.callbacks import CallbackPolicy, CallbackRefused, check, deliver
from testing.programs import program
from testing.receiver import OLD_SECRET, SECRET, receiving
from testing.service import Service, running
from testing.waiting import eventually
from tests.jobs.client import database_client, submit, until

POLICY = CallbackPolicy({"": [SECRET]})
PRIVATE_POLICY = CallbackPolicy({"": [SECRET, OLD_SECRET]}, private=True)


@pytest.fixture
def dns(monkeypatch: pytest.MonkeyPatch) -> dict[str, list[str]]:
    """The addresses of host names. The test can resolve no other names."""
    hosts: dict[str, list[str]] = {}

    getaddrinfo = socket.getaddrinfo

    def resolve(host: str, port: int, *arguments: int, **options: int) -> list[tuple[object, ...]]:
        if host[0].isdecimal():  # an address, not a name
            return [*getaddrinfo(host, port, *arguments, **options)]
        if host not in hosts:
            raise socket.gaierror
        return [(None, None, None, "", (address, port)) for address in hosts[host]]

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    return hosts


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "10.1.2.3",
        "172.16.0.1",
        "192.168.0.1",
        "169.254.169.254",
        "100.64.0.1",
        "0.0.0.0",
        "224.0.0.1",
        "255.255.255.255",
        "::1",
        "::",
        "fe80::1%eth0",
        "fd00::1",
        "::ffff:169.254.169.254",
        "64:ff9b::a9fe:a9fe",
        "2002:7f00:1::",
        "ff02::1",
    ],
)
def test_addresses_of_private_networks_are_refused(dns: dict[str, list[str]], address: str) -> None:
    dns["example.com"] = ["93.184.216.34", address]
    with pytest.raises(CallbackRefused, match="not a public address"):
        check("https://example.com/webhooks", POLICY)
    _, addresses = check("https://example.com/webhooks", PRIVATE_POLICY)
    assert address in addresses


@pytest.mark.parametrize(
    "url",
    [
        "http://example.com/",
        "ftp://example.com/",
        "https:///webhooks",
        "https://somebody:secret@example.com/",
        "https://nowhere.example/",
        "https://example.com:99999/",
        "https://[::1/",
        "//example.com",
        "https://exa mple.com/",
        "https://example.com/\r\nHost: other",
        "",
    ],
)
def test_an_invalid_url_is_refused(dns: dict[str, list[str]], url: str) -> None:
    dns["example.com"] = ["93.184.216.34"]
    assert check("https://example.com/webhooks", POLICY)[1] == ["93.184.216.34"]
    with pytest.raises(CallbackRefused, match="callback_url: "):
        check(url, POLICY)


def test_a_callback_without_a_secret_is_refused() -> None:
    with pytest.raises(CallbackRefused, match="SER_CALLBACK_SECRETS"):
        check("https://example.com/webhooks", CallbackPolicy())


def test_the_standardwebhooks_library_accepts_the_signature() -> None:
    body = json.dumps({"type": "job.succeeded"})
    with receiving(204) as receiver:
        assert deliver(receiver.url, "17", body, PRIVATE_POLICY).status == 204
        ((headers, received),) = receiver.requests
    for secret in (SECRET, OLD_SECRET):  # both secrets are valid while one replaces the other
        assert Webhook(secret).verify(received.decode(), headers) == json.loads(body)
    assert headers["webhook-id"] == "17"
    assert abs(int(headers["webhook-timestamp"]) - time.time()) < 60
    with pytest.raises(WebhookVerificationError):
        Webhook(f"whsec_{'I' * 43}=").verify(received.decode(), headers)
    with pytest.raises(WebhookVerificationError):
        Webhook(SECRET).verify(received.decode() + " ", headers)


def test_a_receiver_with_its_own_secret_gets_no_signature_for_another() -> None:
    with receiving(204) as own, receiving(204) as other:
        own.secret = OLD_SECRET
        place = f"127.0.0.1:{own.server_address[1]}/webhooks"
        policy = CallbackPolicy({"": [SECRET], place: [OLD_SECRET]}, private=True)
        for receiver in (own, other):
            assert deliver(receiver.url, "17", '{"of": "it"}', policy).status == 204
            assert receiver.verified == [{"of": "it"}]
            ((headers, received),) = receiver.requests
            with pytest.raises(WebhookVerificationError):
                Webhook(SECRET if receiver is own else OLD_SECRET).verify(received.decode(), headers)


@pytest.mark.parametrize(
    ("url", "secret"),
    [
        ("https://one.example", "one"),
        ("https://ONE.example:443/any?of=it", "one"),
        ("https://one.example/hooks/a", "one a"),
        ("https://one.example/hooks/a/b?of=it", "one a"),
        ("https://one.example/hooks/ab", "one"),
        ("https://one.example:8443/hooks/a", "all"),
        ("https://one.example.org/", "all"),
        ("https://two.example:8443/", "two"),
        ("https://two.example/", "all"),
    ],
)
def test_the_closest_receiver_has_the_secret(url: str, secret: str) -> None:
    policy = CallbackPolicy(
        {"": ["all"], "one.example": ["one"], "one.example/hooks/a": ["one a"], "two.example:8443": ["two"]}
    )
    assert policy.secrets_for(urlsplit(url)) == [secret]


def test_a_receiver_without_a_secret_is_refused(dns: dict[str, list[str]]) -> None:
    dns["one.example"] = dns["two.example"] = ["93.184.216.34"]
    policy = CallbackPolicy({"one.example": [SECRET]})
    check("https://one.example/webhooks", policy)
    with pytest.raises(CallbackRefused, match=r"two\.example is not a receiver .* gave a secret"):
        check("https://two.example/webhooks", policy)
    assert SECRET not in repr(policy)


def test_the_delivery_goes_to_the_checked_address(dns: dict[str, list[str]]) -> None:
    """A second resolution of the name could give another address."""
    with receiving(200) as receiver:
        port = receiver.server_address[1]
        dns["receiver.example"] = ["127.0.0.2", "127.0.0.1"]  # the first address refuses connections
        url = f"http://receiver.example:{port}/"
        assert deliver(url, "17", "{}", PRIVATE_POLICY).status == 200
        ((headers, _),) = receiver.requests
        assert headers["host"] == f"receiver.example:{port}"
        dns["receiver.example"] = ["169.254.169.254"]
        with pytest.raises(CallbackRefused):
            deliver(url, "17", "{}", POLICY)


def test_redirects_are_not_followed() -> None:
    with receiving(307, 200) as receiver:
        assert deliver(receiver.url, "17", "{}", PRIVATE_POLICY).status == 307
        assert len(receiver.requests) == 1


def test_a_receiver_that_does_not_answer_times_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(callbacks, "TIMEOUT", 0.2)
    with receiving(200, pause=1) as receiver:
        assert deliver(receiver.url, "17", "{}", PRIVATE_POLICY).status == 0
    assert deliver(receiver.url, "17", "{}", PRIVATE_POLICY).status == 0  # the server is closed


def test_a_timeout_after_the_end_of_the_connection_raises_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    timers: list[threading.Timer] = []

    class LateTimer(threading.Timer):
        """A timer that fires after its cancellation, as soon as the connection is closed."""

        def start(self) -> None:
            timers.append(self)
            super().start()

        def run(self) -> None:
            self.finished.wait()
            (channel,) = self.args
            eventually(lambda: channel.fileno() == -1)
            self.function(channel)

    monkeypatch.setattr(callbacks, "Timer", LateTimer)
    with receiving(200) as receiver:
        assert deliver(receiver.url, "17", "{}", PRIVATE_POLICY).status == 200
    timers[0].join()  # an error in a thread fails a test


def test_a_receiver_that_answers_too_slowly_times_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(callbacks, "TIMEOUT", 0.5)
    with socket.create_server(("127.0.0.1", 0)) as server:

        def answer_slowly() -> None:
            connection, _ = server.accept()
            with connection, contextlib.suppress(OSError):
                for _ in range(100):
                    connection.sendall(b"H")
                    time.sleep(0.1)

        thread = threading.Thread(target=answer_slowly)
        thread.start()
        started = time.monotonic()
        assert deliver(f"http://127.0.0.1:{server.getsockname()[1]}/", "17", "{}", PRIVATE_POLICY).status == 0
        assert time.monotonic() - started < 5
        thread.join()


@pytest.fixture(scope="module")
def service(module_environment: dict[str, str]) -> Iterator[Service]:
    """A service that sends callbacks."""
    own = {"SER_CALLBACK_SECRETS": SECRET, "SER_CALLBACK_PRIVATE": "true"}
    with running(**module_environment, **own) as service:
        yield service


def test_a_callback_is_repeated_until_the_receiver_accepts_it(
    service: Service, module_environment: dict[str, str], short: bytes
) -> None:
    with receiving(500, 302, 200) as receiver:
        job = submit(service, short, f"?callback_url={receiver.url}").json()
        eventually(lambda: len(receiver.requests) == 2)
        headers, body = receiver.requests[1]
        event = Webhook(SECRET).verify(body.decode(), headers)
        assert event["type"] == "job.succeeded"
        assert event["data"] == {"id": job["id"], "state": "succeeded", "metadata": {}, "alerts": []}
        ended = until(service, job, "succeeded")
        assert event["timestamp"][:19] == ended["finished"][:19]

        client = database_client(module_environment)
        third_delivery = f"{job['id']}/callback/2"
        eventually(lambda: bool(client.list_workflows(workflow_ids=[third_delivery], status="DELAYED")))
        (delayed,) = client.list_workflows(workflow_ids=[third_delivery])
        pause = ((delayed.delay_until_epoch_ms or 0) - (delayed.created_at or 0)) / 1000
        assert PAUSES[2] - 1 < pause < PAUSES[2] * (1 + JITTER) + 5
        client.set_workflow_delay(third_delivery, delay_seconds=0)
        eventually(lambda: len(receiver.requests) == 3)
        eventually(lambda: client.list_workflows(workflow_ids=[third_delivery])[0].status == "SUCCESS")
        assert not client.list_workflows(workflow_ids=[f"{job['id']}/callback/3"])
        assert len({headers["webhook-id"] for headers, _ in receiver.requests}) == 1
        client.destroy()


def test_a_callback_is_not_repeated_after_status_410(
    service: Service, module_environment: dict[str, str], short: bytes
) -> None:
    with receiving(410) as receiver:
        job = submit(service, short, f"?callback_url={receiver.url}").json()
        client = database_client(module_environment)
        first_delivery = f"{job['id']}/callback/0"
        eventually(lambda: bool(client.list_workflows(workflow_ids=[first_delivery], status="SUCCESS")))
        assert not client.list_workflows(workflow_ids=[f"{job['id']}/callback/1"])
        assert len(receiver.requests) == 1
        client.destroy()


@pytest.mark.parametrize(("name", "status"), [("receiver.example", 200), ("other.example", 0)])
def test_the_certificate_must_match_the_host_name(
    dns: dict[str, list[str]],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    status: int,
) -> None:
    """The client connects to an IP address, but compares the certificate with the host name."""
    key, certificate = tmp_path / "key", tmp_path / "certificate"
    command = [program("openssl"), "req", "-x509", "-newkey", "ed25519", "-nodes", "-subj", "/CN=receiver"]
    command += ["-addext", f"subjectAltName=DNS:{name}", "-keyout", str(key), "-out", str(certificate)]
    subprocess.run(command, check=True, capture_output=True)
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    dns["receiver.example"] = ["127.0.0.1"]
    with receiving(200) as receiver:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, key)
        receiver.socket = context.wrap_socket(receiver.socket, server_side=True)
        url = f"https://receiver.example:{receiver.server_address[1]}/"
        assert deliver(url, "17", "{}", PRIVATE_POLICY).status == status
