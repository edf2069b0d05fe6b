"""What predictions are worth: unweighted average recall, its interval, and its parts.

Unweighted average recall (UAR) is the mean of the recalls of the classes that occur.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import recall_score

from app.core.manifest import Spread

N_RESAMPLES = 1000
CONFIDENCE = 0.95

Labels = NDArray[np.int64]


def uar(truth: Labels, recognized: Labels) -> float:
    """Unweighted average recall over the classes that occur in the truth.

    Args:
        truth: label indices, shape (n,), n > 0.
        recognized: label indices, shape (n,).
    """
    return float(recall_score(truth, recognized, labels=np.unique(truth), average="macro"))


def bootstrap_interval(
    truth: Labels, recognized: Labels, speakers: Sequence[str], seed: int
) -> tuple[float, float]:
    """The 95 % bootstrap interval of UAR over speakers (Efron & Tibshirani 1993, percentiles).

    Utterances of one voice stand and fall together, so it is voices that are drawn, not
    utterances.

    Args:
        truth: label indices, shape (n,).
        recognized: label indices, shape (n,).
        speakers: whose voice each utterance is.
        seed: of the drawing.

    Returns:
        The lower and the upper end, from 1000 draws.
    """
    _, speaker = np.unique(np.asarray(speakers), return_inverse=True)
    n_speakers, n_labels = int(speaker.max()) + 1, int(max(truth.max(), recognized.max())) + 1
    total = np.zeros((n_speakers, n_labels))
    right = np.zeros((n_speakers, n_labels))
    np.add.at(total, (speaker, truth), 1)
    np.add.at(right, (speaker, truth), truth == recognized)
    draws = np.random.default_rng(seed).multinomial(
        n_speakers, np.full(n_speakers, 1 / n_speakers), N_RESAMPLES
    )
    totals, rights = draws @ total, draws @ right
    recalls = np.divide(rights, totals, out=np.full_like(totals, np.nan), where=totals > 0)
    tail = (1 - CONFIDENCE) / 2
    low, high = np.quantile(np.nanmean(recalls, axis=1), (tail, 1 - tail))
    return float(low), float(high)


def uar_by(
    groups: Sequence[str | None], truth: Labels, recognized: Labels
) -> dict[str, dict[str, float | int]]:
    """UAR of each group of utterances.

    Args:
        groups: of each utterance; None where it is unknown, and left out.
        truth: label indices, shape (n,).
        recognized: label indices, shape (n,).

    Returns:
        By the name of the group, in alphabetical order: `uar`, and `n_labels` that occur in the group.
    """
    names = sorted({group for group in groups if group is not None})
    members = {name: np.array([group == name for group in groups]) for name in names}
    return {
        name: {"uar": uar(truth[member], recognized[member]), "n_labels": len(np.unique(truth[member]))}
        for name, member in members.items()
    }


def spread(values: Sequence[float]) -> Spread:
    """Mean and sample standard deviation; a single value has no deviation."""
    sd = float(np.std(values, ddof=1)) if len(values) > 1 else None
    return Spread(mean=float(np.mean(values)), sd=sd)
