"""The page of an archive."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from app.reports.aggregates import Report
from app.reports.page import render
from app.reports.text import ceiling, count, percent
from app.reports.trend import Trend, trend

SHOWN = 15
"""The number of groups that are visible at first. A click shows the others."""
LIMIT = 200
"""The maximum number of groups and of rules on the page, since a key can have another value for each call."""


@dataclass(frozen=True, slots=True)
class Bar:
    """A bar of a chart.

    Attributes:
        name: the period.
        text: the value.
        height: the height, from 0 to 1.
    """

    name: str
    text: str
    height: float


@dataclass(frozen=True, slots=True)
class Chart:
    """A chart of one figure over time.

    Attributes:
        name: the name of the figure.
        label: the label whose color the chart has; None for the number of calls.
        top: the value at the upper edge.
        bars: a bar for each period.
    """

    name: str
    label: str | None
    top: str
    bars: Sequence[Bar]


def report_page(name: str, report: Report) -> str:
    """Render the figures of an archive as one self-contained page.

    Args:
        name: the name of the archive.
        report: the figures.
    """
    selection = report.selection
    over_time = trend(report.days)
    return render(
        "report.html",
        name=name,
        report=report,
        unit=over_time.unit if over_time else None,
        charts=_charts(report.labels, over_time) if over_time else [],
        days=[day.value for day in report.days if day.value],
        undated=sum(day.calls for day in report.days if day.value is None),
        names=[*(["date"] if selection.date else []), *(key for key in selection.by if key != "date")],
        shown=SHOWN,
        limit=LIMIT,
        written=datetime.now().astimezone().strftime("%Y-%m-%d %H:%M"),
    )


def _charts(labels: Sequence[str], over_time: Trend) -> list[Chart]:
    """Draw a chart for each label, and one for the number of calls."""
    names = [period.value or "" for period in over_time.periods]
    charts = []
    for label in labels:
        shares = [period.share(label) for period in over_time.periods]
        top = max(0.01, ceiling([share or 0.0 for share in shares]))  # the smallest percentage
        bars = [
            Bar(name, "no speech" if share is None else percent(share), (share or 0.0) / top)
            for name, share in zip(names, shares, strict=True)
        ]
        charts.append(Chart(label, label, percent(top), bars))
    calls = [period.calls for period in over_time.periods]
    top = ceiling(calls)
    bars = [Bar(name, count(number), number / top) for name, number in zip(names, calls, strict=True)]
    return [*charts, Chart("calls", None, count(round(top)), bars)]
