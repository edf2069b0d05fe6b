"""Processor time and memory of a service while a benchmark runs."""

import sys
import threading
import time
from contextlib import suppress
from types import TracebackType
from typing import Generic, NamedTuple, Self, TypeVar

import numpy as np

from benchmarks.serving import Running, processor_seconds, proportional_bytes

PROGRESS = 10.0
"""Seconds between two lines of progress."""
MIB = 2**20

Number = TypeVar("Number", int, float)


class Part(NamedTuple, Generic[Number]):
    """A figure of a service.

    Attributes:
        every: the figure of all processes.
        first: that of the first process, which has the connections.
    """

    every: Number
    first: Number


class Sample(NamedTuple):
    """A sample of a service.

    Attributes:
        at: the time of `time.monotonic`.
        processors: the processor time so far, in seconds.
        memory: the proportional set size, in bytes.
    """

    at: float
    processors: Part[float]
    memory: Part[int]


class Monitor:
    """A thread that notes the processor time and the memory of a service, and shows progress on stderr."""

    def __init__(self, service: Running, interval: float = 1.0) -> None:
        """Describe the thread, which runs while the context lasts.

        Args:
            service: the service.
            interval: the seconds between two samples.
        """
        self._service = service
        self._interval = interval
        self._samples: list[Sample] = []
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def __enter__(self) -> Self:
        """Start the thread."""
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop the thread."""
        self._ended.set()
        self._thread.join()

    def processors(self, start: float, end: float) -> Part[float]:
        """Return the processor time a second between two times."""
        times = [sample.at for sample in self._samples]
        every, first = (
            float(np.diff(np.interp([start, end], times, values))[0]) / (end - start)
            for values in zip(*(sample.processors for sample in self._samples), strict=True)
        )
        return Part(every, first)

    def memory(self, start: float, end: float) -> list[Part[int]]:
        """Return the samples of the memory between two times, in bytes."""
        return [sample.memory for sample in self._samples if start <= sample.at <= end]

    def _run(self) -> None:
        begin = shown = time.monotonic()
        while not self._ended.wait(self._interval):
            with suppress(FileNotFoundError, ProcessLookupError):  # a worker has just been replaced
                self._samples.append(self._sample())
            now = time.monotonic()
            if now - shown >= PROGRESS and self._samples:
                every, first = self.processors(shown, now)
                progress = f"{now - begin:6.0f} s: {every:.2f} processors, {first:.2f} of them first process"
                memory = self._samples[-1].memory.every / MIB
                print(f"{progress}, {memory:.0f} MiB", file=sys.stderr, flush=True)
                shown = now

    def _sample(self) -> "Sample":
        pid = self._service.pid
        return Sample(
            time.monotonic(),
            Part(self._service.processor_seconds(), processor_seconds(pid)),
            memory_of(self._service),
        )


def memory_of(service: Running) -> Part[int]:
    """Return the memory of a service in bytes."""
    return Part(service.memory_bytes(), proportional_bytes(service.pid))
