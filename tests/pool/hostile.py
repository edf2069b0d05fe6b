"""Tasks that try what a worker must not do. As a program, it runs them in a pool and writes what happened.

    python -m tests.pool.hostile BUNDLE FOLDER

A worker imports the main module of its parent, so that it knows these tasks.
"""

import asyncio
import ctypes
import json
import os
import socket
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np

from app.pool.errors import WorkerLost
from app.pool.pool import WorkerPool
from app.pool.process import WorkerFailed
from app.pool.slots import Slots
from app.pool.task import WorkerContext
from app.pool.tasks import TASKS, Recognize
from testing.recordings import EXAMPLE


@dataclass(frozen=True, slots=True)
class Nothing:
    """The answer of a task that did what it must not do."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """A task that tries something.

    Attributes:
        what: the name of what it tries.
        folder: a folder that everybody may write.
    """

    answer: ClassVar[type] = Nothing

    what: str
    folder: str

    def run(self, _context: WorkerContext) -> Nothing:
        """Try it."""
        ATTEMPTS[self.what](Path(self.folder))
        return Nothing()


def rename(folder: Path) -> None:
    """Rename a file that exists."""
    (folder / "existing").rename(folder / "renamed")


def call_by_number(_folder: Path) -> None:
    """Create an io_uring, which would do the rest without system calls."""
    ctypes.CDLL(None).syscall(425, 1, None)


ATTEMPTS: dict[str, Callable[[Path], object]] = {
    "connect": lambda _: socket.create_connection(("127.0.0.1", 9)),
    "udp": lambda _: socket.socket(socket.AF_INET, socket.SOCK_DGRAM),
    "io_uring": call_by_number,
    "create a file": lambda folder: (folder / "new").write_text("x"),
    "append to a file": lambda folder: (folder / "existing").open("a"),
    "remove a file": lambda folder: (folder / "existing").unlink(),
    "rename a file": rename,
    "make a folder": lambda folder: (folder / "folder").mkdir(),
    "run a program": lambda _: subprocess.run(["/bin/true"], check=False),
    "fork": lambda _: os.fork(),
    "kill its parent": lambda _: os.kill(os.getppid(), 9),
    "trace a process": lambda _: ctypes.CDLL(None).ptrace(16, os.getppid(), None, None),
}
TASKS["Attempt"] = Attempt


@dataclass(frozen=True, slots=True)
class Allocate:
    """A task that takes memory.

    Attributes:
        n_bytes: the number of bytes.
    """

    answer: ClassVar[type] = Nothing

    n_bytes: int

    def run(self, _context: WorkerContext) -> Nothing:
        """Take the memory."""
        np.ones(self.n_bytes, np.uint8)
        return Nothing()


TASKS["Allocate"] = Allocate


async def main(bundle: Path, folder: Path) -> dict[str, str]:
    """Try everything in a pool with one worker. After each attempt, recognize an utterance.

    Returns:
        What happened, by the attempt.
    """
    utterance = Recognize(EXAMPLE.read_bytes(), bundle.name, "mix", 0.25, 60.0)
    pool = WorkerPool([bundle], n_workers=1, slots=Slots(2), request_timeout=30)
    await pool.start()
    results = {}
    try:
        for what in ATTEMPTS:
            n_before = pool.replaced["died"]
            try:
                await pool.run(Attempt(what, str(folder)))
                results[what] = "possible"
            except (WorkerLost, WorkerFailed) as error:
                n_died = pool.replaced["died"] - n_before
                results[what] = f"{type(error).__name__}, {n_died} replaced"
            await pool.recognize(utterance)
        try:
            await pool.run(Allocate(3 * 1024**3))
            results["memory"] = "possible"
        except WorkerFailed as error:
            results["memory"] = str(error).strip().rsplit("\n", 1)[-1].split(":")[0]
        await pool.recognize(utterance)
    finally:
        await pool.stop()
    return results


if __name__ == "__main__":
    sys.stdout.write(json.dumps(asyncio.run(main(*map(Path, sys.argv[1:])))))
