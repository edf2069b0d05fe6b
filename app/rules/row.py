"""One row of a timeline, a channel or a speaker. It finds quickly where a condition on speech is met.

The edges of the segments are lists in order, so that a window is found by bisection. For each emotion and
probability that a rule names, the row keeps the segments that have it, with the sum of their durations.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from itertools import accumulate, compress
from operator import sub

from app.core.timeline import Segment
from app.rules.rule import Speech, frames, has_emotion

Span = tuple[int, int]
"""The first frame of a part of a call, and the first frame after it."""

WHOLE: Sequence[Span] = ((0, 2**62),)
"""The window of a condition that has none of its own."""


class Row:
    """The segments of a channel or speaker, in order of time. Segments may be added.

    Attributes:
        channel: the index of the channel.
        role: the role of the channel.
        speaker: the index of the speaker.
    """

    def __init__(
        self, channel: int, role: str | None, speaker: int | None, segments: Iterable[Segment] = ()
    ) -> None:
        """Create the row of some segments."""
        self.channel = channel
        self.role = role
        self.speaker = speaker
        self._segments = list(segments)
        self._starts = [frames(segment.start) for segment in self._segments]
        self._ends = [frames(segment.end) for segment in self._segments]
        self._emotions = [segment.emotion for segment in self._segments]
        self._totals: dict[tuple[str, ...], list[float]] = {}
        """The total probability of some emotions in each segment; 0 in a segment without an emotion."""
        self._selections: dict[tuple[tuple[str, ...], float | None], _Selection] = {}

    def add(self, segment: Segment) -> None:
        """Add the next segment."""
        span = frames(segment.start), frames(segment.end)
        self._segments.append(segment)
        self._starts.append(span[0])
        self._ends.append(span[1])
        self._emotions.append(segment.emotion)
        self._totals.clear()
        for (emotions, probability), selection in self._selections.items():
            if has_emotion(segment, emotions, probability):
                selection.add(span)

    def match(self, condition: Speech, windows: Sequence[Span]) -> Span | None:
        """Find the speech that meets a condition.

        Args:
            condition: the condition. It selects this row.
            windows: the windows of the condition, in order and without overlap; empty for the whole call.

        Returns:
            The first frame that counts, and the frame at which the condition is met; None if it is not met.
        """
        selection = self._select(condition.emotions, condition.probability)
        return selection.match(condition.count, condition.duration, windows or WHOLE)

    def _select(self, emotions: tuple[str, ...], probability: float | None) -> "_Selection":
        """Return the segments with an emotion."""
        key = emotions, probability
        if key not in self._selections:
            if probability is None:
                chosen = [not emotions or own in emotions for own in self._emotions]
            else:
                chosen = [total >= probability for total in self._total(emotions)]
            self._selections[key] = _Selection(
                list(compress(self._starts, chosen)), list(compress(self._ends, chosen))
            )
        return self._selections[key]

    def _total(self, emotions: tuple[str, ...]) -> list[float]:
        """Return the total probability of emotions in each segment."""
        if emotions not in self._totals:
            self._totals[emotions] = [
                0.0 if own is None else sum(segment.probabilities.get(one, 0.0) for one in emotions)
                for own, segment in zip(self._emotions, self._segments, strict=True)
            ]
        return self._totals[emotions]


class _Selection:
    """Some segments of a row."""

    def __init__(self, starts: list[int], ends: list[int]) -> None:
        self._starts = starts
        self._ends = ends
        self._sums = [0, *accumulate(map(sub, ends, starts))]
        """The duration of the first n segments together, for each n."""

    def add(self, span: Span) -> None:
        """Add the next segment."""
        start, end = span
        self._starts.append(start)
        self._ends.append(end)
        self._sums.append(self._sums[-1] + end - start)

    def match(self, count: int, duration: int, windows: Sequence[Span]) -> Span | None:
        """Find the time at which the windows contain enough segments and frames.

        Args:
            count: the number of segments.
            duration: the number of frames of the segments together.
            windows: the windows, in order and without overlap.
        """
        begin, counted = None, -1
        for start, end in windows:
            first, stop = bisect_right(self._ends, start), bisect_left(self._starts, end)
            if first >= stop:
                continue
            begin = max(self._starts[first], start) if begin is None else begin
            # The part of the first segment before the window, and of the last segment after it, do not count.
            base = self._sums[first] + max(start - self._starts[first], 0)
            after = max(self._ends[stop - 1] - end, 0)
            again = first == counted  # a segment that extends into two windows counts once
            last = max(first, first + again + count - 1)  # the segment that completes the match
            last = max(last, bisect_left(self._sums, base + duration, first + 1) - 1)
            if last < stop - 1 or (last == stop - 1 and self._sums[stop] - after - base >= duration):
                return begin, min(self._ends[last], end)
            count -= stop - first - again
            duration -= self._sums[stop] - after - base
            counted = stop - 1
        return None
