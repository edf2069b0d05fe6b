"""Jobs on several machines: services and workers share one PostgreSQL database and one object store."""

import contextlib
import os
import signal
from collections.abc import Iterator

import psycopg
import pytest

from app.jobs.database import prepare
from app.jobs.job import JobsUnavailable
from testing import local
from testing.backends import Postgres, object_store, objects, postgres
from testing.service import Service, descendants, running, started
from testing.waiting import eventually
from tests.jobs.client import WAV, find, submit, until


@pytest.fixture(scope="module")
def server() -> Iterator[Postgres]:
    with postgres() as server:
        yield server


@pytest.fixture(scope="module")
def store() -> Iterator[dict[str, str]]:
    with object_store() as settings:
        yield settings


@pytest.fixture(scope="module")
def shared_settings(
    module_environment: dict[str, str], server: Postgres, store: dict[str, str]
) -> dict[str, str]:
    """The settings that all services and workers share."""
    return {**module_environment, **store, "SER_JOBS_URL": server.url, "SER_JOBS_AT_A_TIME": "0"}


class Machines:
    """Services and workers that several tests share. A test may end a worker."""

    def __init__(self, settings: dict[str, str], stack: contextlib.ExitStack) -> None:
        """Start two services and two workers at the same time on an empty database."""
        self._settings, self._stack = settings, stack
        self.services = [stack.enter_context(started(**settings)) for _ in range(2)]
        self._workers = [stack.enter_context(started("worker", **settings)) for _ in range(2)]
        for process in (*self.services, *self._workers):
            process.wait_until_ready()

    def workers(self, number: int) -> list[Service]:
        """Start workers until so many live, and return all that live."""
        self._workers = [worker for worker in self._workers if worker.process.poll() is None]
        for _ in range(number - len(self._workers)):
            self._workers.append(self._stack.enter_context(running("worker", **self._settings)))
        return self._workers

    def delete_jobs(self) -> bool:
        """Cancel or delete all jobs, and return whether there were none."""
        url = f"{self.services[0].url}/v1/jobs"
        jobs = local.get(url).json()["jobs"]
        for job in jobs:
            local.delete(f"{url}/{job['id']}")
        return not jobs


@pytest.fixture(scope="module")
def module_machines(shared_settings: dict[str, str]) -> Iterator[Machines]:
    with contextlib.ExitStack() as stack:
        yield Machines(shared_settings, stack)


@pytest.fixture
def machines(module_machines: Machines, shared_settings: dict[str, str]) -> Machines:
    """Services and workers without jobs."""
    eventually(module_machines.delete_jobs)
    eventually(lambda: objects(shared_settings) == 0)
    return module_machines


def executions(server: Postgres) -> list[tuple[str, int]]:
    """Return the last executor of each job and the number of its attempts, from the database."""
    with psycopg.connect(server.url) as connection:
        return connection.execute(
            "SELECT executor_id, recovery_attempts FROM dbos.workflow_status WHERE name = 'analyze_call'"
        ).fetchall()


def test_workers_share_jobs_and_run_each_job_once(
    machines: Machines, shared_settings: dict[str, str], server: Postgres, short: bytes
) -> None:
    machines.workers(2)
    services = machines.services
    jobs = [submit(services[index % 2], short).json() for index in range(8)]
    results = [until(services[index % 2 - 1], job, "succeeded") for index, job in enumerate(jobs)]
    assert all(job["result"] == results[0]["result"] for job in results)
    completed = executions(server)
    assert len(completed) == len(jobs)
    assert len({executor for executor, _ in completed}) == 2
    assert {attempts for _, attempts in completed} == {1}
    eventually(lambda: objects(shared_settings) == 0)
    assert local.get(f"{services[0].url}/v1/jobs?limit=3&offset=6").json()["next_offset"] is None
    metrics = local.get(f"{services[1].url}/metrics").text
    assert 'ser_jobs{state="succeeded"} 8.0' in metrics


def test_the_job_of_a_dead_worker_is_taken_over(
    machines: Machines, shared_settings: dict[str, str], server: Postgres, long: bytes
) -> None:
    services, workers = machines.services, machines.workers(2)
    job = submit(services[0], long).json()
    until(services[0], job, "running")
    ((name, _),) = executions(server)
    dead = next(worker for worker in workers if f"-{worker.process.pid}-" in name)
    for pid in (dead.process.pid, *descendants(dead.process.pid)):
        os.kill(pid, signal.SIGKILL)
    ended = until(services[1], job, "succeeded", "failed")
    assert ended["state"] == "succeeded"
    assert [attempts for _, attempts in executions(server)] == [2]
    survivor = next(worker for worker in workers if worker is not dead)
    assert "taking over the jobs of" in survivor.log
    eventually(lambda: objects(shared_settings) == 0)


def test_jobs_survive_an_outage_of_the_database(
    machines: Machines, server: Postgres, long: bytes, short: bytes
) -> None:
    machines.workers(1)
    services = machines.services
    job = submit(services[0], long).json()
    until(services[0], job, "running")
    server.stop()
    refused = submit(services[0], short)
    assert (refused.status_code, refused.json()["code"]) == (503, "jobs-unavailable")
    assert find(services[1], job).status_code == 503
    utterance = local.post(f"{services[0].url}/v1/audio/emotions", content=short, headers=WAV, timeout=60)
    assert utterance.status_code == 200
    assert local.get(f"{services[0].url}/health/ready").status_code == 200
    assert "ser_jobs{" not in local.get(f"{services[0].url}/metrics").text
    server.start()
    eventually(lambda: find(services[1], job).status_code == 200)
    assert until(services[1], job, "succeeded", "failed")["state"] == "succeeded"


def test_a_worker_serves_health_and_metrics_only(machines: Machines, short: bytes) -> None:
    worker = machines.workers(1)[0]
    assert local.get(f"{worker.url}/metrics").status_code == 200
    assert submit(worker, short).status_code == 404
    worker.process.terminate()
    assert worker.end() == 0


def test_a_service_waits_for_its_database_and_is_ready_when_it_is_there(
    shared_settings: dict[str, str], server: Postgres, short: bytes
) -> None:
    settings = {**shared_settings, "SER_JOBS_URL": server.url.replace("postgres@", "postgres:secret@")}
    server.stop()
    with started(**settings) as service, started("worker", **settings) as worker:
        eventually(lambda: "the start waits for the database of the jobs: SER_JOBS_URL: " in service.log)
        eventually(lambda: "the start waits" in worker.log)
        assert service.process.poll() is None
        worker.process.terminate()  # a stop does not wait for the database
        assert worker.end() == 0
        server.start()
        service.wait_until_ready()
        assert submit(service, short).status_code == 202
        assert "secret" not in service.log
        assert "Traceback" not in service.log + worker.log


def test_a_database_without_an_encoding_stops_the_start_with_the_reason(server: Postgres) -> None:
    with psycopg.connect(server.url, autocommit=True) as connection:
        connection.execute(
            "CREATE DATABASE ascii ENCODING 'SQL_ASCII' LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0"
        )
    with pytest.raises(JobsUnavailable, match="ENCODING 'UTF8'"):
        prepare(f"{server.url.rpartition('/')[0]}/ascii")


def test_a_database_that_cannot_be_used_stops_the_start_with_the_reason(environment: dict[str, str]) -> None:
    with started(**environment, SER_JOBS_URL="oracle://somebody:secret@127.0.0.1:1/jobs") as service:
        assert service.end() != 0
        assert "SER_JOBS_URL: " in service.log
        assert "secret" not in service.log
        assert "Traceback" not in service.log
