"""Segmentation of a channel into speech between pauses, similar to the utterances of the training corpora.

A pause ends a segment. A shorter silence, for example before a plosive or during a breath, does not. A
segment that would be too long is cut at its longest silence.
"""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

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
"""Seconds of context that the recognizer receives on each side of a segment. `docs/experiments.md`, "Finding
speech in calls", compares this value with 0.1 and 0.6."""

SHORTEST_PART = 1.0
"""Minimum duration, in seconds, of each part when a segment is cut. Not tuned."""

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


def runs(frames: Frames) -> list[Span]:
    """Find the runs of consecutive true frames.

    Args:
        frames: the frames, bool, shape (n_frames,).
    """
    edges = np.flatnonzero(np.diff(frames, prepend=False, append=False)).reshape(-1, 2)
    return [Span(start, end) for start, end in edges.tolist()]


def find_segments(frames: Frames) -> list[Span]:
    """Find the segments of a channel.

    Args:
        frames: whether each frame contains speech, bool, shape (n_frames,).

    Returns:
        The segments, in order. Each segment lasts at most `LONGEST` seconds.
    """
    pause, shortest = _frames(PAUSE), _frames(SHORTEST)
    joined: list[list[Span]] = []
    for run in runs(frames):
        if joined and run.start - joined[-1][-1].end < pause:
            joined[-1].append(run)
        else:
            joined.append([run])
    return [segment for spoken in joined if sum(map(len, spoken)) >= shortest for segment in _cut(spoken)]


def with_context(spans: Sequence[Span], duration: float) -> dict[Span, tuple[float, float]]:
    """Add context to segments, at most half-way to the neighboring segment.

    Args:
        spans: the segments of a channel, in order.
        duration: the duration of the call, in seconds.

    Returns:
        The start and the end of each segment with its context, in seconds.
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


def _cut(spoken: list[Span]) -> list[Span]:
    """Cut a segment at its longest silence if it is too long, and cut its parts in the same way."""
    whole = Span(spoken[0].start, spoken[-1].end)
    if len(whole) <= _frames(LONGEST):
        return [whole]
    part = _frames(SHORTEST_PART)
    places = [
        place
        for place in range(1, len(spoken))
        if spoken[place - 1].end - whole.start >= part and whole.end - spoken[place].start >= part
    ]
    if not places:
        return _halve(whole)
    place = max(places, key=lambda place: spoken[place].start - spoken[place - 1].end)
    return _cut(spoken[:place]) + _cut(spoken[place:])


def _halve(whole: Span) -> list[Span]:
    """Cut speech without a silence into the smallest number of equal parts that are short enough."""
    n_parts = -(-len(whole) // _frames(LONGEST))
    edges = [whole.start + len(whole) * part // n_parts for part in range(n_parts + 1)]
    return [Span(start, end) for start, end in itertools.pairwise(edges)]


def _frames(seconds: float) -> int:
    """Convert seconds to frames."""
    return round(seconds / FRAME)
