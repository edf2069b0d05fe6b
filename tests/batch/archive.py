"""Run the command that analyzes an archive into a Parquet file."""

import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from testing.recordings import ROOT


def command(*arguments: str | Path) -> list[str]:
    return [sys.executable, "-m", "app", "analyze", "--format", "parquet", *map(str, arguments)]


def analyze(environment: dict[str, str], *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command(*arguments), cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )


def read(path: Path) -> pa.Table:
    return pq.read_table(path)
