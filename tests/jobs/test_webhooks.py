"""Webhooks that are not delivered: their list, their replay, and the pauses that receivers ask for."""

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx2
import pytest
from dbos import DBOSClient

from app.__main__ import main
from app.jobs.backoff import JITTER, PAUSES
from app.jobs.deliveries import schedule
from app.jobs.webhook import Webhook
from testing import keys, local
from testing.receiver import OLD_SECRET, SECRET, Receiver, receiving
from testing.service import Service, running
from testing.waiting import eventually
from tests.jobs.client import Answer, database_client, submit

OWN, OTHER = ({"Authorization": f"Bearer {name}"} for name in ("one", "two"))
HOUR = 3600.0


@pytest.fixture(scope="module")
def receiver() -> Iterator[Receiver]:
    """A receiver that has a secret of its own."""
    with receiving(200) as receiver:
        receiver.secret = OLD_SECRET
        yield receiver


@pytest.fixture(scope="module")
def settings(
    receiver: Receiver, models_dir: Path, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, str]:
    return {
        "SER_MODELS_DIR": str(models_dir),
        "SER_DEFAULT_MODEL": "small",
        "SER_WORKERS": "1",
        "SER_SHUTDOWN_DELAY": "0",
        "SER_JOBS": "true",
        "SER_DATA_DIR": str(tmp_path_factory.mktemp("webhooks") / "data"),
        "SER_API_KEYS": ",".join(map(keys.line, ("one", "two"))),
        "SER_CALLBACK_SECRETS": f"{SECRET},127.0.0.1:{receiver.server_address[1]}={OLD_SECRET}",
        "SER_CALLBACK_PRIVATE": "true",
    }


@pytest.fixture(scope="module")
def service(settings: dict[str, str]) -> Iterator[Service]:
    with running(**settings) as service:
        yield service


@pytest.fixture
def client(settings: dict[str, str]) -> Iterator[DBOSClient]:
    client = database_client(settings)
    yield client
    client.destroy()


def listed(service: Service, query: str = "", key: dict[str, str] = OWN) -> list[Answer]:
    answer: Answer = local.get(f"{service.url}/v1/webhooks{query}", headers=key).json()
    return list(answer["webhooks"])


def replay(service: Service, webhook_id: str, key: dict[str, str] = OWN) -> httpx2.Response:
    return local.post(f"{service.url}/v1/webhooks/{webhook_id}/replay", headers=key)


def body_of(number: int) -> str:
    return f'{{"type": "job.succeeded", "data": {{"id": "{number}"}}}}'


def test_a_receiver_delays_the_next_attempt_and_its_owner_replays_the_webhook(
    service: Service, receiver: Receiver, short: bytes
) -> None:
    receiver.statuses, receiver.retry_after = [503], str(int(HOUR))
    job = submit(service, short, f"?callback_url={receiver.url}", **OWN).json()
    eventually(lambda: [one["attempts"] for one in listed(service)] == [1])
    (webhook,) = listed(service, "?state=pending")
    attempted = datetime.fromisoformat(webhook["last_attempt"])
    pause = datetime.fromisoformat(webhook["next_attempt"]) - attempted
    assert timedelta(seconds=HOUR - 1) < pause < timedelta(seconds=HOUR * (1 + JITTER) + 10)
    assert abs(attempted - datetime.now(UTC)) < timedelta(minutes=5)
    del webhook["last_attempt"], webhook["next_attempt"]
    assert webhook == {
        "id": job["id"],
        "type": "job.succeeded",
        "url": receiver.url.partition("?")[0],  # a query may contain a secret of the receiver
        "state": "pending",
        "attempts": 1,
        "last_status": 503,
    }
    assert listed(service, "?state=failed") == listed(service, key=OTHER) == []
    for refused in (replay(service, job["id"], OTHER), replay(service, "nobody")):
        assert (refused.status_code, refused.json()["code"]) == (404, "webhook-not-found")
    assert len(receiver.requests) == 1

    receiver.statuses = [204]
    assert replay(service, job["id"]).status_code == 202
    eventually(lambda: len(receiver.requests) == 2)
    eventually(lambda: listed(service) == [])
    again = replay(service, job["id"]).json()  # also after the delivery
    assert (again["attempts"], again["last_status"]) == (2, 204)
    eventually(lambda: len(receiver.verified) == 3)
    assert {message["data"]["id"] for message in receiver.verified} == {job["id"]}
    assert {headers["webhook-id"] for headers, _ in receiver.requests} == {job["id"]}

    # The body of the webhook is deleted with the job.
    eventually(lambda: listed(service) == [])
    assert local.delete(f"{service.url}/v1/jobs/{job['id']}", headers=OWN).status_code == 204
    assert replay(service, job["id"]).status_code == 404


def test_a_webhook_that_waits_follows_after_its_job_is_deleted(
    service: Service, receiver: Receiver, short: bytes
) -> None:
    n_received = len(receiver.verified)
    receiver.statuses, receiver.retry_after = [503], str(int(HOUR))
    job = submit(service, short, f"?callback_url={receiver.url}", **OWN).json()
    eventually(lambda: [one["attempts"] for one in listed(service)] == [1])
    assert local.delete(f"{service.url}/v1/jobs/{job['id']}", headers=OWN).status_code == 204
    assert [(one["id"], one["state"], one["attempts"]) for one in listed(service)] == [
        (job["id"], "pending", 1)
    ]
    receiver.statuses = [204]
    assert replay(service, job["id"]).status_code == 202
    eventually(lambda: listed(service) == [])
    assert [message["data"]["id"] for message in receiver.verified[n_received + 1 :]] == [job["id"]]


def test_the_operator_replays_a_webhook_that_was_given_up(
    service: Service,
    receiver: Receiver,
    client: DBOSClient,
    settings: dict[str, str],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    receiver.statuses, receiver.retry_after = [500], ""
    last = len(PAUSES) - 1
    given_up = Webhook("17", "one", receiver.url, body_of(17))
    asyncio.run(schedule(client, given_up, last, tries=last))
    eventually(lambda: [one["id"] for one in listed(service, "?state=failed")] == ["17"])
    (webhook,) = listed(service)
    assert (webhook["state"], webhook["attempts"], webhook["last_status"]) == ("failed", len(PAUSES), 500)
    assert webhook["next_attempt"] is None
    assert listed(service, key=OTHER) == []
    metrics = local.get(f"{service.url}/metrics", headers=OWN).text
    assert 'ser_webhooks{state="failed"} 1.0' in metrics
    assert "webhook 17: not accepted in 10 attempts" in service.log

    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    assert main(["webhooks", "list", "--failed"]) == 0
    (line,) = capsys.readouterr().out.splitlines()
    assert line.startswith("17  failed")
    assert "key one" in line
    assert "source=calls" not in line

    n_requests = len(receiver.requests)
    receiver.statuses = [500, 204]
    assert main(["webhooks", "replay", "17"]) == 0
    eventually(lambda: len(receiver.requests) == n_requests + 1)  # fails, so that a further attempt follows
    eventually(lambda: [(one["state"], one["attempts"]) for one in listed(service)] == [("pending", 11)])
    assert replay(service, "17").status_code == 202
    eventually(lambda: len(receiver.requests) == n_requests + 2)
    eventually(lambda: listed(service) == [])
    assert main(["webhooks", "replay", "18"]) == 2
    assert "no webhook 18" in capsys.readouterr().err
    assert "Traceback" not in service.log


def test_the_list_has_pages(service: Service, receiver: Receiver, client: DBOSClient) -> None:
    for number in range(3):
        webhook = Webhook(f"page-{number}", "two", receiver.url, body_of(number))
        asyncio.run(schedule(client, webhook, delay=HOUR))
    first = local.get(f"{service.url}/v1/webhooks?limit=2", headers=OTHER).json()
    assert ([one["id"] for one in first["webhooks"]], first["next_offset"]) == (["page-2", "page-1"], 2)
    assert first["webhooks"][0]["last_attempt"] is first["webhooks"][0]["last_status"] is None
    second = local.get(f"{service.url}/v1/webhooks?limit=2&offset=2", headers=OTHER).json()
    assert ([one["id"] for one in second["webhooks"]], second["next_offset"]) == (["page-0"], None)
    assert local.get(f"{service.url}/v1/webhooks?state=delivered", headers=OTHER).status_code == 422
    assert local.get(f"{service.url}/v1/webhooks").status_code == 401


def test_a_folder_without_jobs_is_reported_and_stays_empty(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("SER_DATA_DIR", str(tmp_path))
    assert main(["webhooks", "list"]) == 2
    assert f"There are no jobs in {tmp_path}" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []
