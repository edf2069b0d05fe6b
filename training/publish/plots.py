"""Pictures of a run in PNG format. Equal numbers give equal bytes."""

import io
from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter
from numpy.typing import NDArray

from training.learning.abstention import Coverage

BLUE, ORANGE, GRAY = "#2f6db3", "#d9772b", "#9ca3af"
WHITE_TEXT_FROM = 0.55
"""The share of a cell above which dark text is hard to read."""


def confusion_matrix(
    counts: NDArray[np.int64],
    labels: Sequence[str],
    title: str = "All test folds: share of each true label, and count",
) -> bytes:
    """Draw a confusion matrix.

    Args:
        counts: the counts, shape (n_labels, n_labels); a row is a true label, a column a recognized label.
        labels: the labels in the order of rows and columns.
        title: the title of the picture.

    Returns:
        The picture as PNG. The shade and the first line of a cell show its share of the row.
    """
    figure = Figure(figsize=(6.4, 5.6), layout="constrained")
    axes = figure.subplots()
    draw_confusion(axes, counts, labels)
    axes.set(xlabel="recognized", ylabel="true", title=title)
    return to_png(figure)


def draw_confusion(
    axes: Axes, counts: NDArray[np.int64], labels: Sequence[str], font_size: float = 10
) -> None:
    """Draw a confusion matrix, see `confusion_matrix`. A label without utterances has dashes."""
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    totals = counts.sum(axis=1)
    for row, column in np.ndindex(counts.shape):
        axes.text(
            column,
            row,
            f"{shares[row, column]:.0%}\n{counts[row, column]}" if totals[row] else "–",
            ha="center",
            va="center",
            color="white" if shares[row, column] > WHITE_TEXT_FROM else "#1f2937",
            fontsize=font_size,
        )
    axes.set_xticks(range(len(labels)), labels)
    axes.set_yticks(range(len(labels)), labels)
    axes.spines[:].set_visible(False)
    axes.tick_params(length=0)


def reliability_diagram(
    uncalibrated: tuple[NDArray[np.int64], NDArray[np.float64], NDArray[np.float64]],
    calibrated: tuple[NDArray[np.int64], NDArray[np.float64], NDArray[np.float64]],
) -> bytes:
    """Draw accuracy against confidence, before and after calibration.

    Args:
        uncalibrated: the count, the mean confidence and the accuracy of each bin, without a temperature.
        calibrated: the same values with the temperature.

    Returns:
        The picture as PNG. The area of a dot shows the count of its bin. The diagonal is perfect
        calibration.
    """
    figure = Figure(figsize=(5.6, 5.2), layout="constrained")
    axes = figure.subplots()
    axes.plot([0, 1], [0, 1], color=GRAY, linewidth=1, linestyle="--")
    for (counts, confidence, accuracy), color, label in (
        (uncalibrated, BLUE, "not calibrated"),
        (calibrated, ORANGE, "calibrated"),
    ):
        filled = counts > 0
        axes.plot(confidence[filled], accuracy[filled], color=color, linewidth=1.2, label=label)
        sizes = 400 * counts[filled] / counts.sum()
        axes.scatter(confidence[filled], accuracy[filled], s=sizes, color=color, alpha=0.7)
    axes.set(
        xlim=(0, 1),
        ylim=(0, 1),
        xlabel="confidence",
        ylabel="accuracy",
        title="All test folds: reliability of the probabilities",
    )
    axes.grid(color="#e5e7eb")
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(loc="upper left", frameon=False)
    return to_png(figure)


def coverage_curve(curve: Sequence[Coverage], marked: Sequence[Coverage]) -> bytes:
    """Draw accuracy and UAR against the share of utterances that get an answer.

    Args:
        curve: the points of the lines.
        marked: the points whose minimum confidence is written on the picture.

    Returns:
        The picture as PNG.
    """
    figure = Figure(figsize=(6.4, 4.8), layout="constrained")
    axes = figure.subplots()
    shares = [one.coverage for one in curve]
    axes.plot(shares, [one.accuracy for one in curve], color=BLUE, linewidth=1.6, label="accuracy")
    axes.plot(shares, [one.uar for one in curve], color=ORANGE, linewidth=1.6, label="UAR")
    axes.plot([one.coverage for one in marked], [one.accuracy for one in marked], "o", color=BLUE)
    for one in marked:
        axes.annotate(
            f"{one.min_confidence:.2f}",
            (one.coverage, one.accuracy),
            (7, -13),
            textcoords="offset points",
            fontsize=9,
            color="#1f2937",
        )
    lowest = min(value for one in curve for value in (one.accuracy, one.uar))
    axes.set(
        xlim=(1.02, 0.08),
        ylim=(max(0.0, np.floor(lowest * 10 - 0.5) / 10), 1.0),
        xlabel="coverage: share of utterances with an answer",
        title="All test folds: score of the answers above a minimum confidence\n(the number beside each dot)",
    )
    axes.xaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    axes.yaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    axes.grid(color="#e5e7eb")
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(loc="upper left", frameon=False)
    return to_png(figure)


def learning_curves(histories: Sequence[Mapping[str, Sequence[float]]], *, stops_early: bool) -> bytes:
    """Draw loss and UAR over the epochs of every fold.

    Args:
        histories: the `loss`, `val_loss`, `uar` and `val_uar` of each epoch, for each network.
        stops_early: True if the network of the best epoch was kept; otherwise the network of the last epoch.

    Returns:
        The picture as PNG, with a line for each network and a dot at the epoch that gave the validation UAR.
    """
    figure = Figure(figsize=(9.6, 4.0), layout="constrained")
    left, right = figure.subplots(1, 2)
    for history in histories:
        epochs = np.arange(1, len(history["loss"]) + 1)
        evaluated = int(np.argmax(history["val_uar"])) if stops_early else len(epochs) - 1
        for axes, key in ((left, "loss"), (right, "uar")):
            axes.plot(epochs, history[key], color=BLUE, linewidth=1, alpha=0.75)
            axes.plot(epochs, history[f"val_{key}"], color=ORANGE, linewidth=1, alpha=0.75)
        right.plot(epochs[evaluated], history["val_uar"][evaluated], "o", color=ORANGE, markersize=5)
    left.set(title="Loss", xlabel="epoch")
    right.set(title="Unweighted average recall", xlabel="epoch", ylim=(0, 1))
    for axes in (left, right):
        axes.grid(color="#e5e7eb")
        axes.set_axisbelow(True)
        axes.spines[["top", "right"]].set_visible(False)
    right.plot([], [], color=BLUE, label="training part (with dropout)")
    right.plot([], [], color=ORANGE, label="validation part")
    right.plot([], [], "o", color=ORANGE, label="evaluated epoch")
    right.legend(loc="lower right", frameon=False)
    return to_png(figure)


def to_png(figure: Figure) -> bytes:
    """Return a figure as PNG, without a display."""
    FigureCanvasAgg(figure)
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=120, metadata={"Software": None})
    return buffer.getvalue()
