"""From frames that hold speech to segments: stretches of speech as one utters them.

A pause ends a segment; a silence shorter than that, as before a plosive or for a breath, does not.
What would be too long is cut at its longest silence.
"""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

FRAME = 0.01
"""Seconds for which a detector says whether there is speech."""

PAUSE = 0.4  # seconds of silence that end a segment
SHORTEST = 0.2  # seconds; less is a click or a breath
LONGEST = 8.0  # seconds
CONTEXT = 0.3
"""Seconds around a segment that the recogniser hears with it, as recordings of utterances have."""

SHORTEST_PART = 1.0  # seconds; of a segment that is cut, no part is shorter

Frames = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of a recording.

    Attributes:
        start: in frames of 10 ms from the recording's start.
        end: the first frame after it.
    """

    start: int
    end: int

    def __len__(self) -> int:
        """The number of frames."""
        return self.end - self.start

    @property
    def start_seconds(self) -> float:
        """Where it starts, in seconds."""
        return round(self.start * FRAME, 2)

    @property
    def end_seconds(self) -> float:
        """Where it ends, in seconds."""
        return round(self.end * FRAME, 2)

    @property
    def seconds(self) -> float:
        """How long it is."""
        return round(len(self) * FRAME, 2)


def runs(frames: Frames) -> list[Span]:
    """The stretches of true frames.

    Args:
        frames: shape (n_frames,).
    """
    edges = np.flatnonzero(np.diff(frames, prepend=False, append=False)).reshape(-1, 2)
    return [Span(start, end) for start, end in edges.tolist()]


def find_segments(frames: Frames) -> list[Span]:
    """Find the segments of a channel.

    Args:
        frames: whether there is speech, shape (n_frames,).

    Returns:
        Segments of at most `LONGEST` seconds, in order, none touching speech that is not in it.
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


def _cut(spoken: list[Span]) -> list[Span]:
    """Cut what is too long at its longest silence, and the parts likewise."""
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
    """Cut speech without a silence into as few equal parts as will do."""
    n_parts = -(-len(whole) // _frames(LONGEST))
    edges = [whole.start + len(whole) * part // n_parts for part in range(n_parts + 1)]
    return [Span(start, end) for start, end in itertools.pairwise(edges)]


def _frames(seconds: float) -> int:
    """Seconds as frames."""
    return round(seconds / FRAME)
