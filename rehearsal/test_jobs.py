"""The service, two workers, the database and the store."""

import json
import secrets
import time

import pytest

from rehearsal.faults import partition
from rehearsal.jobs import end, find, submit
from rehearsal.podman import podman
from rehearsal.stack import PROJECT, Stack, Start
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


@pytest.fixture
def running(stack: Stack) -> list[str]:
    """Three jobs, of which each worker runs one."""
    recording = call(120)
    identifiers = [submit(stack, recording) for _ in range(3)]

    def states() -> list[str]:
        return [find(stack, identifier)["state"] for identifier in identifiers]

    eventually(lambda: states().count("running") == 2, shown=states)
    return identifiers


def test_another_worker_completes_the_job_of_a_killed_worker(stack: Stack, running: list[str]) -> None:
    dead, alive = stack.containers("worker")
    # A container that podman kills does not start again.
    podman("kill", dead)
    assert {end(stack, identifier)["state"] for identifier in running} == {"succeeded"}
    assert (stack.health()[dead], stack.health()[alive]) == ("exited", "healthy")
    podman("start", dead)
    stack.wait()


def test_another_worker_completes_the_job_of_a_host_that_is_gone(stack: Stack, running: list[str]) -> None:
    """PostgreSQL hears nothing more from the worker, not even that its connections end."""
    dead, _ = stack.containers("worker")

    podman("pause", dead)
    with partition(stack, dead):
        start = time.monotonic()
        assert {end(stack, identifier)["state"] for identifier in running} == {"succeeded"}
        print(f"all jobs have ended {time.monotonic() - start:.0f} s after the loss of the host")
    podman("kill", dead)
    eventually(lambda: stack.health()[dead] == "exited")
    podman("start", dead)
    stack.wait()


def test_results_survive_the_loss_of_the_tables(stack: Stack) -> None:
    identifier = submit(stack, call(1))
    ended = end(stack, identifier)
    dump = _dump(stack)
    _psql(stack, "DROP SCHEMA dbos CASCADE")
    _psql(stack, dump)
    eventually(lambda: find(stack, identifier) == ended)
    assert end(stack, submit(stack, call(1)))["state"] == "succeeded"


def test_the_password_of_the_database_can_change(stack: Stack) -> None:
    password = secrets.token_hex(24)
    _psql(stack, f"ALTER USER jobs PASSWORD '{password}'")
    stack.set("JOBS_PASSWORD", password)
    stack.replace_all()
    assert end(stack, submit(stack, call(1)))["state"] == "succeeded"


def test_results_move_to_another_database(stack: Stack) -> None:
    """As for an upgrade of PostgreSQL: a dump, a new volume, and the dump again."""
    identifier = submit(stack, call(1))
    ended = end(stack, identifier)
    dump = _dump(stack)
    stack.replace_all("database")
    _psql(stack, dump)
    eventually(lambda: find(stack, identifier) == ended, 60)
    assert end(stack, submit(stack, call(1)))["state"] == "succeeded"


def test_the_database_and_the_store_reach_no_other_network(stack: Stack) -> None:
    for name in (*stack.containers("database"), *stack.containers("store")):
        (inspected,) = json.loads(podman("inspect", name))
        assert set(inspected["NetworkSettings"]["Networks"]) == {f"{PROJECT}_jobs"}
        assert not any(inspected["NetworkSettings"]["Ports"].values())
        routes = podman("exec", name, "cat", "/proc/net/route").splitlines()[1:]
        assert routes
        assert all(route.split()[1] != "00000000" for route in routes), "a route to other networks"


def _dump(stack: Stack) -> str:
    return _execute(stack, f"pg_dump {OPTIONS} --clean --if-exists jobs")


def _psql(stack: Stack, statements: str) -> None:
    _execute(stack, f"psql {OPTIONS} --quiet --set=ON_ERROR_STOP=1 jobs", statements)


def _execute(stack: Stack, command: str, stdin: str | None = None) -> str:
    """Run a command in the container of the database, as `docs/deploy.md` says."""
    (database,) = stack.containers("database")
    shell = f"PGPASSWORD=$POSTGRES_PASSWORD {command}"
    return podman("exec", "--interactive", database, "sh", "-c", shell, stdin=stdin)
