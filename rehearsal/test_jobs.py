"""The service, two workers, the database and the store."""

import json
import secrets

import pytest

from rehearsal.jobs import end, find, submit
from rehearsal.podman import podman
from rehearsal.stack import Stack, Start
from testing.recordings import call
from testing.waiting import eventually

OPTIONS = "--host=127.0.0.1 --username=jobs"


@pytest.fixture(scope="module")
def stack(run: Start) -> Stack:
    return run("jobs", SER_JOBS="true", JOBS_PASSWORD=secrets.token_hex(24), JOB_WORKERS="2")


def test_a_worker_runs_the_job_and_gives_the_answer_of_an_upload(stack: Stack) -> None:
    recording = call(2)
    ended = end(stack, submit(stack, recording))
    assert ended["state"] == "succeeded"
    uploaded = stack.post(f"{stack.service}/v1/audio/timeline", recording).json()
    assert ended["result"]["channels"] == uploaded["channels"]


def test_another_worker_completes_the_job_of_a_dead_host(stack: Stack) -> None:
    recording = call(120)
    identifiers = [submit(stack, recording) for _ in range(3)]

    def states() -> list[str]:
        return [find(stack, identifier)["state"] for identifier in identifiers]

    eventually(lambda: states().count("running") == 2, shown=states)
    dead, alive = stack.containers("worker")
    # A container that podman kills does not start again, like one whose host has died.
    podman("kill", dead)
    assert {end(stack, identifier)["state"] for identifier in identifiers} == {"succeeded"}
    assert (stack.health()[dead], stack.health()[alive]) == ("exited", "healthy")
    podman("start", dead)
    stack.wait()


def test_results_survive_the_loss_of_the_tables(stack: Stack) -> None:
    identifier = submit(stack, call(1))
    ended = end(stack, identifier)
    (database,) = stack.containers("database")

    def execute(command: str, stdin: str | None = None) -> str:
        shell = f"PGPASSWORD=$POSTGRES_PASSWORD {command}"
        return podman("exec", "--interactive", database, "sh", "-c", shell, stdin=stdin)

    dump = execute(f"pg_dump {OPTIONS} --clean --if-exists jobs")
    psql = f"psql {OPTIONS} --quiet --set=ON_ERROR_STOP=1 jobs"
    execute(psql, "DROP SCHEMA dbos CASCADE")
    execute(psql, dump)
    eventually(lambda: find(stack, identifier) == ended)
    assert end(stack, submit(stack, call(1)))["state"] == "succeeded"


def test_the_database_and_the_store_reach_no_other_network(stack: Stack) -> None:
    for name in (*stack.containers("database"), *stack.containers("store")):
        (inspected,) = json.loads(podman("inspect", name))
        assert set(inspected["NetworkSettings"]["Networks"]) == {"rehearsal_jobs"}
        assert not any(inspected["NetworkSettings"]["Ports"].values())
        routes = podman("exec", name, "cat", "/proc/net/route").splitlines()[1:]
        assert routes
        assert all(route.split()[1] != "00000000" for route in routes), "a route to other networks"
