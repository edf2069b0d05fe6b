"""The page of a data report: one HTML file without scripts or requests.

The page has the colors and the style of the reports of the service. Labels, speakers and paths may be
hostile, so that the templates escape every value.
"""

from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import jinja2

import app.core
from training.data.labels import EMOTIONS

APP = Path(app.core.__file__).parents[1]
"""The folder of the package `app`. Its style is read as files, because `training` imports `app.core` only."""

LIMIT = 100
"""The number of rows of a list on the page. The JSON file has all of them."""

WORDS = {
    "folds": "parts of a published fold",
    "speakers": "speakers",
    "corpora": "corpora",
    "labels": "labels",
}
"""In what the recordings of a group of copies differ."""

N_OTHER_TONES = 6
SPACE = "\u00a0"
HOUR = 3600


def data_report(results: Mapping[str, Any]) -> str:
    """Render the content of `report.json` as a page, which can be encoded in UTF-8.

    Args:
        results: the content of `report.json`.
    """
    labels = sorted(results["counts"]["label"], key=_order)
    text = (
        _environment()
        .get_template("data_report.html.jinja")
        .render(
            results=results,
            labels=labels,
            tones={label: _tone(label, labels) for label in labels},
            charts={name: _charts(of) for name, of in results["histograms"].items()},
            severities={
                severity: sum(one["severity"] == severity for one in results["findings"])
                for severity in ("critical", "warning")
            },
            by_gaps=lambda speakers: sorted(speakers.items(), key=lambda one: (len(one[1]), one[0])),
            words=WORDS,
            limit=LIMIT,
        )
    )
    # The name of a file may contain bytes that are not valid UTF-8.
    return text.encode("utf-8", "replace").decode()


@cache
def _environment() -> jinja2.Environment:
    """Create the environment once."""
    environment = jinja2.Environment(
        loader=jinja2.ChoiceLoader(
            [
                jinja2.PackageLoader("training.publish", "."),
                jinja2.FileSystemLoader([APP / "reports" / "templates", APP / "api" / "page"]),
            ]
        ),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"count": _count, "lasting": _lasting, "share": _share, "largest": _largest}
    return environment


def _charts(histogram: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return a chart for each corpus. All charts of a figure have one scale, the share of the corpus."""
    edges = histogram["edges"]
    shares = {
        name: [number / max(sum(counts), 1) for number in counts]
        for name, counts in histogram["corpora"].items()
    }
    top = max((share for of_one in shares.values() for share in of_one), default=0.0) or 1.0
    return [
        {
            "name": name,
            "top": top,
            "first": edges[0],
            "last": edges[-1],
            "bars": [
                {"start": start, "end": end, "share": share, "height": share / top, "n": number}
                for start, end, share, number in zip(
                    edges, edges[1:], of_one, histogram["corpora"][name], strict=False
                )
            ],
        }
        for name, of_one in shares.items()
    ]


def _order(label: str) -> tuple[int, str]:
    """Return the place of a label: the emotions of the service first, then by name."""
    return (EMOTIONS.index(label) if label in EMOTIONS else len(EMOTIONS), label)


def _tone(label: str, labels: Sequence[str]) -> str:
    """Return the name of the color of a label."""
    if label in EMOTIONS:
        return label
    others = [other for other in labels if other not in EMOTIONS]
    return f"other-{others.index(label) % N_OTHER_TONES}"


def _largest(counts: Mapping[str, int]) -> int:
    """Return the largest count."""
    return max(counts.values())


def _count(number: int) -> str:
    """Format a number, such as 1,234."""
    return f"{number:,}"


def _share(value: float) -> str:
    """Format a share, such as 73 %."""
    return f"<1{SPACE}%" if 0 < value < 0.005 else f"{value:.0%}".replace("%", f"{SPACE}%")  # noqa: PLR2004  # rounds to 0


def _lasting(seconds: float) -> str:
    """Format a duration, such as 5.1 h."""
    if seconds >= HOUR:
        return f"{seconds / HOUR:,.1f}{SPACE}h"
    return f"{seconds / 60:.0f}{SPACE}min" if seconds >= 60 else f"{seconds:.1f}{SPACE}s"  # noqa: PLR2004  # a minute
