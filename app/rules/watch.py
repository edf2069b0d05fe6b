"""The rules of a stream, which match while the call lasts."""

from collections.abc import Iterator, Sequence

from app.core.timeline import Segment
from app.rules.evaluation import Call
from app.rules.row import Row
from app.rules.rule import Alert, AllOf, AnyOf, Condition, Not, Rule, Speech, frames, may_hold_early


class RuleWatch:
    """A watch for the alerts of one stream. Each rule alerts at most once.

    A rule alerts as soon as it matches, if no further speech can undo the match. The other rules need the
    complete timeline, which the watch does not see.

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
        self._waiting = [(rule, tuple(_early_conditions(rule.when))) for rule in rules if rule.is_live]
        """The rules that may match before the end, and their conditions on speech."""
        self._call = Call([], 0, complete=False)
        self._rows: dict[tuple[int, int | None], Row] = {}
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
        row = self._row(channel, role, speaker)
        row.add(segment)
        self._call.duration = max(self._call.duration, frames(segment.end))
        affected = [
            rule
            for rule, conditions in self._waiting
            if any(one.selects(channel, role, speaker) and one.counts(segment) for one in conditions)
        ]
        alerts = self._call.alerts(affected)
        if alerts:
            self.alerted |= {alert.rule for alert in alerts}
            self._waiting = [item for item in self._waiting if item[0].name not in self.alerted]
        return alerts

    def _row(self, channel: int, role: str | None, speaker: int | None) -> Row:
        """Return the row of a channel or speaker."""
        if (channel, speaker) not in self._rows:
            self._rows[channel, speaker] = Row(channel, role, speaker)
            self._call.rows = sorted(self._rows.values(), key=lambda row: row.channel)
        return self._rows[channel, speaker]


def _early_conditions(condition: Condition) -> Iterator[Speech]:
    """Yield the conditions on speech that may hold before the end."""
    match condition:
        case Speech():
            if may_hold_early(condition):
                yield condition
        case AllOf() | AnyOf():
            for part in condition.parts:
                yield from _early_conditions(part)
        case Not():
            return
