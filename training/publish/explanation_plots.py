"""Pictures that explain a bundle, in PNG format. Equal numbers give equal bytes."""

from collections import Counter
from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import LinearSegmentedColormap, TwoSlopeNorm
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MultipleLocator
from numpy.typing import NDArray

from app.core.audio import Signal
from app.core.log_mel import HOP, SAMPLING_RATE, power_spectrum
from training.evaluation.importance import Importance
from training.evaluation.occlusion import Occlusion, over_time
from training.publish.plots import BLUE, GRAY, ORANGE, draw_confusion, to_png

TEXT, GRID = "#1f2937", "#e5e7eb"
PALETTE = (BLUE, ORANGE, "#3f9b6c", "#8f5bb5", "#c9485b", "#b09a1d", "#3aa6b9", "#7a5c45")
"""The colors of groups. Further groups are gray, because more colors cannot be told apart."""

DYNAMIC_RANGE = 70
"""dB below the loudest value that the spectrogram shows. Not tuned."""

SMALLEST_POWER = 1e-12
"""Avoids the logarithm of zero in silence."""

SMALLEST_SCALE = 0.05
"""The change at full color, if no change is larger, so that noise does not look like an effect. Not tuned."""

AGAINST_TO_FOR = LinearSegmentedColormap.from_list("against_to_for", [ORANGE, "#ffffff", BLUE])


def occlusion(found: Occlusion, signal: Signal, hop: float) -> bytes:
    """Draw the effect of hidden parts over the spectrogram of the recording.

    Args:
        found: the effects.
        signal: the recording, one channel at 16 kHz.
        hop: the distance from one window to the next, in seconds.

    Returns:
        The picture as PNG: the spectrogram with a color for each moment, and the change of the probability
        below it.
    """
    window = found.windows[0, 1] - found.windows[0, 0]
    support = -over_time(found, hop)
    largest = max(float(np.abs(support).max()), SMALLEST_SCALE)
    figure = Figure(figsize=(9.6, 6.4), layout="constrained")
    above, below = figure.subplots(2, 1, sharex=True, height_ratios=(3, 2))
    figure.suptitle(
        f"Which moments make the network answer “{found.label}” ({found.probability:.0%})?\n"
        f"Each part of {window:.1f} s was hidden in turn, and the rest was recognized again",
        color=TEXT,
        fontsize=12,
    )
    colors = ScalarMappable(TwoSlopeNorm(0, -largest, largest), AGAINST_TO_FOR)
    above.imshow(
        _tinted_spectrogram(signal, colors.to_rgba(support)[:, :3], hop),
        origin="lower",
        aspect="auto",
        extent=(0.0, signal.duration, 0.0, SAMPLING_RATE / 2),
    )
    bar = figure.colorbar(colors, ax=above, ticks=[-largest, 0, largest], pad=0.01)
    bar.ax.set_yticklabels(["speaks\nagainst", "no effect", "speaks\nfor"], fontsize=9)
    above.set(
        ylabel="frequency (Hz)",
        title=f"Spectrogram (dark: loud). Color: what this moment says about “{found.label}”",
    )
    above.title.set_fontsize(10)
    _draw_changes(below, support, hop)
    below.set(xlim=(0, signal.duration), xlabel="time (s)", ylabel="change of the probability\n(points)")
    return to_png(figure)


def _tinted_spectrogram(signal: Signal, colors: NDArray[np.float64], hop: float) -> NDArray[np.float64]:
    """Return a spectrogram on white, darkened where it is loud and tinted by the color of each step.

    The product of both keeps the spectrogram readable, which a transparent color over it does not.

    Returns:
        RGB, from 0 to 1, shape (n_frequencies, n_frames, 3).
    """
    power = power_spectrum(signal.samples[0]).T
    decibels = 10 * np.log10(np.maximum(power, SMALLEST_POWER))
    brightness = np.clip((decibels.max() - decibels) / DYNAMIC_RANGE, 0, 1)
    steps = (np.arange(power.shape[1]) * HOP / SAMPLING_RATE / hop).astype(int)
    tint = colors[np.minimum(steps, len(colors) - 1)]
    tinted: NDArray[np.float64] = brightness[..., np.newaxis] * tint
    return tinted


def _draw_changes(axes: Axes, support: NDArray[np.float64], hop: float) -> None:
    """Draw the change of the probability over time as steps."""
    edges = np.arange(len(support) + 1) * hop
    change = -100 * support
    for shown, color in ((np.minimum(change, 0), BLUE), (np.maximum(change, 0), ORANGE)):
        axes.stairs(shown, edges, fill=True, color=color, alpha=0.7)
    axes.axhline(0, color=TEXT, linewidth=0.8)
    axes.xaxis.set_major_locator(MultipleLocator(0.5 if edges[-1] < 10 else 2.0))  # noqa: PLR2004
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:+.0f}" if value else "0"))
    limit = 100 * SMALLEST_SCALE
    axes.set_ylim(min(change.min() * 1.1, -limit), max(change.max() * 1.1, limit))
    axes.set_title(
        "Probability while this moment is hidden. Below 0: the answer rests on this moment", fontsize=10
    )
    axes.grid(color=GRID)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)


def embedding_map(places: NDArray[np.float32], groups: Mapping[str, Sequence[str]]) -> bytes:
    """Draw a map of utterances once for each kind of group.

    Args:
        places: the places of the utterances, shape (n, 2).
        groups: the group of each utterance, by kind of group.

    Returns:
        The picture as PNG, with a panel for each kind. The largest groups have a color; the others are gray.
    """
    figure = Figure(figsize=(5.0 * len(groups), 5.9), layout="constrained")
    figure.suptitle(
        "Which utterances does the network describe alike?\n"
        "Each dot is an utterance; near dots are alike for the network (t-SNE)",
        color=TEXT,
        fontsize=12,
    )
    grid = figure.subplots(1, len(groups), squeeze=False)
    for axes, (kind, of_each) in zip(grid.flat, groups.items(), strict=True):
        ordered = [name for name, _ in Counter(sorted(of_each)).most_common()]
        colored = dict(zip(sorted(ordered[: len(PALETTE)]), PALETTE, strict=False))
        for name, color in colored.items():
            members = np.array([own == name for own in of_each])
            axes.scatter(*places[members].T, s=9, color=color, alpha=0.7, linewidth=0, zorder=2, label=name)
        others = np.array([name not in colored for name in of_each])
        if others.any():
            n_others = len(ordered) - len(colored)
            axes.scatter(*places[others].T, s=6, color=GRAY, alpha=0.35, zorder=1, label=f"{n_others} others")
        axes.set_title(f"colored by {kind}", fontsize=11)
        axes.set_xticks([])
        axes.set_yticks([])
        axes.spines[:].set_color(GRID)
        axes.legend(
            loc="upper center",
            bbox_to_anchor=(0.5, 0.0),
            ncols=3,
            frameon=False,
            fontsize=9,
            markerscale=2.5,
            handletextpad=0.1,
        )
    return to_png(figure)


def importance(panels: Mapping[str, Sequence[Importance]], uar: float) -> bytes:
    """Draw the importance of groups as bars.

    Args:
        panels: the results, by the title of their panel.
        uar: the UAR without a permutation.

    Returns:
        The picture as PNG. A line on a bar is the interval over speakers.
    """
    heights = [len(results) for results in panels.values()]
    figure = Figure(figsize=(7.6, 1.6 + 0.42 * sum(heights) + 0.5 * len(heights)), layout="constrained")
    figure.suptitle(
        f"Which values does the network need? Loss of UAR (from {uar:.1%})\n"
        "when the values of a group are exchanged between utterances",
        color=TEXT,
        fontsize=12,
    )
    grid = figure.subplots(len(panels), 1, squeeze=False, sharex=True, height_ratios=heights)
    for axes, (title, results) in zip(grid.flat, panels.items(), strict=True):
        ordered = sorted(results, key=lambda one: one.drop)
        rows = np.arange(len(ordered))
        axes.barh(rows, [100 * one.drop for one in ordered], color=BLUE, alpha=0.8, height=0.65)
        for row, one in zip(rows, ordered, strict=True):
            axes.plot([100 * limit for limit in one.speakers], [row, row], color=TEXT, linewidth=1.2)
        axes.set_yticks(rows, [f"{one.group} ({one.n_values})" for one in ordered])
        axes.set_title(title, fontsize=10)
        axes.axvline(0, color=TEXT, linewidth=0.8)
        axes.grid(axis="x", color=GRID)
        axes.set_axisbelow(True)
        axes.spines[["top", "right", "left"]].set_visible(False)
        axes.tick_params(axis="y", length=0)
    grid.flat[-1].set_xlabel("loss of UAR (points); line: 95 % interval over speakers")
    return to_png(figure)


def confusion_by_group(kind: str, counts: Mapping[str, NDArray[np.int64]], labels: Sequence[str]) -> bytes:
    """Draw a confusion matrix for each group.

    Args:
        kind: the kind of group, such as "corpus".
        counts: the confusion matrix of each group, shape (n_labels, n_labels).
        labels: the labels in the order of rows and columns.

    Returns:
        The picture as PNG.
    """
    n_columns = min(len(counts), 3)
    n_rows = -(-len(counts) // n_columns)
    figure = Figure(figsize=(4.4 * n_columns, 4.3 * n_rows + 0.5), layout="constrained")
    figure.suptitle(
        f"By {kind}: share of each true label, and count. Dark cells off the diagonal are common confusions",
        color=TEXT,
        fontsize=12,
        wrap=True,
    )
    grid = figure.subplots(n_rows, n_columns, squeeze=False)
    for axes in grid.flat[len(counts) :]:
        axes.set_visible(False)
    for axes, (name, matrix) in zip(grid.flat, counts.items(), strict=False):
        draw_confusion(axes, matrix, labels, font_size=8)
        axes.tick_params(axis="x", rotation=35, labelsize=9)
        axes.tick_params(axis="y", labelsize=9)
        axes.set(xlabel="recognized", ylabel="true")
        axes.set_title(f"{name} ({matrix.sum()})", fontsize=11)
    return to_png(figure)
