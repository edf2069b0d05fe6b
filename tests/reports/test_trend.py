"""Days are joined to periods that fit on a chart."""

from datetime import date, timedelta

import pytest

from app.reports.aggregates import Group
from app.reports.trend import trend


def day(value: str | None, calls: int = 1) -> Group:
    return Group(value, calls, 0, calls, 10.0 * calls, 0, {"anger": 2.0 * calls, "undecided": 0.0})


def days(first: str, number: int) -> list[Group]:
    start = date.fromisoformat(first)
    return [day((start + timedelta(each)).isoformat()) for each in range(number)]


@pytest.mark.parametrize(
    ("number", "unit", "n_periods"),
    [(92, "day", 92), (93, "week", 14), (800, "month", 27), (8000, "year", 22)],
)
def test_the_unit_follows_from_the_span(number: int, unit: str, n_periods: int) -> None:
    found = trend(days("2024-01-01", number))
    assert found is not None
    assert (found.unit, len(found.periods)) == (unit, n_periods)
    assert sum(period.calls for period in found.periods) == number
    assert found.periods[0].share("anger") == pytest.approx(0.2)


def test_days_without_calls_are_empty_periods() -> None:
    found = trend([day("2026-03-01"), day("2026-03-03", 2), day(None, 5)])
    assert found is not None
    assert [(period.value, period.calls) for period in found.periods] == [
        ("2026-03-01", 1),
        ("2026-03-02", 0),
        ("2026-03-03", 2),
    ]


def test_dates_that_are_centuries_apart_stay_few_periods() -> None:
    found = trend([day("0001-01-01"), day("9999-12-31")])
    assert found is not None
    assert [period.value for period in found.periods] == ["0001", "9999"]


def test_without_a_day_there_is_no_trend() -> None:
    assert trend([day(None)]) is None
