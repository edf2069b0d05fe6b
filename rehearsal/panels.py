"""The panels of the dashboard, drawn without Grafana from what Prometheus answers."""

import re
from dataclasses import dataclass
from pathlib import Path

from matplotlib.figure import Figure

from testing import dashboard, local

STEP = 5
"""Seconds between two points."""
COLUMNS, ROW_INCHES, WIDTH_INCHES = 24, 0.32, 18


@dataclass(frozen=True, slots=True)
class Panel:
    """A panel with its data.

    Attributes:
        title: the title.
        unit: the unit in Grafana's terms.
        place: the position and the size in the grid: x, y, w and h.
        series: for each label, the seconds since the start and the values. Empty without data.
    """

    title: str
    unit: str
    place: dict[str, int]
    series: dict[str, tuple[list[float], list[float]]]


def read(prometheus: str, start: float, end: float) -> list[Panel]:
    """Run the queries of all panels.

    Args:
        prometheus: the address of the server.
        start: the start of the time range, in seconds since 1970.
        end: its end.
    """
    panels = []
    for panel in dashboard.DASHBOARD["panels"]:
        series: dict[str, tuple[list[float], list[float]]] = {}
        for target in panel.get("targets", []):
            expression = dashboard.query(target["expr"])
            time_range: dict[str, str | float] = {
                "query": expression,
                "start": start,
                "end": end,
                "step": STEP,
            }
            answer = local.get(f"{prometheus}/api/v1/query_range", params=time_range).json()
            assert answer["status"] == "success", (panel["title"], answer)
            for row in answer["data"]["result"]:
                points = [(float(at) - start, float(value)) for at, value in row["values"] if value != "NaN"]
                if points:
                    times, values = zip(*points, strict=True)
                    series[_legend(target["legendFormat"], row["metric"])] = (list(times), list(values))
        if panel.get("targets"):
            unit = panel["fieldConfig"]["defaults"]["unit"]
            panels.append(Panel(panel["title"], unit, panel["gridPos"], series))
    return panels


def draw(panels: list[Panel], file: Path) -> None:
    """Draw all panels where the dashboard has them, and write a PNG file."""
    rows = max(panel.place["y"] + panel.place["h"] for panel in panels)
    figure = Figure(figsize=(WIDTH_INCHES, rows * ROW_INCHES), layout="constrained")
    grid = figure.add_gridspec(rows, COLUMNS)
    for panel in panels:
        x, y, w, h = (panel.place[name] for name in "xywh")
        axes = figure.add_subplot(grid[y : y + h, x : x + w])
        axes.set_title(f"{panel.title} ({panel.unit})", loc="left", fontsize=9)
        axes.tick_params(labelsize=7)
        axes.spines[["top", "right"]].set_visible(False)
        for label, (times, values) in panel.series.items():
            axes.plot(times, values, label=label, linewidth=1.5)
        if panel.series:
            axes.set_ylim(bottom=0)
            axes.legend(fontsize=6, frameon=False, loc="upper left")
        else:
            axes.text(
                0.5, 0.5, "no data", ha="center", va="center", transform=axes.transAxes, color="crimson"
            )
    figure.savefig(file, dpi=80)


def _legend(template: str, labels: dict[str, str]) -> str:
    """Return the legend of a series: `{{label}}` stands for the value of a label."""
    return re.sub(r"{{(\w+)}}", lambda found: labels.get(found[1], ""), template)
