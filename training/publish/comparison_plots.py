"""Pictures of a comparison in PNG format. Equal numbers give equal bytes."""

from collections.abc import Mapping, Sequence
from typing import Literal

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, PercentFormatter

from training.evaluation.comparison import Candidate, Cost, Ranks, pareto_front
from training.learning.ranks import critical_difference as critical_difference_of
from training.learning.ranks import not_separated
from training.publish.plots import BLUE, GRAY, ORANGE, to_png

TEXT, GRID = "#1f2937", "#e5e7eb"
LINE = 0.42
"""The height of a line of names; 1 is half an inch."""

NEAR = 0.05
"""The share of the range of UAR below which a name would cover the dot on its right. Not tuned."""

WIDE = 10
"""The ratio of the highest and the lowest cost from which their axis is logarithmic. Not tuned."""


def comparison(panels: Mapping[str, Sequence[tuple[str, float, float, float]]]) -> bytes:
    """Draw the UAR of models in a panel for each test.

    Args:
        panels: the name, the UAR and the limits of its interval of each model, by test.

    Returns:
        The picture as PNG, with a dot and an interval for each model, and the best model at the top.
    """
    n_columns = min(len(panels), 3)
    n_rows = -(-len(panels) // n_columns)
    tallest = max(map(len, panels.values()))
    size = (4.6 * n_columns, n_rows * (1.1 + 0.28 * tallest))
    figure = Figure(figsize=size, layout="constrained")
    grid = figure.subplots(n_rows, n_columns, squeeze=False)
    for axes in grid.flat[len(panels) :]:
        axes.set_visible(False)
    for axes, (test, models) in zip(grid.flat, panels.items(), strict=False):
        ordered = sorted(models, key=lambda model: model[1])
        for height, (_, uar, low, high) in enumerate(ordered):
            color = ORANGE if height == len(ordered) - 1 else BLUE
            axes.plot([low, high], [height, height], color=color, linewidth=1.5, alpha=0.6)
            axes.plot(uar, height, "o", color=color, markersize=5)
            axes.annotate(
                f"{100 * uar:.1f}", (uar, height), (0, 4), textcoords="offset points", ha="center", fontsize=8
            )
        axes.set_yticks(range(len(ordered)), [name for name, *_ in ordered], fontsize=8)
        axes.set_ylim(-0.6, len(ordered) - 0.2)
        axes.set_title(test, fontsize=10)
        axes.xaxis.set_major_formatter(PercentFormatter(1))
        axes.tick_params(axis="x", labelsize=8)
        axes.grid(axis="x", color="#e5e7eb")
        axes.set_axisbelow(True)
        axes.spines[["top", "right", "left"]].set_visible(False)
        axes.tick_params(axis="y", length=0)
    figure.supxlabel("Unweighted average recall, with its 95 % interval over speakers", fontsize=9)
    return to_png(figure)


def critical_difference(ranked: Ranks, names: Mapping[Candidate, str]) -> bytes:
    """Draw mean ranks and the groups that Nemenyi's test does not separate (Demšar 2006, figure 1).

    Args:
        ranked: the mean ranks of at least two candidates.
        names: the name of each candidate.

    Returns:
        The picture as PNG. The best candidate is at the left end of the axis and at the top left.
    """
    n = len(ranked.ranks)
    critical = critical_difference_of(n, ranked.n_blocks)
    groups = not_separated(ranked.ranks, critical)
    n_left = (n + 1) // 2
    first_name = 0.55 + 0.22 * len(groups)  # its depth below the axis; 1 is half an inch
    depth = first_name + LINE * (n_left - 1) + 0.35
    figure = Figure(figsize=(8.2, 0.9 + 0.5 * (depth + 1.2)), layout="constrained")
    axes = figure.subplots()
    margin = 0.34 * (n - 1)
    axes.set(xlim=(1 - margin, n + margin), ylim=(depth, -1.2))
    axes.plot([1, n], [0, 0], color=TEXT, linewidth=1)
    for rank in range(1, n + 1):
        axes.plot([rank, rank], [0, -0.1], color=TEXT, linewidth=1)
        axes.text(rank, -0.18, str(rank), ha="center", va="bottom", fontsize=9, color=TEXT)
    for place, candidate in enumerate(ranked.candidates):
        height = first_name + LINE * (place if place < n_left else n - 1 - place)
        _draw_name(axes, ranked, place, names[candidate], height)
    for level, (start, stop) in enumerate(groups):
        height = 0.25 + 0.22 * level
        overhang = 0.012 * (n - 1)
        ends = [ranked.ranks[start] - overhang, ranked.ranks[stop] + overhang]
        axes.plot(ends, [height, height], color=GRAY, linewidth=4, solid_capstyle="round", zorder=2)
    _draw_critical(axes, critical, n)
    blocks = ranked.blocks if ranked.n_blocks > 1 else ranked.blocks.removesuffix("s")
    axes.set_title(f"Mean rank over {ranked.n_blocks} {blocks}; 1 is best", fontsize=11)
    note = "A bar joins models that Nemenyi's test does not separate at 5 %."
    if ranked.blocks == "folds":
        note += " Folds are not independent: the test separates too easily."
    figure.supxlabel(note, fontsize=9)
    axes.set_axis_off()
    axes.title.set_visible(True)
    return to_png(figure)


def _draw_name(axes: Axes, ranked: Ranks, place: int, name: str, height: float) -> None:
    """Join the rank of a candidate with its name: on the left for the better half, else on the right."""
    n, rank = len(ranked.ranks), ranked.ranks[place]
    is_left = place < (n + 1) // 2
    end = 1 - 0.04 * (n - 1) if is_left else n + 0.04 * (n - 1)
    color = ORANGE if place == 0 else BLUE
    axes.plot([rank, rank, end], [0, height, height], color=color, linewidth=1.1)
    axes.plot(rank, 0, "o", color=color, markersize=4.5, zorder=3)
    axes.annotate(
        f"{name}  {rank:.2f}" if is_left else f"{rank:.2f}  {name}",
        (end, height),
        (-4 if is_left else 4, 0),
        textcoords="offset points",
        ha="right" if is_left else "left",
        va="center",
        fontsize=9,
        color=TEXT,
    )


def _draw_critical(axes: Axes, critical: float, n: int) -> None:
    """Draw the length of the critical difference above the axis, cut at its end."""
    end = min(1 + critical, n)
    axes.plot([1, end], [-0.72, -0.72], color=TEXT, linewidth=1.4)
    axes.plot([1, 1], [-0.66, -0.78], color=TEXT, linewidth=1.4)
    if end < n:
        axes.plot([end, end], [-0.66, -0.78], color=TEXT, linewidth=1.4)
    more = "" if end < n else " (longer than the axis)"
    axes.text(
        1, -0.84, f"critical difference {critical:.2f}{more}", ha="left", va="bottom", fontsize=9, color=TEXT
    )


def pareto(costs: Sequence[Cost], names: Mapping[Candidate, str]) -> bytes:
    """Draw UAR against the measured processor time of one utterance.

    Args:
        costs: the cost and the mean UAR of each candidate.
        names: the name of each candidate.

    Returns:
        The picture as PNG. The orange line joins the candidates for which none is cheaper and better.
    """
    front = pareto_front(costs)
    figure = Figure(figsize=(7.2, 4.8), layout="constrained")
    axes = figure.subplots()
    axes.plot(
        [cost.total for cost in front],
        [cost.uar for cost in front],
        color=ORANGE,
        linewidth=1.2,
        drawstyle="steps-post",
        alpha=0.6,
    )
    for cost in costs:
        color = ORANGE if cost in front else BLUE
        axes.plot(cost.total, cost.uar, "o", color=color, markersize=6)
        shift, alignment = _place_of_name(cost, costs, front)
        axes.annotate(
            names[cost.candidate],
            (cost.total, cost.uar),
            shift,
            textcoords="offset points",
            ha=alignment,
            va="center",
            fontsize=9,
            color=TEXT,
        )
    _scale_cost(axes, [cost.total for cost in costs])
    axes.yaxis.set_major_formatter(PercentFormatter(1))
    axes.set(
        xlabel="measured processor milliseconds for one utterance, features and model",
        ylabel="mean UAR over the tests",
        title="Cost and unweighted average recall",
    )
    axes.grid(color=GRID)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
    return to_png(figure)


def _place_of_name(
    cost: Cost, costs: Sequence[Cost], front: Sequence[Cost]
) -> tuple[tuple[float, float], Literal["left", "center", "right"]]:
    """Return the place of a name relative to its dot in points, and its alignment."""
    if cost in front:
        # The front is the upper left border of all dots, so that the space on its left is free.
        return (-8, 3), "right"
    height = NEAR * (max(one.uar for one in costs) - min(one.uar for one in costs))
    covered = [one for one in costs if one.total > cost.total and abs(one.uar - cost.uar) < height]
    if covered:
        return (0, -9 if covered[0].uar > cost.uar else 9), "center"
    return (8, 0), "left"


def _scale_cost(axes: Axes, milliseconds: Sequence[float]) -> None:
    """Scale the axis of the cost: from 0, or logarithmic if the values have different orders of magnitude."""
    lowest, highest = min(milliseconds), max(milliseconds)
    if highest < WIDE * lowest:
        axes.set_xlim(0, 1.35 * highest)
    else:
        axes.set_xscale("log")
        axes.set_xlim(lowest / 3, highest * 2.5)
        axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.margins(y=0.12)
    axes.autoscale(axis="y")
