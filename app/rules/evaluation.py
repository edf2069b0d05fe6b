"""The evaluation of rules on a call: the same code for recordings and streams."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import reduce

from app.core.timeline import Timeline
from app.rules.row import Row, Span
from app.rules.rule import Alert, AllOf, AnyOf, Condition, Not, Rule, Speech, frames, join


def evaluate(rules: Sequence[Rule], timeline: Timeline) -> tuple[Alert, ...]:
    """Evaluate rules on the timeline of a complete call.

    Returns:
        One alert for each rule that matches, in the order of their ends.
    """
    if not rules:
        return ()
    rows = [Row(one.channel, one.role, one.speaker, one.segments) for one in timeline.channels]
    return Call(rows, frames(timeline.duration), complete=True).alerts(rules)


@dataclass(frozen=True, slots=True)
class Match:
    """The reason why a condition holds.

    Attributes:
        span: the first frame of the segments that count, and the frame at which the condition is met;
            None if the absence of speech is the reason.
        row: the row of the timeline that has the segments; None if several rows have them, or none.
    """

    span: Span | None
    row: Row | None


@dataclass(slots=True)
class Call:
    """A call, or a call so far.

    Attributes:
        rows: the channels and speakers, in order.
        duration: the duration, in frames.
        complete: whether the call has ended. Before, a condition holds only if further speech cannot
            undo it.
    """

    rows: list[Row]
    duration: int
    complete: bool

    def alerts(self, rules: Iterable[Rule]) -> tuple[Alert, ...]:
        """Return one alert for each rule that matches, in the order of their ends."""
        alerts = [self._alert(rule, match) for rule in rules if (match := self.match(rule.when)) is not None]
        return tuple(sorted(alerts, key=lambda alert: alert.end))

    def match(self, condition: Condition) -> Match | None:
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
                return _earliest([self.match(part) for part in condition.parts])
            case Not():
                holds = self.complete and self.match(condition.part) is None
                return Match(None, None) if holds else None

    def _match_speech(self, condition: Speech) -> Match | None:
        """Match a condition on each row that it selects; the row in which it holds first is the reason."""
        if condition.is_relative and not self.complete:
            return None
        windows = join(window.resolve(self.duration) for window in condition.windows)
        matches = []
        for row in self.rows:
            if condition.selects(row.channel, row.role, row.speaker):
                span = row.match(condition, windows)
                matches.append(None if span is None else Match(span, row))
        return _earliest(matches)

    def _alert(self, rule: Rule, match: Match) -> Alert:
        """Return the alert of a match. The absence of speech lasts for the whole call."""
        start, end = match.span or (0, self.duration)
        row = match.row
        return Alert(
            rule.name,
            rule.severity,
            rule.description,
            start / 100,
            end / 100,
            row.channel if row else None,
            row.role if row else None,
            row.speaker if row else None,
        )


def _both(one: Match, other: Match) -> Match:
    """Return the reason of two matches together."""
    if one.span is None or other.span is None:
        return other if one.span is None else one
    span = min(one.span[0], other.span[0]), max(one.span[1], other.span[1])
    return Match(span, one.row if one.row is other.row else None)


def _earliest(matches: Iterable[Match | None]) -> Match | None:
    """Return the match that holds first; the absence of speech holds last."""
    best = None
    for match in matches:
        if match is not None and (
            best is None or best.span is None or (match.span is not None and match.span[1] < best.span[1])
        ):
            best = match
    return best
