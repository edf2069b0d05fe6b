"""The periods of a trend: days, and weeks, months or years if there are too many days."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from app.reports.aggregates import Group

MAX_DAYS = 92
MAX_WEEKS = 105
MAX_MONTHS = 240
MAX_PERIODS = 400
WEEK = 7


@dataclass(frozen=True, slots=True)
class Trend:
    """The calls over time.

    Attributes:
        unit: `day`, `week`, `month` or `year`.
        periods: the calls of each period in order, with empty periods between them.
    """

    unit: str
    periods: Sequence[Group]


def trend(days: Sequence[Group]) -> Trend | None:
    """Join days to periods; None without a day.

    Args:
        days: the calls of each day, in order. A group without a day is ignored.
    """
    dated = [(date.fromisoformat(day.value), day) for day in days if day.value]
    if not dated:
        return None
    span = (dated[-1][0] - dated[0][0]).days + 1
    unit, name = "year", _year
    if span <= MAX_DAYS:
        unit, name = "day", _day
    elif span <= MAX_WEEKS * WEEK:
        unit, name = "week", _week
    elif span <= MAX_MONTHS * 30:
        unit, name = "month", _month
    joined: dict[str, Group] = {}
    if span <= MAX_PERIODS * 366:
        for number in range(span):
            one = name(dated[0][0] + timedelta(number))
            joined.setdefault(one, Group(one, 0, 0, 0, 0.0, 0, dict.fromkeys(dated[0][1].seconds, 0.0)))
    for day, group in dated:
        one = name(day)
        joined[one] = _add(joined[one], group) if one in joined else _named(one, group)
    return Trend(unit, list(joined.values())[-MAX_PERIODS:])


def _day(day: date) -> str:
    return day.isoformat()


def _week(day: date) -> str:
    """Name a week by its Monday."""
    return date.fromordinal(max(1, day.toordinal() - day.weekday())).isoformat()


def _month(day: date) -> str:
    return day.isoformat()[:7]


def _year(day: date) -> str:
    return day.isoformat()[:4]


def _named(name: str, group: Group) -> Group:
    return Group(name, group.calls, group.failed, group.segments, group.speech, group.alerted, group.seconds)


def _add(one: Group, other: Group) -> Group:
    return Group(
        one.value,
        one.calls + other.calls,
        one.failed + other.failed,
        one.segments + other.segments,
        one.speech + other.speech,
        one.alerted + other.alerted,
        {name: seconds + other.seconds[name] for name, seconds in one.seconds.items()},
    )
