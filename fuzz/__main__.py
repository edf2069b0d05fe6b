"""Fuzzing guided by coverage. Each harness runs in a process of its own, as many at a time as processors.

    python -m fuzz [NAME…] [--seconds N] [--folder FOLDER] [--sanitized]
    python -m fuzz NAME --input FILE [--sanitized]

The first command prints the executions of each harness. It exits with status 1 if an input crashed a harness,
and names the file with the input. The second command runs such a file once, and needs no fuzzer. The inputs
that reach new code stay in the folder, so that the next run starts from them.
"""

import argparse
import hashlib
import os
import re
import subprocess
import sys
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from fuzz import sanitized
from fuzz.harness import NAMES, execute, load

ROOT = Path(__file__).parent.parent
FOLDER = ROOT / ".cache" / "fuzz"
ENGINE = [sys.executable, "-m", "fuzz.engine"]
MAX_SECONDS = 10
"""The longest run of one input, in seconds. A slower input counts as a crash."""
MAX_MEBIBYTES = 2048
"""The largest memory of a harness. An input that needs more counts as a crash."""
MEMORY = Path("/dev/shm")  # noqa: S108  # nosec B108  # only the parent of a temporary folder
"""The folder of the files that a harness writes. With a disk, an execution takes four times as long."""

_EXECUTIONS = re.compile(r"^(?:stat::number_of_executed_units:\s*|#)(\d+)", re.MULTILINE)
_REPRODUCERS = ("crash-*", "oom-*", "timeout-*")


@dataclass(frozen=True, slots=True)
class Outcome:
    """The result of a harness.

    Attributes:
        name: the name of the harness.
        n_executions: the number of inputs.
        crashed: whether an input crashed the harness, or the harness could not start.
        log: the output of libFuzzer.
        reproducer: the file with the input; None if there is none.
        sanitized: whether libsndfile ran with AddressSanitizer.
    """

    name: str
    n_executions: int
    crashed: bool
    log: Path
    reproducer: Path | None
    sanitized: bool

    def __str__(self) -> str:
        """Return a line for people."""
        executions = f"{self.name}: {self.n_executions:,} executions"
        if not self.crashed:
            return f"{executions}, no crash"
        if self.reproducer is None:
            return f"{executions}, failed; see {self.log}"
        command = f"python -m fuzz {self.name} --input {self.reproducer}{' --sanitized' * self.sanitized}"
        return f"{executions}, CRASH; see {self.log}; repeat: {command}"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command, and return its exit status.

    Args:
        arguments: the arguments; None: those of the process.
    """
    parser = argparse.ArgumentParser(prog="python -m fuzz", description="Fuzz the parsers and protocols.")
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"harnesses: {', '.join(NAMES)}")
    parser.add_argument("--seconds", type=int, default=60, help="the time of each harness (%(default)s)")
    parser.add_argument("--folder", type=Path, default=FOLDER, help="the folder of the inputs and logs")
    parser.add_argument("--input", type=Path, help="a file to run once, without a fuzzer")
    parser.add_argument(
        "--sanitized",
        action="store_true",
        help="build libsndfile with AddressSanitizer, and use this library",
    )
    options = parser.parse_args(arguments)
    names = options.names or NAMES
    if unknown := set(names) - set(NAMES):
        parser.error(f"there is no harness {min(unknown)}; choose from {', '.join(NAMES)}")
    folder = options.folder.absolute()
    environment = sanitized.environment(folder / "libsndfile") if options.sanitized else {}
    if options.input and environment:
        again = [sys.executable, "-m", "fuzz", *names, "--input", options.input]
        return subprocess.run(again, env={**os.environ, **environment}, check=False).returncode
    if options.input:
        for name in names:
            execute(load(name), options.input.read_bytes())
        return 0
    for name in names:
        load(name)  # here, because threads that import at the same time may meet half of a module
    failed = False
    with ThreadPoolExecutor(len(os.sched_getaffinity(0))) as executor:
        for outcome in executor.map(lambda name: fuzz(name, options.seconds, folder, environment), names):
            print(outcome, flush=True)
            failed |= outcome.crashed
    return int(failed)


def fuzz(name: str, seconds: int, folder: Path, environment: Mapping[str, str]) -> Outcome:
    """Fuzz with one harness.

    Args:
        name: the name of the harness.
        seconds: the time, in seconds.
        folder: the folder of the inputs and logs of all harnesses.
        environment: variables of the harness in addition to those of this process.
    """
    corpus, crashes, log = (folder / name / part for part in ("corpus", "crashes", "log"))
    for needed in (corpus, crashes):
        needed.mkdir(parents=True, exist_ok=True)
    for seed in load(name).seeds():
        (corpus / hashlib.sha256(seed).hexdigest()).write_bytes(seed)
    before = _newest(crashes)
    with TemporaryDirectory(dir=MEMORY if MEMORY.is_dir() else None) as temporary, log.open("wb") as output:
        completed = subprocess.run(
            [
                *(*ENGINE, name, f"-max_total_time={seconds}", f"-timeout={MAX_SECONDS}"),
                *(f"-rss_limit_mb={MAX_MEBIBYTES}", "-print_final_stats=1"),
                *(f"-artifact_prefix={crashes}/", corpus),
            ],
            cwd=ROOT,
            env={
                **os.environ,
                **environment,
                "TMPDIR": temporary,
            },  # libFuzzer ends a harness before it deletes its files
            stdout=output,
            stderr=subprocess.STDOUT,
            check=False,
        )
    counts = _EXECUTIONS.findall(log.read_text(errors="replace"))
    newest = _newest(crashes)
    return Outcome(
        name,
        int(counts[-1]) if counts else 0,
        completed.returncode != 0,
        log,
        None if newest == before else newest[1],
        bool(environment),
    )


def _newest(crashes: Path) -> tuple[int, Path]:
    """Return the time and the path of the last reproducer; time 0 if there is none."""
    files = [file for pattern in _REPRODUCERS for file in crashes.glob(pattern)]
    return max(((file.stat().st_mtime_ns, file) for file in files), default=(0, crashes))


if __name__ == "__main__":
    sys.exit(main())
