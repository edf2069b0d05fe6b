"""The rules of a stream, which match while the call lasts."""

from collections.abc import Iterator, Sequence

from app.core.timeline import ChannelTimeline, Segment, Timeline
from app.rules.evaluation import evaluate
from app.rules.rule import Alert, AllOf, AnyOf, Condition, Not, Rule, Speech, may_hold_early

Row = tuple[int, str | None, int | None]


class RuleWatch:
    """A watch for the alerts of one stream. Each rule alerts at most once.

    A rule alerts as soon as more speech cannot take it back. The other rules wait for the complete timeline,
    which the watch does not see.

    Attributes:
        alerted: the names of the rules that have alerted.

    Example:
        >>> watch = RuleWatch([Rule("anger", "warning", None, Speech(("anger",)))])
        >>> [alert.rule for alert in watch.add(0, Segment(0.0, 2.5, {"anger": 0.9, "neutral": 0.1}))]
        ['anger']
        >>> watch.add(0, Segment(3.0, 5.0, {"anger": 0.9, "neutral": 0.1}))
        ()
    """

    def __init__(self, rules: Sequence[Rule]) -> None:
        """Start before the first segment."""
        self._waiting = [(rule, tuple(_decidable(rule.when))) for rule in rules if rule.is_live]
        """The rules that may match before the end, and their conditions on speech."""
        self._segments: dict[Row, list[Segment]] = {}
        self.alerted: set[str] = set()

    def add(
        self, channel: int, segment: Segment, *, role: str | None = None, speaker: int | None = None
    ) -> tuple[Alert, ...]:
        """Add a segment, and return the alerts of the rules that match now.

        Args:
            channel: the index of the channel.
            segment: the segment.
            role: the role of the channel.
            speaker: the index of the speaker.
        """
        if not self._waiting:
            return ()
        row = channel, role, speaker
        self._segments.setdefault(row, []).append(segment)
        touched = [
            rule
            for rule, conditions in self._waiting
            if any(one.selects(*row) and one.counts(segment) for one in conditions)
        ]
        return self._report(evaluate(touched, self._so_far(), complete=False)) if touched else ()

    def _report(self, alerts: Sequence[Alert]) -> tuple[Alert, ...]:
        """Return the alerts of rules that have not alerted, and no longer wait for these rules."""
        new = tuple(alert for alert in alerts if alert.rule not in self.alerted)
        if new:
            self.alerted |= {alert.rule for alert in new}
            self._waiting = [item for item in self._waiting if item[0].name not in self.alerted]
        return new

    def _so_far(self) -> Timeline:
        """Return the timeline so far."""
        rows = sorted(self._segments.items(), key=lambda item: item[0][0])
        end = max(segments[-1].end for _, segments in rows)
        return Timeline(
            end,
            tuple(
                ChannelTimeline(channel, tuple(segments), role, speaker)
                for (channel, role, speaker), segments in rows
            ),
        )


def _decidable(condition: Condition) -> Iterator[Speech]:
    """Yield the conditions on speech that may hold before the end."""
    match condition:
        case Speech():
            if may_hold_early(condition):
                yield condition
        case AllOf() | AnyOf():
            for part in condition.parts:
                yield from _decidable(part)
        case Not():
            return
