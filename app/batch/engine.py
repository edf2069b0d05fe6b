"""The engine of an offline analysis: its contract, and the engine of this machine."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from app.answer_builder import AnswerBuilder
from app.answers import TimelineAnswer
from app.batch.sources import Source
from app.calls.analysis import CallAnalyzer, Limits
from app.calls.options import CallOptions
from app.calls.source import Pool
from app.core.channels import ChannelPolicy
from app.core.errors import SpeechEmotionError
from app.pool.errors import WorkerLost
from app.pool.pool import WorkerPool
from app.pool.slots import Slots
from app.settings import Settings

DEATHS = 4
"""The number of worker deaths after which a recording is abandoned; Dask uses the same number."""
DIED = "Each worker that processed this recording died."


@dataclass(frozen=True, slots=True)
class AnalysisOptions:
    """The options of an analysis.

    Attributes:
        folder: the folder of the bundle.
        limits: the limits of each analysis.
        call: the options of the analysis of each call.
        policy: the permitted channels.
        answers: the builder of the answers.
        files: the name and the SHA-256 of each bundle file, to compare the bundles of all machines.
        header: the header that makes headerless audio a recording; empty if the recordings have headers.
    """

    folder: Path
    limits: Limits
    call: CallOptions
    policy: ChannelPolicy
    answers: AnswerBuilder
    files: tuple[tuple[str, str], ...]
    header: bytes = b""


class NotAnalyzed(SpeechEmotionError):
    """A recording could not be analyzed; the message has the reason."""


@dataclass(frozen=True, slots=True)
class Engine:
    """An engine that analyzes recordings.

    Attributes:
        analyze: the function that analyzes a recording; it raises NotAnalyzed if this recording failed, and
            ClusterError if no more recordings can be analyzed. Completed answers are kept.
        at_a_time: the number of recordings to submit at a time.
    """

    analyze: Callable[[Source], Awaitable[TimelineAnswer]]
    at_a_time: int


@asynccontextmanager
async def local(options: AnalysisOptions, settings: Settings) -> AsyncIterator[Engine]:
    """Start a worker pool on this machine.

    Yields:
        The engine of this machine.
    """
    pool = WorkerPool(
        [options.folder],
        n_workers=settings.workers,
        slots=Slots(settings.workers),
        request_timeout=settings.call_timeout,
        max_worker_bytes=settings.max_worker_bytes,
        sandbox=settings.sandbox,
    )
    await pool.start()
    try:
        yield Engine(lambda source: analyze(source, pool, options), pool.n_workers)
    finally:
        await pool.stop()


async def analyze(source: Source, pool: Pool, options: AnalysisOptions) -> TimelineAnswer:
    """Analyze a recording with a pool.

    Args:
        source: the recording.
        pool: the pool of this machine or of a cluster machine.
        options: the options of the analysis.

    Raises:
        NotAnalyzed: the recording could not be analyzed.
    """
    deaths = 0
    model = options.folder.name
    while True:
        try:
            with source.opened(options.header) as path:
                analyzer = CallAnalyzer(pool, options.limits, options.policy)
                timeline = await analyzer.analyze(path, model, options.call)
        except WorkerLost as error:
            deaths += 1
            if deaths == DEATHS:
                raise NotAnalyzed(DIED) from error
        except (SpeechEmotionError, OSError) as error:
            raise NotAnalyzed(error.strerror or "" if isinstance(error, OSError) else str(error)) from error
        else:
            return options.answers.build(model, timeline, options.call)
