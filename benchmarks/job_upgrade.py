"""An upgrade of the schema of jobs: two versions on one database, forward, side by side, and back.

    python -m benchmarks.job_upgrade VERSION

VERSION is an older version of DBOS with an older schema. The benchmark installs it in a separate folder
for the old processes.
"""

import subprocess
import sys
import tempfile
import time
from pathlib import Path

import psycopg

from benchmarks.job_client import ENDED, find, submit, until
from benchmarks.replicas import Replica
from benchmarks.soak import verdict
from testing import bundles
from testing.backends import Postgres, object_store, postgres
from testing.recordings import call


def main() -> int:
    """Run the checks and print the results.

    Returns:
        The exit status; 1 if a check failed.
    """
    with tempfile.TemporaryDirectory() as folder:
        models, old_dbos = Path(folder) / "models", Path(folder) / "old"
        bundles.write(models, "small")
        command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target", str(old_dbos)]
        subprocess.run([*command, f"dbos=={sys.argv[1]}"], check=True)
        settings = {"SER_MODELS_DIR": str(models), "SER_DEFAULT_MODEL": "small", "SER_JOBS": "true"}
        settings |= {"SER_SHUTDOWN_DELAY": "0", "SER_WORKERS": "1"}
        old = {"PYTHONPATH": str(old_dbos)}
        with postgres() as server, object_store() as store:
            shared = {**settings, **store, "SER_JOBS_URL": server.url, "SER_JOBS_AT_A_TIME": "0"}
            passed = [on_several(server, shared, {**shared, **old})]
        single = {**settings, "SER_DATA_DIR": str(Path(folder) / "data")}
        passed.append(on_one(single, {**single, **old}))
    return 0 if all(passed) else 1


def on_several(server: Postgres, new: dict[str, str], old: dict[str, str]) -> bool:
    """Start new processes beside old ones, kill the new ones, and restart the old ones on the new schema."""
    before = [Replica(old), Replica(old, "worker")]
    _wait(before)
    schemas = [_schema(server)]
    running_job = submit(before[0].url, call(100))
    until(lambda: find(before[0].url, running_job)["state"] == "running")
    after = [Replica(new), Replica(new, "worker")]
    _wait(after)
    schemas.append(_schema(server))
    mixed = [submit(replica.url, call(2)) for replica in (before[0], after[0]) * 3]
    states = [_end(after[0].url, job) for job in (*mixed, running_job)]
    unfinished = submit(after[0].url, call(100))
    time.sleep(2)
    _kill(after)
    states.append(_end(before[0].url, unfinished))
    _kill(before)
    before = [Replica(old), Replica(old, "worker")]
    _wait(before)
    states.append(_end(before[0].url, submit(before[0].url, call(2))))
    _kill(before)
    return verdict(
        f"PostgreSQL, schema {schemas[0]} to {schemas[1]} and back: {states.count('succeeded')} of "
        f"{len(states)} jobs succeeded",
        passed=set(states) == {"succeeded"} and schemas[0] < schemas[1],
    )


def on_one(new: dict[str, str], old: dict[str, str]) -> bool:
    """Check that each version completes the job that the other left when it was killed."""
    states, job = [], ""
    for settings in (old, new, old):
        service = Replica(settings)
        service.wait()
        if job:
            states.append(_end(service.url, job))
        job = submit(service.url, call(100))
        time.sleep(1)
        service.kill()
    return verdict(f"SQLite, forward and back: {states}", passed=states == ["succeeded"] * 2)


def _schema(server: Postgres) -> int:
    """Return the version of the DBOS tables."""
    with psycopg.connect(server.url) as connection:
        row = connection.execute("SELECT version FROM dbos.dbos_migrations").fetchone()
    return int(row[0]) if row else 0


def _end(url: str, job: str) -> str:
    """Wait for the end of a job, and return its state."""
    until(lambda: find(url, job)["state"] in ENDED)
    return str(find(url, job)["state"])


def _wait(replicas: list[Replica]) -> None:
    for replica in replicas:
        replica.wait()


def _kill(replicas: list[Replica]) -> None:
    for replica in replicas:
        replica.kill()


if __name__ == "__main__":
    sys.exit(main())
