"""The handle of a worker process."""

import os
from asyncio import StreamReader, StreamWriter
from dataclasses import dataclass
from multiprocessing.context import ForkServerProcess
from pathlib import Path


@dataclass(frozen=True, slots=True, eq=False)
class Worker:
    """A worker process and the channel to it."""

    process: ForkServerProcess
    reader: StreamReader
    writer: StreamWriter

    @property
    def pid(self) -> int:
        """The process ID."""
        return self.process.pid or 0

    @property
    def resident_bytes(self) -> int:
        """The resident memory of the process, in bytes; 0 after its death."""
        try:
            pages = Path(f"/proc/{self.pid}/statm").read_text(encoding="ascii").split()[1]
        except (FileNotFoundError, ProcessLookupError):
            return 0
        return int(pages) * os.sysconf("SC_PAGE_SIZE")
