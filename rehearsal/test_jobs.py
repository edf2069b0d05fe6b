"""The service, two workers, the database and the store."""

import json
import secrets
from typing import Any

import pytest

from rehearsal.conftest import Start
from rehearsal.podman import podman
from rehearsal.stack import Stack, until
from testing.recordings import call

ENDED = {"succeeded", "failed", "cancelled"}
DUMP = ("pg_dump", "--host=127.0.0.1", "--username=jobs", "--clean", "--if-exists", "jobs")
PASSWORD = secrets.token_hex(24)


@pytest.fixture(scope="module")
def stack(run: Start) -> Stack:
    return run("jobs", SER_JOBS="true", JOBS_PASSWORD=PASSWORD, JOB_WORKERS="2")


def submit(stack: Stack, recording: bytes) -> str:
    answer = stack.post(f"{stack.service}/v1/jobs", recording)
    assert answer.status_code == 202, answer.text
    return str(answer.json()["id"])


def job(stack: Stack, identifier: str) -> dict[str, Any]:
    found: dict[str, Any] = stack.get(f"{stack.service}/v1/jobs/{identifier}").json()
    return found


def wait(stack: Stack, identifier: str, *states: str) -> dict[str, Any]:
    until(lambda: job(stack, identifier)["state"] in states, 180, lambda: job(stack, identifier))
    return job(stack, identifier)


def test_a_worker_runs_the_job_and_gives_the_answer_of_an_upload(stack: Stack) -> None:
    recording = call(2)
    ended = wait(stack, submit(stack, recording), *ENDED)
    assert ended["state"] == "succeeded"
    uploaded = stack.post(f"{stack.service}/v1/audio/timeline", recording).json()
    assert ended["result"]["channels"] == uploaded["channels"]


def test_another_worker_completes_the_job_of_a_dead_host(stack: Stack) -> None:
    recording = call(120)
    identifiers = [submit(stack, recording) for _ in range(3)]

    def states() -> list[str]:
        return [job(stack, identifier)["state"] for identifier in identifiers]

    until(lambda: states().count("running") == 2, shown=states)
    dead, alive = stack.containers("worker")
    # A container that podman kills does not start again, like one whose host has died.
    podman("kill", dead)
    assert {wait(stack, identifier, *ENDED)["state"] for identifier in identifiers} == {"succeeded"}
    assert (stack.health()[dead], stack.health()[alive]) == ("exited", "healthy")
    podman("start", dead)
    stack.wait()


def test_results_survive_the_loss_of_the_database(stack: Stack) -> None:
    identifier = submit(stack, call(1))
    ended = wait(stack, identifier, *ENDED)
    (database,) = stack.containers("database")
    dump = podman("exec", "--env", f"PGPASSWORD={PASSWORD}", database, *DUMP)
    restore = ("exec", "--interactive", "--env", f"PGPASSWORD={PASSWORD}", database)
    psql = ("psql", "--host=127.0.0.1", "--username=jobs", "--quiet", "--set=ON_ERROR_STOP=1")
    podman(*restore, *psql, "jobs", stdin="DROP SCHEMA dbos CASCADE")
    podman(*restore, *psql, "jobs", stdin=dump)
    until(lambda: job(stack, identifier) == ended)
    assert wait(stack, submit(stack, call(1)), *ENDED)["state"] == "succeeded"


def test_the_database_and_the_store_reach_no_other_network(stack: Stack) -> None:
    (database,) = stack.containers("database")
    (inspected,) = json.loads(podman("inspect", database))
    assert set(inspected["NetworkSettings"]["Networks"]) == {"rehearsal_jobs"}
    assert not inspected["NetworkSettings"]["Ports"].get("5432/tcp")
    routes = podman("exec", database, "cat", "/proc/net/route").splitlines()[1:]
    assert all(route.split()[1] != "00000000" for route in routes), "a route to other networks"
