"""A whole call through the workers: who felt what, and when.

The call stays in its file. Workers find the speech in one stretch after the other, on all channels
at once; then they recognise one segment after the other. Both are spread over all workers, in parts
so small that a request in between hardly waits.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import numpy as np

from app.core.call import CallFormat
from app.core.errors import ChannelNotFound, SpeechEmotionError
from app.core.segments import FRAME, Frames, Span, find_segments
from app.core.timeline import ChannelTimeline, Segment, Timeline
from app.tasks import DetectSpeech, InspectCall, RecognizeSegment
from app.workers import DeadlineExceeded, WorkerPool

STRETCH = 30.0
"""Seconds in which speech is looked for at a time."""

RUN_IN = 1.0
"""Seconds before a stretch that the detector hears first, to settle."""

CONTEXT = 0.3
"""Seconds around a segment that the recogniser hears with it, as recordings of utterances have."""

Item = TypeVar("Item")
Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class Limits:
    """What is accepted.

    Attributes:
        min_seconds: the shortest call.
        max_seconds: the longest.
        timeout: seconds that an analysis may take.
    """

    min_seconds: float
    max_seconds: float
    timeout: float


class CallAnalyzer:
    """Analyses calls.

    Attributes:
        pool: does the work.
        limits: what is accepted.
        permitted: channels that may be analysed; None permits all.
    """

    def __init__(self, pool: WorkerPool, limits: Limits, permitted: AbstractSet[int] | None = None) -> None:
        """Describe it."""
        self.pool = pool
        self.limits = limits
        self.permitted = permitted

    async def analyze(
        self,
        path: Path,
        model: str,
        channels: Sequence[int] | None = None,
        progress: Callable[[float], None] = lambda _share: None,
    ) -> Timeline:
        """Analyse a call.

        Args:
            path: a WAV or FLAC file that the workers can open.
            model: the name of the bundle.
            channels: which are analysed; None: every one that may be.
            progress: is told the share that is done, 0 to 1, whenever it grows.

        Returns:
            The segments of each channel.

        Raises:
            AudioError: the call cannot be analysed; nothing is answered of it then.
            DeadlineExceeded: it took too long.
            WorkerLost: a worker died.
        """
        end = asyncio.get_running_loop().time() + self.limits.timeout
        file = str(path)
        header = await self.pool.do(InspectCall(file, self.limits.min_seconds, self.limits.max_seconds))
        chosen = choose_channels(header, channels, self.permitted)
        frames = await self._detect(file, header, chosen, end)
        segments = {channel: find_segments(found) for channel, found in zip(chosen, frames, strict=True)}
        around = {channel: with_context(spans, header.duration) for channel, spans in segments.items()}
        seconds = sum(span.seconds for spans in segments.values() for span in spans)
        done = 0.0

        async def recognize(part: tuple[int, Span]) -> Segment:
            nonlocal done
            channel, span = part
            start, stop = (round(edge * header.sampling_rate) for edge in around[channel][span])
            recognition = await self.pool.do(RecognizeSegment(file, start, stop, channel, model))
            done += span.seconds
            progress(done / seconds)
            return Segment(span.start_seconds, span.end_seconds, recognition.probabilities or {})

        parts = [(channel, span) for channel, spans in segments.items() for span in spans]
        recognized = iter(await self._spread(recognize, parts, end))
        return Timeline(
            header.duration,
            tuple(
                ChannelTimeline(channel, tuple(next(recognized) for _ in spans))
                for channel, spans in segments.items()
            ),
        )

    async def _detect(
        self, file: str, header: CallFormat, channels: Sequence[int], end: float
    ) -> list[Frames]:
        """Where there is speech: for each channel a truth value each 10 ms."""
        frames = [np.zeros(int(header.duration / FRAME) + 1, np.bool_) for _ in channels]
        rate = header.sampling_rate

        async def detect(number: int) -> None:
            first = number * STRETCH
            heard_from = max(first - RUN_IN, 0.0)
            start, stop = round(heard_from * rate), min(round((first + STRETCH) * rate), header.n_samples)
            found = await self.pool.do(DetectSpeech(file, start, stop, tuple(channels)))
            place, own = round(heard_from / FRAME), round(first / FRAME)
            for channel, spans in zip(frames, found.spans, strict=True):
                for run_start, run_end in spans:
                    channel[max(place + run_start, own) : place + run_end] = True

        n_stretches = -int(-header.duration // STRETCH)
        await self._spread(detect, range(n_stretches), end)
        return frames

    async def _spread(
        self, work: Callable[[Item], Awaitable[Result]], items: Iterable[Item], end: float
    ) -> list[Result]:
        """Do a piece of work for each item, on all workers.

        After an error nothing more is begun. What is under way is waited for: a task that is
        cancelled costs its worker.
        """
        results: dict[int, Result] = {}
        errors: list[SpeechEmotionError] = []
        left = iter(enumerate(items))
        loop = asyncio.get_running_loop()

        async def take_turns() -> None:
            for index, item in left:
                if errors:
                    return
                try:
                    if loop.time() > end:
                        raise DeadlineExceeded(
                            f"No answer within {self.limits.timeout:g} s. Try again, or send a part."
                        )
                    results[index] = await work(item)
                except SpeechEmotionError as error:
                    errors.append(error)

        await asyncio.gather(*(take_turns() for _ in range(self.pool.n_workers)))
        if errors:
            raise errors[0]
        return [results[index] for index in sorted(results)]


def choose_channels(
    header: CallFormat, wanted: Sequence[int] | None, permitted: AbstractSet[int] | None
) -> tuple[int, ...]:
    """The channels that are analysed, in order.

    Args:
        header: of the call.
        wanted: those that are asked for, all permitted; None: every one that may be.
        permitted: those that may be; None permits all.

    Raises:
        ChannelNotFound: the call has not one that is asked for, or none that may be analysed.
    """
    there = range(header.n_channels)
    if wanted is None:
        chosen = tuple(channel for channel in there if permitted is None or channel in permitted)
        if not chosen:
            raise ChannelNotFound(
                f"The recording has {header.n_channels} channels, counted from 0, and none of those that "
                f"may be analysed here: {', '.join(map(str, sorted(permitted or ())))}."
            )
        return chosen
    missing = [channel for channel in wanted if channel not in there]
    if missing:
        raise ChannelNotFound(
            f"The recording has no channel {missing[0]}: it has {header.n_channels}, and the first is 0."
        )
    return tuple(sorted(set(wanted)))


def with_context(spans: Sequence[Span], duration: float) -> dict[Span, tuple[float, float]]:
    """Segments with their surroundings, which reach half-way to the next segment at most.

    Args:
        spans: of a channel, in order.
        duration: of the call, in seconds.

    Returns:
        For each its start and end, in seconds.
    """
    edges = [-np.inf, *(edge for span in spans for edge in (span.start_seconds, span.end_seconds)), np.inf]
    middles = [(end + start) / 2 for end, start in zip(edges[::2], edges[1::2], strict=True)]
    return {
        span: (
            max(span.start_seconds - CONTEXT, before, 0.0),
            min(span.end_seconds + CONTEXT, after, duration),
        )
        for span, before, after in zip(spans, middles, middles[1:], strict=False)
    }
