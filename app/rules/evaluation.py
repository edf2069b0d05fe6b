"""The evaluation of rules on the timeline of a call: one function for recordings and streams."""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import reduce

import numpy as np
from numpy.typing import NDArray

from app.core.timeline import ChannelTimeline, Timeline
from app.rules.rule import Alert, AllOf, AnyOf, Condition, Not, Rule, Speech, frames, join

Indices = NDArray[np.intp]


def evaluate(rules: Sequence[Rule], timeline: Timeline, *, complete: bool = True) -> tuple[Alert, ...]:
    """Evaluate rules on a timeline.

    Args:
        rules: the rules.
        timeline: the timeline, of the whole call or so far.
        complete: whether the call has ended. If not, only conditions hold that more speech cannot take back.

    Returns:
        One alert for each rule that matches, in the order of their ends.
    """
    if not rules:
        return ()
    call = _Call(tuple(map(_Row, timeline.channels)), frames(timeline.duration), complete)
    alerts = (_alert(rule, match, call) for rule in rules if (match := call.match(rule.when)) is not None)
    return tuple(sorted(alerts, key=lambda alert: alert.end))


@dataclass(frozen=True, slots=True)
class _Match:
    """The reason why a condition holds.

    Attributes:
        span: the first frame of the segments that count, and the frame from which on the condition holds;
            None if the absence of speech is the reason.
        row: the row of the timeline that has the segments; None for none, or several rows.
    """

    span: tuple[int, int] | None
    row: "_Row | None"


@dataclass(eq=False, slots=True)
class _Row:
    """The segments of a channel or speaker as arrays. Arrays are built when a rule needs them."""

    timeline: ChannelTimeline
    starts: list[int] = field(init=False)
    ends: list[int] = field(init=False)
    emotions: list[str | None] = field(init=False)
    _edges: NDArray[np.int64] = field(init=False)
    _leading: dict[tuple[str, ...], Indices] = field(init=False, default_factory=dict)
    _probabilities: dict[tuple[str, ...], NDArray[np.float64]] = field(init=False, default_factory=dict)

    def __post_init__(self) -> None:
        self.starts = [frames(segment.start) for segment in self.timeline.segments]
        self.ends = [frames(segment.end) for segment in self.timeline.segments]
        self.emotions = [segment.emotion for segment in self.timeline.segments]
        self._edges = np.array([self.starts, self.ends], np.int64)

    def leading(self, emotions: tuple[str, ...]) -> Indices:
        """Return the segments in which one of the emotions leads; all segments for no emotions."""
        if emotions not in self._leading:
            self._leading[emotions] = np.array(
                [place for place, own in enumerate(self.emotions) if not emotions or own in emotions], np.intp
            )
        return self._leading[emotions]

    def probabilities(self, emotions: tuple[str, ...]) -> NDArray[np.float64]:
        """Return the total probability of emotions in each segment; 0 in a segment without an emotion."""
        if emotions not in self._probabilities:
            self._probabilities[emotions] = np.array(
                [
                    0.0 if emotion is None else sum(segment.probabilities.get(one, 0.0) for one in emotions)
                    for emotion, segment in zip(self.emotions, self.timeline.segments, strict=True)
                ]
            )
        return self._probabilities[emotions]

    def match(self, condition: Speech, windows: Sequence[tuple[int, int]]) -> _Match | None:
        """Match a condition on the segments in some windows, which are in order and do not overlap."""
        found, edges = self._find(condition, windows)
        if len(found) < condition.count:
            return None
        place = condition.count - 1
        if len(windows) > 1:  # a segment may extend into two windows, and counts once
            place = int(np.searchsorted(np.cumsum(np.diff(found, prepend=-1) > 0), condition.count))
        if condition.duration:
            reached = np.searchsorted(np.cumsum(edges[1] - edges[0]), condition.duration)
            place = max(place, int(reached))
        if place >= len(found):
            return None
        return _Match((int(edges[0, 0]), int(edges[1, place])), self)

    def _find(
        self, condition: Speech, windows: Sequence[tuple[int, int]]
    ) -> tuple[Indices, NDArray[np.int64]]:
        """Return the segments that count, and the edges of their parts in the windows, shape (2, n)."""
        if not windows:
            found = self._counting(condition, 0, len(self.starts))
            return found, self._edges[:, found]
        places, parts = [], []
        for start, end in windows:
            found = self._counting(condition, bisect_right(self.ends, start), bisect_left(self.starts, end))
            places.append(found)
            parts.append(self._edges[:, found].clip(start, end))
        return (places[0], parts[0]) if len(places) == 1 else (np.concatenate(places), np.hstack(parts))

    def _counting(self, condition: Speech, first: int, stop: int) -> Indices:
        """Return the segments from `first` to `stop` that have the emotion of a condition."""
        if condition.probability is not None:
            values = self.probabilities(condition.emotions)[first:stop]
            return np.flatnonzero(values >= condition.probability) + first
        found = self.leading(condition.emotions)
        if first == 0 and stop == len(self.starts):
            return found
        return found[found.searchsorted(first) : found.searchsorted(stop)]


@dataclass(frozen=True, slots=True)
class _Call:
    """A call, in which conditions are matched.

    Attributes:
        rows: the channels and speakers.
        duration: the duration, in frames.
        complete: whether the call has ended.
    """

    rows: tuple[_Row, ...]
    duration: int
    complete: bool

    def match(self, condition: Condition) -> _Match | None:
        """Return why a condition holds; None if it does not hold, or is not certain yet."""
        match condition:
            case Speech():
                return self._match_speech(condition)
            case AllOf():
                matches = []
                for part in condition.parts:
                    found = self.match(part)
                    if found is None:
                        return None
                    matches.append(found)
                return reduce(_both, matches)
            case AnyOf():
                return _earliest(self.match(part) for part in condition.parts)
            case Not():
                holds = self.complete and self.match(condition.part) is None
                return _Match(None, None) if holds else None

    def _match_speech(self, condition: Speech) -> _Match | None:
        """Match a condition on each row that it selects; the row in which it holds first is the reason."""
        if condition.is_relative and not self.complete:
            return None
        windows = join(window.resolve(self.duration) for window in condition.windows)
        selected = (
            row
            for row in self.rows
            if condition.selects(row.timeline.channel, row.timeline.role, row.timeline.speaker)
        )
        return _earliest(row.match(condition, windows) for row in selected)


def _both(one: _Match, other: _Match) -> _Match:
    """Return the reason of two matches together."""
    if one.span is None or other.span is None:
        return other if one.span is None else one
    span = min(one.span[0], other.span[0]), max(one.span[1], other.span[1])
    return _Match(span, one.row if one.row is other.row else None)


def _earliest(matches: Iterable[_Match | None]) -> _Match | None:
    """Return the match that holds first; the absence of speech holds last."""
    found = [match for match in matches if match is not None]
    return min(found, key=lambda match: (match.span is None, match.span and match.span[1]), default=None)


def _alert(rule: Rule, match: _Match, call: _Call) -> Alert:
    """Return the alert of a match. If the absence of speech is its reason, it lasts for the whole call."""
    start, end = match.span or (0, call.duration)
    row = match.row.timeline if match.row is not None else None
    return Alert(
        rule.name,
        rule.severity,
        rule.description,
        round(start / 100, 2),
        round(end / 100, 2),
        row.channel if row else None,
        row.role if row else None,
        row.speaker if row else None,
    )
