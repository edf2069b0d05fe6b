"""Segmentation of a channel into speech between pauses, similar to the utterances of the training corpora.

A pause ends a segment. A shorter silence, for example before a plosive or during a breath, does not. A
segment that becomes too long is cut at its longest silence so far.

The segmentation is causal: a segment depends only on the frames up to the moment at which it is complete. So
a live stream has the same segments as its recording, and each segment is known as early as possible.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

FRAME = 0.01
"""Duration of a frame in seconds. The detector decides for each frame whether it contains speech."""

PAUSE = 0.4
"""Seconds of silence that end a segment: twice the 0.2 s from which listeners perceive a pause (Heldner &
Edlund 2010, doi 10.1016/j.wocn.2010.08.002). Not tuned."""

SHORTEST = 0.2
"""Minimum seconds of speech in a segment. Shorter sounds are clicks or breaths. Not tuned."""

LONGEST = 8.0
"""Maximum duration of a segment in seconds. All but one of the 6,059 utterances of the five corpora
are shorter."""

CONTEXT = 0.3
"""Maximum seconds of context that the recognizer receives on each side of a segment. `docs/experiments.md`,
"Finding speech in calls", compares this value with 0.1 and 0.6."""

SHORTEST_PART = 1.0
"""Minimum duration, in seconds, of the first part when a segment is cut. Not tuned."""

Frames = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Span:
    """A span of a recording, in frames of 10 ms from the start of the recording.

    Attributes:
        start: the first frame of the span.
        end: the first frame after the span.
    """

    start: int
    end: int

    def __len__(self) -> int:
        """The number of frames."""
        return self.end - self.start

    @property
    def start_seconds(self) -> float:
        """The start, in seconds."""
        return round(self.start * FRAME, 2)

    @property
    def end_seconds(self) -> float:
        """The end, in seconds."""
        return round(self.end * FRAME, 2)

    @property
    def seconds(self) -> float:
        """The duration, in seconds."""
        return round(len(self) * FRAME, 2)


def count_frames(n_samples: int, sampling_rate: int) -> int:
    """Return the number of complete frames of a signal."""
    return n_samples * round(1 / FRAME) // sampling_rate


def runs(frames: Frames) -> list[Span]:
    """Find the runs of consecutive true frames.

    Args:
        frames: the frames, bool, shape (n_frames,).
    """
    if not frames.any():
        return []
    padded = np.zeros(len(frames) + 2, np.bool_)
    padded[1:-1] = frames
    edges = np.flatnonzero(padded[1:] != padded[:-1]).reshape(-1, 2)
    return [Span(start, end) for start, end in edges.tolist()]


@dataclass(frozen=True, slots=True)
class SpeechSegment:
    """A segment of speech and the frames around it that the recognizer receives.

    Attributes:
        span: the segment.
        context: the segment with its context, at most half-way to the neighboring segments.
        spoken: the runs of speech in the segment.
    """

    span: Span
    context: Span
    spoken: tuple[Span, ...]


class Segmenter:
    """A segmenter of one channel, which receives the frames in order.

    The segments do not depend on how the frames are divided into calls of `push`.

    Example:
        >>> segmenter = Segmenter()
        >>> segmenter.push(np.ones(100, np.bool_))
        []
        >>> [segment.span for segment in segmenter.push(np.zeros(40, np.bool_))]
        [Span(start=0, end=100)]
    """

    def __init__(self) -> None:
        """Start at the first frame of the channel."""
        self._n_frames = 0
        self._spoken: list[Span] = []
        """The runs of speech since the last complete segment."""
        self._last_end = -_frames(2 * CONTEXT)
        """The end of the last complete segment."""

    @property
    def open_since(self) -> int | None:
        """The first frame of the incomplete segment; None until it is certain to be complete later.

        A segment needs enough speech, also in the shortest part that may be cut from it.
        """
        n_frames = 0
        for run in self._spoken:
            n_frames += len(run)
            if n_frames >= _frames(SHORTEST):
                return self._spoken[0].start
            if run.end - self._spoken[0].start >= _frames(SHORTEST_PART):
                break
        return None

    @property
    def earliest_start(self) -> int:
        """The earliest frame at which the next complete segment may start."""
        return self._spoken[0].start if self._spoken else self._n_frames

    def push(self, frames: Frames) -> list[SpeechSegment]:
        """Add frames.

        Args:
            frames: whether each of the next frames contains speech, bool, shape (n,).

        Returns:
            The segments that are complete now, in order.
        """
        complete: list[SpeechSegment] = []
        for run in runs(frames):
            begin, end = self._n_frames + run.start, self._n_frames + run.end
            complete += self._close(before=begin)
            if self._spoken and self._spoken[-1].end == begin:
                begin = self._spoken.pop().start
            self._spoken.append(Span(begin, end))
            complete += self._cut()
        self._n_frames += len(frames)
        return complete + self._close(before=self._n_frames)

    def finish(self) -> list[SpeechSegment]:
        """Return the segment that the end of the channel completes, if there is one."""
        spoken, self._spoken = self._spoken, []
        found = self._complete(spoken, spoken[-1].end + _frames(PAUSE)) if spoken else []
        return [
            replace(one, context=Span(one.context.start, min(one.context.end, self._n_frames)))
            for one in found
        ]

    def _close(self, before: int) -> list[SpeechSegment]:
        """Complete the segment if a pause follows it before a frame."""
        pause = _frames(PAUSE)
        if not self._spoken or before - self._spoken[-1].end < pause:
            return []
        spoken, self._spoken = self._spoken, []
        return self._complete(spoken, spoken[-1].end + pause)

    def _cut(self) -> list[SpeechSegment]:
        """Cut the segment until the rest is not too long."""
        complete: list[SpeechSegment] = []
        while self._spoken and self._spoken[-1].end - self._spoken[0].start > _frames(LONGEST):
            complete += self._complete(*self._cut_first())
        return complete

    def _cut_first(self) -> tuple[list[Span], int]:
        """Cut the segment once: return the runs of the first part and the first frame of the rest.

        The cut is the longest silence, or the greatest duration if there is no silence.
        """
        start = self._spoken[0].start
        places = [
            place
            for place in range(1, len(self._spoken))
            if self._spoken[place - 1].end - start >= _frames(SHORTEST_PART)
        ]
        if places:
            place = max(places, key=lambda place: self._spoken[place].start - self._spoken[place - 1].end)
            first, self._spoken = self._spoken[:place], self._spoken[place:]
            return first, self._spoken[0].start
        limit, last = start + _frames(LONGEST), self._spoken.pop()
        first, self._spoken = [*self._spoken, Span(last.start, limit)], [Span(limit, last.end)]
        return first, limit

    def _complete(self, spoken: list[Span], next_start: int) -> list[SpeechSegment]:
        """Return the segment of some runs, given the first frame at which the next segment may begin.

        Speech that is too short is no segment.
        """
        if sum(map(len, spoken)) < _frames(SHORTEST):
            return []
        span = Span(spoken[0].start, spoken[-1].end)
        before = max(span.start - _frames(CONTEXT), (self._last_end + span.start) // 2, 0)
        after = min(span.end + _frames(CONTEXT), (span.end + next_start) // 2)
        self._last_end = span.end
        return [SpeechSegment(span, Span(before, after), tuple(spoken))]


def cut_segment(segment: SpeechSegment, spans: Sequence[Span]) -> list[SpeechSegment]:
    """Cut a segment into parts.

    Args:
        segment: the segment.
        spans: the span of each part, in order, at least one.

    Returns:
        The parts. The context of a part extends at most half-way to the neighboring parts.
    """
    starts = [segment.context.start, *((a.end + b.start) // 2 for a, b in pairwise(spans))]
    ends = [*starts[1:], segment.context.end]
    return [
        SpeechSegment(
            span,
            Span(max(start, span.start - _frames(CONTEXT)), min(end, span.end + _frames(CONTEXT))),
            tuple(run for run in segment.spoken if span.start <= run.start and run.end <= span.end),
        )
        for span, start, end in zip(spans, starts, ends, strict=True)
    ]


def find_segments(frames: Frames) -> list[SpeechSegment]:
    """Find the segments of a channel.

    Args:
        frames: whether each frame contains speech, bool, shape (n_frames,).

    Returns:
        The segments, in order. Each segment lasts at most `LONGEST` seconds.
    """
    segmenter = Segmenter()
    return segmenter.push(frames) + segmenter.finish()


def _frames(seconds: float) -> int:
    """Convert seconds to frames."""
    return round(seconds / FRAME)
