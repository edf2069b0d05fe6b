"""The cost of jobs, of the processes that accept and run them, and of ended jobs."""

import dataclasses
import statistics
import threading
import time
from collections.abc import Sequence
from contextlib import ExitStack

import numpy as np
import psycopg

from app.jobs.database import ANALYZE, count_by_state, open_engine
from app.live.encoding import StreamDecoder
from benchmarks.capacity.accounting import Meter
from benchmarks.capacity.figures import Idle, Kept, Recorded
from benchmarks.job_client import find, submit, until
from benchmarks.live_calls import LiveCall, build_calls
from benchmarks.serving import Running, running
from testing.backends import Postgres
from testing.receiver import Receiver
from testing.recordings import encode
from training.data.codecs import TELEPHONE_RATE

N_DIFFERENT = 2
N_RECENT, N_OLD = 2_000, 20_000
"""The numbers of ended jobs whose cost is measured."""
N_COUNTS = 100
PASS_SECONDS = 2.0
"""`app.jobs.maintenance.SECONDS`"""
HOUR = 3600
STEREO_BYTES = 2 * TELEPHONE_RATE
"""Bytes of a second of a stereo call."""


def measure_jobs(
    server: Postgres, shared: dict[str, str], n_calls: int, call_seconds: float, seconds: float
) -> tuple[Recorded, Idle, Idle, Kept]:
    """Measure jobs, and the processes that accept and run them.

    Args:
        server: PostgreSQL.
        shared: the settings of PostgreSQL and of the store.
        n_calls: the number of recorded calls.
        call_seconds: the duration of each.
        seconds: the seconds of each measurement of idle processes.
    """
    receiver = Receiver(200)
    threading.Thread(target=receiver.serve_forever, daemon=True).start()
    recordings = stereo_calls(n_calls, call_seconds)
    at_work = {**shared, "SER_WORKERS": "2", "SER_JOBS_AT_A_TIME": "1"}
    with ExitStack() as stack:
        service = stack.enter_context(running(**{**shared, "SER_WORKERS": "2"}))
        idle_service = idle(server, [service], seconds)
        worker = stack.enter_context(running(("-m", "app", "worker"), **at_work))
        both = idle(server, [worker], seconds)
        idle_worker = dataclasses.replace(
            both,
            database=both.database - idle_service.database,
            commits=both.commits - idle_service.commits,
        )
        recorded, connections = run_jobs(server, service, worker, recordings, receiver)
        idle_worker = dataclasses.replace(idle_worker, connections=connections - idle_service.connections)
        kept = measure_kept(server, worker, both, seconds)
    receiver.shutdown()
    return recorded, idle_service, idle_worker, kept


def stereo_calls(n_calls: int, seconds: float) -> list[bytes]:
    """Return WAV files of stereo calls, 8 kHz, mu-law: N_DIFFERENT calls that take turns."""
    channels = build_calls(2 * N_DIFFERENT, seconds)
    calls = [_stereo(channels[number : number + 2]) for number in range(0, len(channels), 2)]
    return [calls[number % N_DIFFERENT] for number in range(n_calls)]


def _stereo(channels: Sequence[LiveCall]) -> bytes:
    samples = np.stack([StreamDecoder("mulaw", 1).decode(channel.audio)[0] for channel in channels], axis=1)
    return encode(samples, TELEPHONE_RATE, "ULAW")


def idle(server: Postgres, services: Sequence[Running], seconds: float) -> Idle:
    """Measure processes that have nothing to do."""
    time.sleep(3)
    meter = Meter(server, [service.pid for service in services])
    time.sleep(seconds)
    spent = meter.stop()
    return Idle(
        seconds=sum(spent.trees) / spent.seconds,
        database=spent.database / spent.seconds,
        commits=spent.commits / spent.seconds,
        connections=spent.connections,
        memory=sum(service.memory_bytes() for service in services),
    )


def run_jobs(
    server: Postgres, service: Running, worker: Running, recordings: Sequence[bytes], receiver: Receiver
) -> tuple[Recorded, int]:
    """Run one job for each recording.

    Returns:
        The figures, and the most connections of both processes to PostgreSQL.

    Raises:
        SystemExit: a job failed.
    """
    url = f"http://127.0.0.1:{service.port}"
    size_before = database_size(server)
    meter = Meter(server, [service.pid, worker.pid])
    jobs = [submit(url, recording, callback=receiver.url) for recording in recordings]
    until(lambda: len(receiver.verified) >= len(jobs))
    time.sleep(PASS_SECONDS)  # the end of the delivery belongs to the job
    spent = meter.stop()
    states = {find(url, job)["state"] for job in jobs}
    if states != {"succeeded"}:
        raise SystemExit(f"jobs ended as {', '.join(sorted(states))}; nothing was measured")
    call_seconds = statistics.mean(map(len, recordings)) / STEREO_BYTES
    hours = len(jobs) * call_seconds / HOUR
    figures = Recorded(
        minutes=round(call_seconds / 60, 2),
        n_calls=len(jobs),
        service=spent.trees[0] / hours,
        worker=spent.trees[1] / hours,
        database=spent.database / hours,
        commits=spent.commits / len(jobs),
        recording=statistics.mean(map(len, recordings)),
        rows=(database_size(server) - size_before) / len(jobs),
    )
    return figures, spent.connections


def database_size(server: Postgres) -> int:
    """Return the bytes of the database of the jobs."""
    with psycopg.connect(server.url, autocommit=True) as connection:
        connection.execute("CHECKPOINT")
        row = connection.execute("SELECT pg_database_size(current_database())").fetchone()
    return int(row[0]) if row else 0


COPY = """
INSERT INTO dbos.workflow_status
SELECT (jsonb_populate_record(original, jsonb_build_object(
    'workflow_uuid', gen_random_uuid()::text, 'output', '{}', 'completed_at', %(ended)s::bigint
))).*
FROM dbos.workflow_status AS original, generate_series(1, %(count)s)
WHERE original.workflow_uuid = (
    SELECT workflow_uuid FROM dbos.workflow_status WHERE name = %(name)s AND status = 'SUCCESS' LIMIT 1
)
"""
"""Copies of an ended job, without its result."""


def measure_kept(server: Postgres, worker: Running, before: Idle, seconds: float) -> Kept:
    """Measure the cost of many ended jobs in PostgreSQL.

    Args:
        server: PostgreSQL.
        worker: an idle job worker.
        before: the worker, and all load of PostgreSQL, with few ended jobs.
        seconds: the seconds of each measurement.
    """
    costs = []
    few = count_seconds(server)
    for count, age in ((N_OLD, HOUR), (N_RECENT, 0)):
        with psycopg.connect(server.url, autocommit=True) as connection:
            ended = 1000 * (time.time() - age)
            connection.execute(COPY, {"ended": int(ended), "name": ANALYZE, "count": count})
            connection.execute("ANALYZE")
        after = idle(server, [worker], seconds)
        scale = PASS_SECONDS / count
        costs += [
            max(after.seconds - before.seconds, 0) * scale,
            max(after.database - before.database, 0) * scale,
        ]
        before = after
    old_worker, old_database, recent_worker, recent_database = costs
    return Kept(
        recent_worker=recent_worker,
        recent_database=recent_database,
        old_worker=old_worker,
        old_database=old_database,
        count_database=max(count_seconds(server) - few, 0) / (N_OLD + N_RECENT),
    )


def count_seconds(server: Postgres) -> float:
    """Return the processor seconds of PostgreSQL for one count of the jobs, with its connection."""
    engine = open_engine(server.url)
    meter = Meter(server, [])
    for _ in range(N_COUNTS):
        count_by_state(engine, ANALYZE)
    return meter.stop().database / N_COUNTS
