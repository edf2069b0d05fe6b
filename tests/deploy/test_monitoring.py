"""What Prometheus and Grafana are given: valid, and asking for nothing that is not told."""

import json
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

from testing.programs import program
from testing.recordings import EXAMPLE, ROOT

PROMETHEUS = ROOT / "deploy" / "prometheus"
GRAFANA = ROOT / "deploy" / "grafana"
ALERT_TESTS = ROOT / "tests" / "deploy" / "alerts.yml"
ALERTS = yaml.safe_load((PROMETHEUS / "alerts.yml").read_text())["groups"][0]["rules"]
DASHBOARD = json.loads((GRAFANA / "dashboards" / "speech-emotion.json").read_text())
SCRAPED = {"up": {"job", "instance"}}
"""What Prometheus itself tells of a replica."""
GRAFANA_VARIABLES = {"$__rate_interval": "5m", "$instance": ".*", "$model": ".*"}


def panels() -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = DASHBOARD["panels"]
    return found


def expressions() -> dict[str, str]:
    """All PromQL, by where it is."""
    alerts = {rule["alert"]: rule["expr"] for rule in ALERTS}
    drawn = {
        f"{panel['id']} {panel['title']} {target['refId']}": target["expr"]
        for panel in panels()
        for target in panel.get("targets", [])
    }
    for name, text in GRAFANA_VARIABLES.items():
        drawn = {place: expression.replace(name, text) for place, expression in drawn.items()}
    return {**alerts, **drawn}


def promtool(*arguments: str) -> None:
    ended = subprocess.run(
        [program("promtool"), *arguments], cwd=PROMETHEUS, capture_output=True, text=True, check=False
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr


@pytest.fixture(scope="module")
def told(client: TestClient) -> Mapping[str, AbstractSet[str]]:
    """The metrics of a service that has answered, and their labels."""
    assert client.post("/v1/audio/emotions", files={"file": EXAMPLE.read_bytes()}).status_code == 200
    metrics = {name: set(labels) for name, labels in SCRAPED.items()}
    for family in text_string_to_metric_families(client.get("/metrics").text):
        for sample in family.samples:
            metrics.setdefault(sample.name, {"job", "instance"}).update(sample.labels)
        # Counted from the first time on; its labels are in alerts.yml of the tests.
        if family.name == "ser_workers_replaced":
            metrics["ser_workers_replaced_total"] = {"job", "instance", "reason"}
    # This service takes no jobs.
    return {**metrics, "ser_jobs": {"instance", "state"}, "ser_callbacks_total": {"instance", "status"}}


def test_prometheus_takes_its_configuration_and_rules() -> None:
    promtool("check", "config", "--syntax-only", "prometheus.yml")
    promtool("check", "rules", "alerts.yml")


def test_every_alert_fires_when_it_should_and_not_otherwise() -> None:
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


def test_every_alert_says_what_to_do() -> None:
    for rule in ALERTS:
        assert rule["labels"]["severity"] in {"warning", "critical"}
        assert rule["annotations"]["summary"]
        assert len(rule["annotations"]["description"]) > 80


def test_prometheus_understands_every_panel(tmp_path: Path) -> None:
    rules = [{"record": f"panel_{n}", "expr": text} for n, text in enumerate(expressions().values())]
    file = tmp_path / "panels.yml"
    file.write_text(yaml.safe_dump({"groups": [{"name": "panels", "rules": rules}]}))
    promtool("check", "rules", str(file))


def test_everything_that_is_asked_for_is_told(told: Mapping[str, AbstractSet[str]]) -> None:
    asked = set()
    for place, expression in expressions().items():
        names = set(re.findall(r"\b(?:up|(?:ser|process|python)_\w+)\b", expression))
        assert names, place
        assert names <= set(told), place
        for name, selector in re.findall(r"(\w+)\{([^}]*)\}", expression):
            assert set(re.findall(r"(\w+)(?:=|!)", selector)) <= told[name], (place, name)
        asked |= names
    unseen = {name for name in told if name.startswith("ser_")} - asked
    assert {name for name in unseen if not name.endswith(("_created", "_sum", "_count"))} == set()


def test_the_dashboard_can_be_loaded() -> None:
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


def test_no_panel_covers_another() -> None:
    covered = [cell for panel in panels() for cell in cells(panel["gridPos"])]
    assert len(covered) == len(set(covered))
    assert all(x < 24 for x, _ in covered)


def cells(place: dict[str, int]) -> Iterator[tuple[int, int]]:
    for x in range(place["x"], place["x"] + place["w"]):
        for y in range(place["y"], place["y"] + place["h"]):
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
