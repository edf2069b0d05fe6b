"""The figures of a report: groups of calls, rules, and the calls with most of an emotion."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from app.core.manifest import UNDECIDED
from app.reports.archive import Archive


@dataclass(frozen=True, slots=True)
class Group:
    """The calls of a day, with a value of a key, or with an alert of a rule.

    Attributes:
        value: the day, the value of the key, or the name of the rule; None for the calls without a value.
        calls: the number of calls.
        failed: the number of calls that could not be analyzed.
        segments: the number of segments.
        speech: the duration of their speech, in seconds.
        alerted: the number of calls with an alert.
        seconds: the speech of each label, in seconds, and of `UNDECIDED`.
    """

    value: str | None
    calls: int
    failed: int
    segments: int
    speech: float
    alerted: int
    seconds: Mapping[str, float]

    def share(self, emotion: str) -> float | None:
        """Return the share of the speech in which an emotion leads; None without speech.

        Example:
            >>> Group("a-1", 1, 0, 2, 8.0, 0, {"anger": 2.0, "neutral": 6.0}).share("anger")
            0.25
        """
        return self.seconds[emotion] / self.speech if self.speech > 0 else None


@dataclass(frozen=True, slots=True)
class Call:
    """A call in a list of calls that need attention.

    Attributes:
        file: the file.
        speech: the duration of the speech, in seconds.
        share: the share of the speech with the emotion of the report; None without speech.
        alerts: the number of alerts: of all rules, or of the rule of the list.
        values: the day and the values of the keys of the report.
    """

    file: str
    speech: float
    share: float | None
    alerts: int
    values: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class RuleMatches:
    """The calls that match a rule, and those with the most alerts."""

    group: Group
    top: Sequence[Call]


@dataclass(frozen=True, slots=True)
class Selection:
    """The subject of a report.

    Attributes:
        by: the keys by which calls are grouped.
        date: the key with the date of a call; None if the report has no dates.
        emotion: the emotion by which groups and calls are ordered.
        top: the number of calls in each list.
        least_speech: the seconds of speech that a call needs for the list of the emotion.
        roles: the roles that count; empty if all count.
    """

    by: Sequence[str]
    date: str | None
    emotion: str
    top: int
    least_speech: float
    roles: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Report:
    """The figures of an archive.

    Attributes:
        selection: the subject.
        labels: the labels of the model.
        channels: the channels that count.
        total: all calls.
        days: the calls of each day, in order; the calls without a date are last. Empty if the report has no
            dates.
        groups: for each key, its groups. The group with the largest share of the emotion is first.
        rules: the rules that match, by the number of calls.
        top: the calls with the largest share of the emotion.
    """

    selection: Selection
    labels: tuple[str, ...]
    channels: tuple[int, ...]
    total: Group
    days: Sequence[Group]
    groups: Mapping[str, Sequence[Group]]
    rules: Sequence[RuleMatches]
    top: Sequence[Call]


def aggregate(archive: Archive, selection: Selection, metadata: Mapping[str, Mapping[str, str]]) -> Report:
    """Compute the figures of an archive.

    Args:
        archive: the archive.
        selection: the subject of the report.
        metadata: further metadata by the name of the file or its last part.

    Raises:
        ValueError: no value of the key `date` is a date.
    """
    keys = [*selection.by, *([selection.date] if selection.date else [])]
    archive.join(keys, metadata)
    queries = _Queries(archive, selection)
    total = queries.groups("NULL::VARCHAR")
    days = queries.days()
    if total and days and all(day.value is None for day in days):
        raise ValueError(
            f"--date {selection.date}: no call has a date there. A date begins like 2026-03-31; "
            "choose another key."
        )
    return Report(
        selection,
        archive.labels,
        archive.channels,
        total[0] if total else Group(None, 0, 0, 0, 0.0, 0, dict.fromkeys((*archive.labels, UNDECIDED), 0.0)),
        days,
        {key: queries.ordered(queries.groups(f"k{n}")) for n, key in enumerate(selection.by)},
        queries.rules(),
        queries.top(),
    )


class _Queries:
    """The queries on the table of calls."""

    def __init__(self, archive: Archive, selection: Selection) -> None:
        self._archive = archive
        self._selection = selection
        self._seconds = [*(f"s{n}" for n in range(len(archive.labels))), UNDECIDED]
        emotion = archive.labels.index(selection.emotion)
        self._share = f"s{emotion} / nullif(speech, 0)"
        self._names = [*selection.by, *(["date"] if selection.date else [])]
        self._values = [f"k{n}" for n in range(len(selection.by))]
        """The expressions of `Call.values`. NULL follows them in a query, because the list may be empty."""
        # The day as the metadata has it, without a conversion between time zones.
        date = f"left(k{len(selection.by)}, 10)"
        self._day = (
            f"CASE WHEN regexp_matches({date}, '^[0-9]{{4}}-[0-9]{{2}}-[0-9]{{2}}$') "
            f"THEN CAST(try_cast({date} AS DATE) AS VARCHAR) END"
        )
        if selection.date:
            self._values.append(self._day)

    def groups(self, value: str, source: str = "calls") -> list[Group]:
        """Group calls by an expression, in the order of its values."""
        sums = ", ".join(f"sum({one})" for one in self._seconds)
        rows = self._rows(
            f"SELECT {value} AS value, count(*), count(error), sum(segments), sum(speech), "  # noqa: S608
            f"count(*) FILTER (len(alerts) > 0), {sums} FROM {source} "
            "GROUP BY value ORDER BY value NULLS LAST"
        )
        labels = (*self._archive.labels, UNDECIDED)
        return [
            Group(
                row[0], row[1], row[2], int(row[3]), row[4], row[5], dict(zip(labels, row[6:], strict=True))
            )
            for row in rows
        ]

    def days(self) -> list[Group]:
        """Group calls by day."""
        return self.groups(self._day) if self._selection.date else []

    def ordered(self, groups: Iterable[Group]) -> list[Group]:
        """Order groups by their share of the emotion. The calls without a value are last."""
        emotion = self._selection.emotion
        return sorted(groups, key=lambda one: (one.value is None, -(one.share(emotion) or 0), one.value))

    def rules(self) -> list[RuleMatches]:
        """Return the rules that match, and the first calls of each."""
        matching = "(SELECT unnest(list_distinct(alerts)) AS rule, * FROM calls)"
        groups = sorted(self.groups("rule", matching), key=lambda one: (-one.calls, one.value))
        order = f"matches DESC, {self._share} DESC NULLS LAST, file"
        rows = self._rows(
            f"""
            SELECT rule, file, speech, {self._share},
                len(list_filter(alerts, lambda one: one = rule)) AS matches,
                {", ".join([*self._values, "NULL"])}
            FROM {matching}
            QUALIFY row_number() OVER (PARTITION BY rule ORDER BY {order}) <= {int(self._selection.top)}
            ORDER BY rule, {order}
            """  # noqa: S608  # only our own numbers and names
        )
        calls = {
            rule: [self._call(row[1:]) for row in of_rule]
            for rule, of_rule in groupby(rows, lambda row: row[0])
        }
        return [RuleMatches(group, calls[group.value]) for group in groups]

    def top(self) -> list[Call]:
        """Return the calls with the largest share of the emotion."""
        rows = self._rows(
            f"""
            SELECT file, speech, {self._share} AS share, coalesce(len(alerts), 0),
                {", ".join([*self._values, "NULL"])}
            FROM calls WHERE speech >= {float(self._selection.least_speech)} AND share > 0
            ORDER BY share DESC, speech DESC, file LIMIT {int(self._selection.top)}
            """  # noqa: S608  # only our own numbers and names
        )
        return [self._call(row) for row in rows]

    def _call(self, row: Sequence[Any]) -> Call:
        file, speech, share, alerts, *values = row[:-1]
        named = zip(self._names, values, strict=True)
        return Call(file, speech, share, alerts, {name: value for name, value in named if value is not None})

    def _rows(self, query: str) -> list[tuple[Any, ...]]:
        return self._archive.connection.execute(query).fetchall()
