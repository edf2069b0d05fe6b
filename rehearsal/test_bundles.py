"""A new bundle, and a damaged one, on two replicas and a job worker."""

import asyncio
import json
import secrets
import shutil
from pathlib import Path
from typing import Any

import pytest
from websockets.asyncio.client import connect

from app.core.bundle import SCALER
from rehearsal.jobs import end
from rehearsal.load import load
from rehearsal.podman import ROOT, logs, podman
from rehearsal.stack import Stack, Start
from testing import bundles
from testing.live_client import START, STOP, received
from testing.recordings import call
from testing.waiting import eventually

NEW = "persian"
N_ANSWERS = 20


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the bundles."""
    folder = tmp_path_factory.mktemp("bundles") / "models"
    shutil.copytree(ROOT / "models", folder)
    return folder


@pytest.fixture(scope="module")
def stack(run: Start, models: Path) -> Stack:
    password = secrets.token_hex(24)
    return run("scale", "jobs", SER_JOBS="true", JOBS_PASSWORD=password, MODELS=str(models))


def test_a_new_bundle_arrives_without_a_lost_request(stack: Stack, models: Path) -> None:
    bundles.write(models, NEW)
    with load(stack.recognize) as answers:
        for service in ("service", "replica", "worker"):
            stack.replace(service)
            seen = answers.total()
            eventually(lambda: answers.total() >= seen + N_ANSWERS, 60)  # noqa: B023  # awaited here
    print(dict(answers))
    assert set(answers) == {"200"}
    names = {model["name"] for model in stack.get(f"{stack.balancer}/v1/models").json()["models"]}
    assert NEW in names
    submitted = stack.post(f"{stack.balancer}/v1/jobs", call(1), params={"model": NEW})
    assert submitted.status_code == 202, submitted.text
    ended = end(stack, submitted.json()["id"])
    assert (ended["state"], ended["result"]["model"]) == ("succeeded", NEW)


def test_every_replica_serves_the_events_of_a_live_call(stack: Stack) -> None:
    async def session() -> tuple[str, list[dict[str, Any]]]:
        address = f"{stack.service}/v1/audio/live".replace("http", "ws")
        async with connect(address, additional_headers=stack.authorization) as socket:
            await socket.send(json.dumps(START))
            ready = json.loads(await socket.recv())
            await socket.send(json.dumps(STOP))
            return ready["session"], await received(socket)

    identifier, messages = asyncio.run(session())
    for replica in (*stack.containers("service"), *stack.containers("replica")):
        address = f"http://{stack.address(replica)}/v1/live/{identifier}/events"
        # The messages reach the database a moment after the client.
        eventually(lambda: stack.get(address).status_code == 200)  # noqa: B023  # awaited here
        events = stack.get(address).text
        data = [json.loads(line[6:]) for line in events.splitlines() if line.startswith("data: ")]
        assert data == messages


def test_a_damaged_bundle_stops_one_replica_with_a_reason(stack: Stack, models: Path) -> None:
    scaler = models / NEW / SCALER
    scaler.write_bytes(scaler.read_bytes() + b" ")
    (service,) = stack.containers("service")
    podman("restart", "--time", "60", service)
    try:
        with load(stack.recognize) as answers:
            eventually(lambda: NEW in logs(service).strip().rpartition("\n")[2], 60, lambda: logs(service))
            eventually(lambda: answers.total() >= N_ANSWERS, 60)
        assert set(answers) == {"200"}
        assert SCALER in logs(service).strip().rpartition("\n")[2]
        assert stack.health()[service] != "healthy"
    finally:
        shutil.rmtree(models / NEW)
    stack.wait()
