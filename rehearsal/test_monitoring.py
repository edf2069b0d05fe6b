"""Prometheus reads all processes, its alerts fire and resolve, and every panel of the dashboard has data."""

import json
import os
import secrets
import signal
import time
from typing import Any

import numpy as np
import pytest

from rehearsal import panels
from rehearsal.load import load
from rehearsal.podman import FOLDER, podman
from rehearsal.stack import Stack, Start
from testing import local
from testing.live_client import encoded
from testing.receiver import SECRET
from testing.recordings import EXAMPLE, call, encode
from testing.service import descendants, holds_recognizer
from testing.waiting import eventually

LOAD_SECONDS = 60
SCRAPE_SECONDS = 15
"""The interval of the scrapes in `prometheus.yml`."""
CALLBACKS = {"SER_CALLBACK_SECRETS": SECRET, "SER_CALLBACK_PRIVATE": "true", "SER_LIVE_MAX_SPEED": "1000"}


@pytest.fixture(scope="module")
def stack(run: Start) -> Stack:
    password = secrets.token_hex(24)
    return run("scale", "jobs", "monitoring", SER_JOBS="true", JOBS_PASSWORD=password, **CALLBACKS)


def test_no_container_has_rights_or_ports_that_it_does_not_need(stack: Stack) -> None:
    for container in json.loads(podman("inspect", *stack.containers())):
        name, settings = container["Name"], container["HostConfig"]
        assert settings["ReadonlyRootfs"], name
        assert not container["EffectiveCaps"], name
        assert "no-new-privileges" in settings["SecurityOpt"], name
        assert min(settings["Memory"], settings["NanoCpus"], settings["PidsLimit"]) > 0, name
        ports = [
            port for published in container["NetworkSettings"]["Ports"].values() for port in published or ()
        ]
        assert {port["HostIp"] for port in ports} <= {"127.0.0.1"}, name


def query(stack: Stack, expression: str) -> list[dict[str, Any]]:
    answer = local.get(f"{stack.prometheus}/api/v1/query", params={"query": expression}).json()
    assert answer["status"] == "success", answer
    found: list[dict[str, Any]] = answer["data"]["result"]
    return found


def alerts(stack: Stack) -> dict[str, str]:
    """Return the state of each alert that is not inactive."""
    active = local.get(f"{stack.prometheus}/api/v1/alerts").json()["data"]["alerts"]
    return {alert["labels"]["alertname"]: alert["state"] for alert in active}


def test_prometheus_reads_every_replica_and_worker(stack: Stack) -> None:
    expected = {"speech-emotion": ["1", "1"], "speech-emotion-worker": ["1"]}

    def read() -> dict[str, list[str]]:
        rows = query(stack, "up")
        return {job: [row["value"][1] for row in rows if row["metric"]["job"] == job] for job in expected}

    eventually(lambda: read() == expected, 90, read)


def test_every_panel_has_data_after_a_load(stack: Stack) -> None:
    utterance, recording, silence = EXAMPLE.read_bytes(), call(2), encode(np.zeros(16_000, np.float32))
    _, samples = encoded()
    stack.roll_out("start", "opensmile", "--share", "0.5", "--shadow", "1")
    nobody = f"http://{stack.gateway}:9/webhooks"
    start = time.time()
    with load(lambda: stack.post(f"{stack.balancer}/v1/audio/emotions", utterance), 2) as answers:
        while time.time() < start + LOAD_SECONDS:
            assert stack.post(f"{stack.balancer}/v1/audio/timeline", recording).status_code == 200
            assert stack.post(f"{stack.balancer}/v1/audio/emotions", silence).status_code == 200
            assert stack.post(f"{stack.balancer}/v1/audio/emotions", b"no audio").status_code == 415
            job = stack.post(f"{stack.balancer}/v1/jobs", recording, params={"callback_url": nobody})
            assert job.status_code == 202, job.text
            stack.talk(samples)
            time.sleep(5)
        _kill_a_worker_process(stack)
        stack.talk(samples, pause=2 * SCRAPE_SECONDS)
    # Each killed process fails the request that it had.
    assert answers["500"] <= 1
    assert answers["200"] + answers["500"] == answers.total()
    drawn = panels.read(stack.prometheus, start, time.time())
    panels.draw(drawn, FOLDER / "dashboard.png")
    assert {panel.title for panel in drawn if not panel.series} == set()


def _kill_a_worker_process(stack: Stack) -> None:
    """Kill a process of the replica that holds a recognizer, as the kernel does if memory is short."""
    (replica,) = stack.containers("replica")
    workers = [pid for pid in descendants(stack.process(replica)) if holds_recognizer(pid)]
    os.kill(workers[0], signal.SIGKILL)


def test_an_alert_fires_while_a_replica_hangs_and_resolves_afterwards(stack: Stack) -> None:
    assert "ReplicaDown" not in alerts(stack)
    (replica,) = stack.containers("replica")
    podman("pause", replica)
    eventually(lambda: alerts(stack).get("ReplicaDown") == "firing", 240, lambda: alerts(stack))
    podman("unpause", replica)
    eventually(lambda: "ReplicaDown" not in alerts(stack), 120, lambda: alerts(stack))
