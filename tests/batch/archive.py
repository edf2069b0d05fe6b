"""Run the command that analyzes an archive into a Parquet file."""

import sys
from pathlib import Path
from subprocess import CompletedProcess

import pyarrow as pa
import pyarrow.parquet as pq

from testing.commands import run_here

ANALYZE = ("analyze", "--format", "parquet")


def command(*arguments: str | Path) -> list[str]:
    """Return the command for a process of its own."""
    return [sys.executable, "-m", "app", *ANALYZE, *map(str, arguments)]


def analyze(environment: dict[str, str], *arguments: str | Path) -> CompletedProcess[str]:
    """Run the command in this process."""
    return run_here(environment, *ANALYZE, *arguments)


def read(path: Path) -> pa.Table:
    return pq.read_table(path)
