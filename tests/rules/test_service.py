"""The rules in the service: alerts agree between upload, job, batch and live, and reach webhooks."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from app.server import Server
from testing import bundles, local
from testing.commands import run_here
from testing.live_client import START, STOP, Message, encoded, serving, talk
from testing.receiver import SECRET, Receiver, receiving
from testing.service import Service
from testing.waiting import eventually
from tests.jobs.client import WAV, submit, until

RULES = """
rules:
  - name: customer-speaks
    severity: info
    description: The customer has spoken three times.
    when: {role: customer, count: 3}
  - name: agent-speaks-at-the-end
    severity: critical
    when: {role: agent, within: {from: 50%}}
  - name: possible-emotion
    when: {emotion: [anger, neutral], probability: 0.01, count: 2, role: customer}
  - name: nobody-supervises
    when:
      all: [{not: {role: supervisor}}, {role: customer}]
  - name: supervisor-speaks
    when: {role: supervisor}
"""
LIVE = {"customer-speaks", "possible-emotion"}
LATE = {"agent-speaks-at-the-end", "nobody-supervises"}
ROLES = "roles=agent,customer"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bundle that adapts to speakers."""
    return bundles.write(tmp_path_factory.mktemp("models"), inputs=("log_mel",), adapts=True)


@pytest.fixture(scope="module")
def rules(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("rules") / "rules.yaml"
    path.write_text(RULES)
    return path


@pytest.fixture(scope="module")
def receiver() -> Iterator[Receiver]:
    with receiving(200) as receiver:
        yield receiver


@pytest.fixture(scope="module")
def service(folder: Path, rules: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A service with rules, jobs and webhooks."""
    settings = {
        "SER_RULES": str(rules),
        "SER_JOBS": "true",
        "SER_DATA_DIR": str(tmp_path_factory.mktemp("data")),
        "SER_CALLBACK_SECRETS": SECRET,
        "SER_CALLBACK_PRIVATE": "true",
    }
    with serving(folder, **settings) as service:
        yield service


@pytest.fixture(scope="module")
def uploaded(service: Service) -> list[dict[str, Any]]:
    """The alerts of an upload."""
    wav, _ = encoded()
    answer = local.post(f"{service.url}/v1/audio/timeline?{ROLES}", content=wav, headers=WAV, timeout=60)
    alerts: list[dict[str, Any]] = answer.json()["alerts"]
    return alerts


def environment(folder: Path, rules: Path | str, **more: str) -> dict[str, str]:
    """Return the environment of a command."""
    own = {"SER_MODELS_DIR": str(folder.parent), "SER_DEFAULT_MODEL": folder.name, "SER_RULES": str(rules)}
    return {**own, "SER_WORKERS": "1", **more}


def converse(service: Service, **start: object) -> list[Message]:
    """Send the call as a stream, and return the messages of the service."""
    _, raw = encoded()
    messages, _ = talk(service, {**START, "roles": ["agent", "customer"], **start}, raw, STOP)
    return messages


def test_an_upload_has_alerts_in_the_order_of_their_ends(uploaded: list[dict[str, Any]]) -> None:
    assert {alert["rule"] for alert in uploaded} == LIVE | LATE
    assert [alert["end"] for alert in uploaded] == sorted(alert["end"] for alert in uploaded)
    (alert,) = (one for one in uploaded if one["rule"] == "customer-speaks")
    assert 0 < alert["start"] < alert["end"]
    assert {name: value for name, value in alert.items() if name not in {"start", "end"}} == {
        "rule": "customer-speaks",
        "severity": "info",
        "description": "The customer has spoken three times.",
        "channel": 1,
        "role": "customer",
        "speaker": None,
    }


def test_without_roles_no_rule_about_a_role_matches(service: Service) -> None:
    wav, _ = encoded()
    answer = local.post(f"{service.url}/v1/audio/timeline?merge=true", content=wav, headers=WAV, timeout=60)
    assert answer.json()["alerts"] == []


def test_merged_segments_do_not_change_the_alerts(service: Service, uploaded: list[dict[str, Any]]) -> None:
    wav, _ = encoded()
    address = f"{service.url}/v1/audio/timeline?merge=true&{ROLES}"
    assert local.post(address, content=wav, headers=WAV, timeout=60).json()["alerts"] == uploaded


def test_a_job_has_the_alerts_of_an_upload_and_its_webhook_names_their_rules(
    service: Service, uploaded: list[dict[str, Any]], receiver: Receiver
) -> None:
    wav, _ = encoded()
    job = submit(service, wav, f"?{ROLES}&callback_url={receiver.url.partition('?')[0]}").json()
    assert until(service, job, "succeeded", "failed")["result"]["alerts"] == uploaded
    eventually(lambda: any(one["type"] == "job.succeeded" for one in receiver.verified))
    (webhook,) = (one for one in receiver.verified if one["type"] == "job.succeeded")
    assert webhook["data"] == {
        "id": job["id"],
        "state": "succeeded",
        "metadata": {},
        "alerts": [{"rule": one["rule"], "severity": one["severity"]} for one in uploaded],
    }


def test_the_batch_command_has_the_alerts_of_an_upload(
    folder: Path, rules: Path, uploaded: list[dict[str, Any]], tmp_path: Path
) -> None:
    (tmp_path / "call.wav").write_bytes(encoded()[0])
    completed = run_here(
        environment(folder, rules), "analyze", tmp_path / "call.wav", "--roles", "agent,customer"
    )
    assert completed.returncode == 0, completed.stderr
    assert json.loads(completed.stdout)["alerts"] == uploaded


def test_an_archive_names_the_rules_that_match(
    folder: Path, rules: Path, uploaded: list[dict[str, Any]], tmp_path: Path
) -> None:
    pq = pytest.importorskip("pyarrow.parquet")
    (tmp_path / "call.wav").write_bytes(encoded()[0])
    output = tmp_path / "archive.parquet"
    arguments = ("--format", "parquet", "--output", output, "--roles", "agent,customer")
    completed = run_here(environment(folder, rules), "analyze", tmp_path / "call.wav", *arguments)
    assert completed.returncode == 0, completed.stderr
    rows = pq.read_table(output).to_pylist()
    assert all(row["alerts"] == [alert["rule"] for alert in uploaded] for row in rows)


def test_a_stream_alerts_early_where_it_can_and_its_summary_has_the_alerts_of_an_upload(
    service: Service, uploaded: list[dict[str, Any]]
) -> None:
    messages = converse(service)
    types = [message["type"] for message in messages]
    summary = messages[types.index("summary")]
    assert summary["timeline"]["alerts"] == uploaded
    alerts = {message["rule"]: message for message in messages if message["type"] == "alert"}
    assert set(alerts) == LIVE | LATE
    assert types.count("alert") == len(alerts)
    # The rules that no further speech changes alert with the segment that completes them.
    last_segment = max(message["sequence"] for message in messages if message["type"] == "segment")
    assert {rule for rule, message in alerts.items() if message["sequence"] < last_segment} >= LIVE
    for alert in uploaded:
        message = {name: value for name, value in alerts[alert["rule"]].items() if name in alert}
        assert message == alert
        assert alerts[alert["rule"]]["sequence"] < summary["sequence"]
    for rule in LATE:
        assert alerts[rule]["sequence"] > last_segment


def test_a_stream_sends_alerts_as_webhooks(service: Service, receiver: Receiver) -> None:
    callback = {"url": receiver.url, "events": ["alert"]}
    messages = converse(service, callback=callback, reference="call 17")
    expected = {message["sequence"]: message for message in messages if message["type"] == "alert"}

    def arrived() -> dict[int, Message]:
        webhooks = (one["data"] for one in receiver.verified if one["type"] == "live.alert")
        return {data["sequence"]: data for data in webhooks if data["session"] == messages[0]["session"]}

    eventually(lambda: len(arrived()) == len(expected))
    for sequence, data in arrived().items():
        assert data == {
            "session": messages[0]["session"],
            "reference": "call 17",
            "metadata": {},
            **expected[sequence],
        }


def test_the_metrics_count_alerts_by_rule_and_severity(
    service: Service, uploaded: list[dict[str, Any]]
) -> None:
    assert uploaded
    metrics = local.get(f"{service.url}/metrics").text
    assert 'ser_alerts_total{rule="agent-speaks-at-the-end",severity="critical"}' in metrics
    assert "supervisor-speaks" not in metrics


@pytest.mark.parametrize(("channels", "line"), [("1", 4), ("all", 6)])
def test_rules_that_are_not_valid_stop_the_start(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, channels: str, line: int
) -> None:
    path = tmp_path / "rules.yaml"
    path.write_text(
        "rules:\n  - name: a\n    when:\n      channel: 0\n  - name: b\n    when: {emotion: joy}\n"
    )
    own = environment(folder, path, SER_CHANNELS=channels)
    monkeypatch.setattr(Server, "run", lambda _: pytest.fail("the service starts"))
    ended = run_here(own)
    assert ended.returncode == 1
    assert ended.stderr.startswith(f"{path}:{line}: ")
    completed = run_here(own, "analyze", "call.wav")
    assert completed.returncode == 2
    assert completed.stderr.startswith(f"{path}:{line}: ")


def test_the_command_checks_a_file_as_the_start_does(folder: Path, rules: Path, tmp_path: Path) -> None:
    completed = run_here(environment(folder, rules), "rules", "check")
    assert (completed.returncode, completed.stderr) == (0, "")
    lines = completed.stdout.splitlines()
    assert lines[0].split() == ["customer-speaks", "info", "during", "and", "after", "the", "call"]
    assert lines[1].split() == ["agent-speaks-at-the-end", "critical", "after", "the", "call"]
    assert lines[-1] == f"{rules}: 5 rules are valid"

    bad = tmp_path / "bad.yaml"
    bad.write_text("rules:\n  - name: a\n    when: {emotoin: anger}\n")
    completed = run_here(environment(folder, rules), "rules", "check", bad)
    assert (completed.returncode, completed.stdout) == (2, "")
    assert completed.stderr.startswith(f"{bad}:3: unknown word `emotoin`; allowed here: ")

    completed = run_here(environment(folder, ""), "rules", "check")
    assert (completed.returncode, completed.stderr) == (
        2,
        "SER_RULES is not set. Set it, or name the file to check.\n",
    )
    assert run_here(environment(folder, rules), "rules").returncode == 2
