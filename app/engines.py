"""What analyses recordings that nobody waits for; here, this machine."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from app.api.schemas import TimelineAnswer
from app.calls import CallAnalyzer, Limits, Pool
from app.core.errors import SpeechEmotionError
from app.settings import Settings
from app.sources import Source
from app.workers import WorkerLost, WorkerPool

DEATHS = 4
"""Of processes that had a recording, after which it is given up; Dask gives up at the same."""
DIED = "The processes that had this recording died."


@dataclass(frozen=True, slots=True)
class Plan:
    """How recordings are analysed.

    Attributes:
        folder: the bundle.
        limits: what is accepted.
        channels: which are analysed; None: every one that may be.
        permitted: channels that may be; None permits all.
        merge: whether neighbours of the same emotion become one segment.
        files: SHA-256 of the bundle's files, so that every machine has the same.
    """

    folder: Path
    limits: Limits
    channels: tuple[int, ...] | None
    permitted: frozenset[int] | None
    merge: bool
    files: tuple[tuple[str, str], ...]


class NotAnalysed(SpeechEmotionError):
    """A recording could not be analysed; the message says why."""


class EngineLost(SpeechEmotionError):
    """Nothing can be analysed any more; the message says why. What is done stays done."""


@dataclass(frozen=True, slots=True)
class Engine:
    """What analyses.

    Attributes:
        analyze: a recording; raises NotAnalysed or EngineLost.
        at_a_time: how many it shall be given.
    """

    analyze: Callable[[Source], Awaitable[TimelineAnswer]]
    at_a_time: int


@asynccontextmanager
async def local(plan: Plan, settings: Settings) -> AsyncIterator[Engine]:
    """This machine: the workers of the service, without the service."""
    pool = WorkerPool(
        [plan.folder],
        n_workers=settings.workers,
        queue_depth=0,
        request_timeout=settings.call_timeout,
        max_worker_bytes=settings.max_worker_bytes,
    )
    await pool.start()
    try:
        yield Engine(lambda source: analyze(source, pool, plan), pool.n_workers)
    finally:
        await pool.stop()


async def analyze(source: Source, pool: Pool, plan: Plan) -> TimelineAnswer:
    """Analyse a recording by a pool.

    Args:
        source: the recording.
        pool: of this machine, or of one of a cluster.
        plan: how.

    Raises:
        NotAnalysed: that cannot be done.
    """
    deaths = 0
    while True:
        try:
            with source.opened() as path:
                analyzer = CallAnalyzer(pool, plan.limits, plan.permitted)
                timeline = await analyzer.analyze(path, plan.folder.name, plan.channels)
        except WorkerLost as error:
            deaths += 1
            if deaths == DEATHS:
                raise NotAnalysed(DIED) from error
        except (SpeechEmotionError, OSError) as error:
            raise NotAnalysed(error.strerror or "" if isinstance(error, OSError) else str(error)) from error
        else:
            return TimelineAnswer.of(plan.folder.name, timeline, merged=plan.merge)
