"""Measure a report over a million segments: `python -m benchmarks.report`.

Writes an archive of 20,000 calls with the columns of `python -m app analyze --format parquet`, and a CSV file
of metadata. Then runs `python -m app report` on both in a process of its own.
"""

import os
import resource
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

LABELS = ("anger", "surprise", "happiness", "sadness", "neutral")
WEIGHTS = (0.8, 0.3, 1.0, 0.6, 4.0)
N_CALLS = 20_000
N_SEGMENTS = 50  # of each call
CALLS_AT_A_TIME = 1000
N_AGENTS = 200
N_DAYS = 90
RULES = ("angry-customer", "long-silence", "shouting", "not-recovered")
QUEUES = ("billing", "complaints", "sales", "support", "technical")
ROUNDS = 3


def main() -> None:
    """Print the figures."""
    with TemporaryDirectory() as name:
        folder = Path(name)
        archive, table = folder / "archive.parquet", folder / "calls.csv"
        write_archive(archive, N_CALLS)
        write_metadata(table, N_CALLS)
        print(f"{N_CALLS * N_SEGMENTS:,} segments, {archive.stat().st_size / 2**20:.0f} MiB")
        for _ in range(ROUNDS):
            before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
            command = [sys.executable, "-m", "app", "report", str(archive), "--metadata", str(table)]
            outputs = ["--output", str(folder / "report.html"), "--table", str(folder / "report.parquet")]
            subprocess.run([*command, *outputs], check=True)
            wall, after = time.perf_counter() - start, resource.getrusage(resource.RUSAGE_CHILDREN)
            used = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
            page = (folder / "report.html").stat().st_size
            print(
                f"{wall:.1f} s, {used:.1f} s of processor time, at most {after.ru_maxrss / 1024:.0f} MiB; "
                f"page {page / 1024:.0f} KiB; load {os.getloadavg()[0]:.1f}"
            )


def write_archive(path: Path, n_calls: int) -> None:
    """Write an archive in which some calls failed, or have no speech in a channel."""
    with pq.ParquetWriter(path, schema(), compression="zstd") as writer:
        for table in tables(n_calls):
            writer.write_table(table)


def write_metadata(path: Path, n_calls: int) -> None:
    """Write the agent and the queue of each call."""
    random = np.random.default_rng(2)
    rows = (
        f"{file_name(call)},agent-{random.integers(N_AGENTS):03},{QUEUES[random.integers(len(QUEUES))]}\n"
        for call in range(n_calls)
    )
    path.write_text("file,agent,queue\n" + "".join(rows))


def file_name(call: int) -> str:
    """Return the name of a recording."""
    return f"/archive/2026/{call % 100:02}/{call:06}.wav"


def schema() -> pa.Schema:
    """Return the columns of an archive."""
    texts = ("emotion", "role", "model", "model_version", "metadata", "error", "file")
    kinds = {
        **dict.fromkeys(texts, pa.string()),
        "channel": pa.int32(),
        "speaker": pa.int32(),
        "alerts": pa.list_(pa.string()),
    }
    names = [
        "file",
        "duration",
        "channel",
        "speaker",
        "role",
        "start",
        "end",
        "emotion",
        *LABELS,
        "loudness",
        "pitch",
    ]
    return pa.schema(
        [
            (name, kinds.get(name, pa.float64()))
            for name in [*names, "model", "model_version", "metadata", "alerts", "error"]
        ]
    )


def tables(n_calls: int) -> Iterator[pa.Table]:
    """Return the rows of some calls at a time."""
    random = np.random.default_rng(1)
    for first in range(0, n_calls, CALLS_AT_A_TIME):
        calls = range(first, min(first + CALLS_AT_A_TIME, n_calls))
        n = len(calls) * N_SEGMENTS
        mood = np.repeat(random.gamma(1.0, 1.0, len(calls)), N_SEGMENTS)
        weights = np.tile(WEIGHTS, (n, 1))
        weights[:, 0] *= mood
        probabilities = random.standard_gamma(weights)
        probabilities /= probabilities.sum(axis=1, keepdims=True)
        start = np.tile(np.arange(N_SEGMENTS) * 5.0, len(calls))
        emotions = np.array(LABELS, dtype=object)[probabilities.argmax(axis=1)]
        emotions[probabilities.max(axis=1) < 0.4] = None  # noqa: PLR2004  # undecided
        days = (np.datetime64("2026-06-01") + random.integers(0, N_DAYS, len(calls))).astype(str)
        alerts = [[rule for rule in RULES if random.random() < 0.04] for _ in calls]  # noqa: PLR2004  # 4 % of the calls
        columns = {
            "file": np.repeat([file_name(call) for call in calls], N_SEGMENTS),
            "duration": np.full(n, 250.0),
            "channel": np.tile(np.arange(N_SEGMENTS) % 2, len(calls)).astype(np.int32),
            "speaker": [None] * n,
            "role": ["agent", "customer"] * (n // 2),
            "start": start,
            "end": start + random.uniform(0.5, 4.5, n),
            "emotion": emotions,
            **dict(zip(LABELS, probabilities.T, strict=True)),
            "loudness": random.uniform(-40, -15, n),
            "pitch": random.uniform(90, 260, n),
            "model": ["multilingual"] * n,
            "model_version": ["9f2c" * 16] * n,
            "metadata": np.repeat(
                [f'{{"call": "{c}", "started": "{d}T09:30:00"}}' for c, d in zip(calls, days, strict=True)],
                N_SEGMENTS,
            ),
            "alerts": [of_call for of_call in alerts for _ in range(N_SEGMENTS)],
            "error": [None] * n,
        }
        yield pa.table(
            [pa.array(column, kind.type) for column, kind in zip(columns.values(), schema(), strict=True)],
            schema=schema(),
        )


if __name__ == "__main__":
    main()
