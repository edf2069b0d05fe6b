"""The configuration of Prometheus and Grafana is valid and uses only metrics that are reported."""

import re
import subprocess
from collections.abc import Iterator, Mapping
from collections.abc import Set as AbstractSet
from pathlib import Path
from typing import Any

import pytest
import yaml
from fastapi.testclient import TestClient
from prometheus_client.parser import text_string_to_metric_families

from app.main import create_app
from app.rollout import Rollout
from app.settings import Settings
from testing.dashboard import DASHBOARD, query
from testing.programs import program
from testing.recordings import EXAMPLE, ROOT
from testing.waiting import eventually

PROMETHEUS = ROOT / "deploy" / "prometheus"
GRAFANA = ROOT / "deploy" / "grafana"
ALERT_TESTS = ROOT / "tests" / "deploy" / "alerts.yml"
ALERTS = yaml.safe_load((PROMETHEUS / "alerts.yml").read_text())["groups"][0]["rules"]
SCRAPED = {"up": {"job", "instance"}}
"""Metrics that Prometheus itself records for each replica, with their labels."""


def panels() -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = DASHBOARD["panels"]
    return found


def expressions() -> dict[str, str]:
    """Return all PromQL expressions by location."""
    alerts = {rule["alert"]: rule["expr"] for rule in ALERTS}
    drawn = {
        f"{panel['id']} {panel['title']} {target['refId']}": query(target["expr"])
        for panel in panels()
        for target in panel.get("targets", [])
    }
    return {**alerts, **drawn}


def promtool(*arguments: str) -> None:
    completed = subprocess.run(
        [program("promtool"), *arguments], cwd=PROMETHEUS, capture_output=True, text=True, check=False
    )
    assert completed.returncode == 0, completed.stdout + completed.stderr


@pytest.fixture(scope="module")
def client(settings: Settings, tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    """A client of a service during a rollout."""
    file = tmp_path_factory.mktemp("rollout") / "rollout.json"
    file.write_text(Rollout(stable="small", candidate="other", shadow=1.0).model_dump_json())
    with TestClient(create_app(settings.model_copy(update={"rollout": file}))) as client:
        yield client


@pytest.fixture(scope="module")
def reported(client: TestClient) -> Mapping[str, AbstractSet[str]]:
    """The metrics of a service after its first answers and a shadow, with their labels."""
    for path in ("/v1/audio/emotions", "/v1/audio/timeline"):
        assert client.post(path, files={"file": EXAMPLE.read_bytes()}).status_code == 200
    eventually(lambda: "ser_shadow_distance_sum" in client.get("/metrics").text)
    metrics = {name: set(labels) for name, labels in SCRAPED.items()}
    start = {"type": "start", "encoding": "mulaw", "sampling_rate": 8000}
    with client.websocket_connect("/v1/audio/live") as ended:
        ended.send_json(start)
        ended.send_bytes(b"\xff" * 8000)
        ended.send_json({"type": "stop"})
        assert [ended.receive_json()["type"] for _ in range(3)] == ["ready", "summary", "closed"]
    with client.websocket_connect("/v1/audio/live") as running:
        running.send_json(start)
        assert running.receive_json()["type"] == "ready"
        text = client.get("/metrics").text
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            metrics.setdefault(sample.name, {"job", "instance"}).update(sample.labels)
    # Jobs are off in this service, so it does not report the metrics of jobs.
    return {
        **metrics,
        "ser_jobs": {"instance", "state"},
        "ser_webhooks": {"instance", "state"},
        "ser_callbacks_total": {"instance", "status"},
    }


def test_prometheus_accepts_its_configuration_and_rules() -> None:
    promtool("check", "config", "--syntax-only", "prometheus.yml")
    promtool("check", "rules", "alerts.yml")


def test_every_alert_fires_only_when_it_should() -> None:
    promtool("test", "rules", str(ALERT_TESTS))
    silent, *firing = yaml.safe_load(ALERT_TESTS.read_text())["tests"]
    names = {rule["alert"] for rule in ALERTS}
    assert {test["alertname"] for test in silent["alert_rule_test"]} == names
    fired = " ".join(
        sample["labels"]
        for test in firing
        for expected in test["promql_expr_test"]
        for sample in expected["exp_samples"]
    )
    assert set(re.findall(r'alertname="(\w+)"', fired)) == names


def test_every_alert_has_a_severity_and_a_description() -> None:
    for rule in ALERTS:
        assert rule["labels"]["severity"] in {"warning", "critical"}
        assert rule["annotations"]["summary"]
        assert len(rule["annotations"]["description"]) > 80


def test_prometheus_accepts_the_expressions_of_all_panels(tmp_path: Path) -> None:
    rules = [{"record": f"panel_{n}", "expr": text} for n, text in enumerate(expressions().values())]
    file = tmp_path / "panels.yml"
    file.write_text(yaml.safe_dump({"groups": [{"name": "panels", "rules": rules}]}))
    promtool("check", "rules", str(file))


def test_alerts_and_panels_use_all_reported_metrics_and_no_others(
    reported: Mapping[str, AbstractSet[str]],
) -> None:
    used = set()
    for place, expression in expressions().items():
        names = set(re.findall(r"\b(?:up|(?:ser|process|python)_\w+)\b", expression))
        assert names, place
        assert names <= set(reported), place
        for name, selector in re.findall(r"(\w+)\{([^}]*)\}", expression):
            assert set(re.findall(r"(\w+)(?:=|!)", selector)) <= reported[name], (place, name)
        used |= names
    unseen = {name for name in reported if name.startswith("ser_")} - used
    assert {name for name in unseen if not name.endswith(("_created", "_sum", "_count"))} == set()


def test_the_panels_and_variables_of_the_dashboard_are_complete() -> None:
    identities = [panel["id"] for panel in panels()]
    assert len(identities) == len(set(identities))
    source = yaml.safe_load((GRAFANA / "provisioning/datasources/prometheus.yml").read_text())["datasources"][
        0
    ]
    for panel in panels():
        if panel["type"] in {"row", "alertlist"}:
            continue
        assert panel["description"], panel["title"]
        assert panel["datasource"] == {"type": source["type"], "uid": source["uid"]}
        assert [target["refId"] for target in panel["targets"]] == list("ABCDE")[: len(panel["targets"])]
    variables = {f"${variable['name']}" for variable in DASHBOARD["templating"]["list"]}
    used = set(
        re.findall(
            r"\$\w+", " ".join(target["expr"] for panel in panels() for target in panel.get("targets", []))
        )
    )
    assert used == variables | {"$__rate_interval"}


def test_panels_do_not_overlap() -> None:
    covered = [cell for panel in panels() for cell in cells(panel["gridPos"])]
    assert len(covered) == len(set(covered))
    assert all(x < 24 for x, _ in covered)


def cells(position: dict[str, int]) -> Iterator[tuple[int, int]]:
    for x in range(position["x"], position["x"] + position["w"]):
        for y in range(position["y"], position["y"] + position["h"]):
            yield x, y


def test_grafana_finds_the_dashboard_where_compose_mounts_it() -> None:
    provider = yaml.safe_load((GRAFANA / "provisioning/dashboards/dashboards.yml").read_text())["providers"][
        0
    ]
    grafana = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]["grafana"]
    folder = provider["options"]["path"]
    assert f"./deploy/grafana/dashboards:{folder}:ro" in grafana["volumes"]
    home = grafana["environment"]["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"]
    assert home == f"{folder}/speech-emotion.json"
