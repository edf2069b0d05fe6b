"""Scores of predictions: unweighted average recall, its confidence interval, and its values by group.

Unweighted average recall (UAR) is the mean of the recalls of the classes that occur.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import recall_score

N_RESAMPLES = 1000
"""The number of bootstrap samples. Not tuned."""

CONFIDENCE = 0.95
"""The confidence level of the interval. Not tuned."""

Labels = NDArray[np.int64]


def uar(truth: Labels, recognized: Labels) -> float:
    """Return the unweighted average recall over the classes that occur in the truth.

    Args:
        truth: the true label indices, shape (n,), n > 0.
        recognized: the recognized label indices, shape (n,).
    """
    return float(recall_score(truth, recognized, labels=np.unique(truth), average="macro"))


def speaker_counts(
    truth: Labels, correct: NDArray[np.bool_ | np.floating], speakers: Sequence[str]
) -> NDArray[np.float64]:
    """Count the utterances and the correct answers of each speaker and label.

    Args:
        truth: the true label indices, shape (n,).
        correct: the correctness of each answer, from 0 to 1, shape (n,).
        speakers: the speaker of each utterance.

    Returns:
        The number of utterances and the sum of their correctness, shape (n_speakers, n_labels, 2).
    """
    _, speaker = np.unique(np.asarray(speakers), return_inverse=True)
    counts = np.zeros((int(speaker.max()) + 1, int(truth.max()) + 1, 2))
    np.add.at(counts, (speaker, truth), np.stack([np.ones(len(truth)), correct], axis=1))
    return counts


def resampled_uar(counts: NDArray[np.float64], n_resamples: int, seed: int) -> NDArray[np.float64]:
    """Return the UAR of bootstrap samples of speakers.

    The utterances of a speaker are not independent, so each bootstrap sample draws speakers, not utterances.
    Equal seeds draw equal speakers for equal numbers of speakers.

    Args:
        counts: the counts of `speaker_counts`, shape (n_speakers, n_labels, 2).
        n_resamples: the number of bootstrap samples.
        seed: the seed of the samples.

    Returns:
        The UAR over the labels that occur in each sample, shape (n_resamples,).
    """
    draws = speaker_draws(len(counts), n_resamples, seed)
    totals, rights = draws @ counts[..., 0], draws @ counts[..., 1]
    recalls = np.divide(rights, totals, out=np.full_like(totals, np.nan), where=totals > 0)
    uars: NDArray[np.float64] = np.nanmean(recalls, axis=1)
    return uars


@lru_cache(maxsize=4)
def speaker_draws(n_speakers: int, n_resamples: int, seed: int) -> NDArray[np.float64]:
    """Draw bootstrap samples of speakers.

    Args:
        n_speakers: the number of speakers, which is also the size of each sample.
        n_resamples: the number of samples.
        seed: the seed of the samples.

    Returns:
        How often each sample contains each speaker, shape (n_resamples, n_speakers).
    """
    random = np.random.default_rng(seed)
    return random.multinomial(n_speakers, np.full(n_speakers, 1 / n_speakers), n_resamples).astype(float)


def interval(values: NDArray[np.float64]) -> tuple[float, float]:
    """Return the limits of the 95 % interval of bootstrap values (percentiles: Efron & Tibshirani 1993)."""
    tail = (1 - CONFIDENCE) / 2
    low, high = np.quantile(values, (tail, 1 - tail))
    return float(low), float(high)


def bootstrap_interval(
    truth: Labels, recognized: Labels, speakers: Sequence[str], seed: int
) -> tuple[float, float]:
    """Return the 95 % bootstrap interval of UAR over speakers.

    Args:
        truth: the true label indices, shape (n,).
        recognized: the recognized label indices, shape (n,).
        speakers: the speaker of each utterance.
        seed: the seed of the samples.

    Returns:
        The lower and the upper limit, from 1000 bootstrap samples.
    """
    counts = speaker_counts(truth, truth == recognized, speakers)
    return interval(resampled_uar(counts, N_RESAMPLES, seed))


def uar_by(
    groups: Sequence[str | None], truth: Labels, recognized: Labels
) -> dict[str, dict[str, float | int]]:
    """Return the UAR of each group of utterances.

    Args:
        groups: the group of each utterance; utterances with None are left out.
        truth: the true label indices, shape (n,).
        recognized: the recognized label indices, shape (n,).

    Returns:
        The `uar` and the number of labels that occur, `n_labels`, by the name of the group in alphabetical
        order.
    """
    names = sorted({group for group in groups if group is not None})
    members = {name: np.array([group == name for group in groups]) for name in names}
    return {
        name: {"uar": uar(truth[member], recognized[member]), "n_labels": len(np.unique(truth[member]))}
        for name, member in members.items()
    }


@dataclass(frozen=True, slots=True)
class MeanAndSd:
    """Mean and sample standard deviation over folds.

    Attributes:
        mean: the mean of the values.
        sd: the sample standard deviation of the values; None for a single value.
    """

    mean: float
    sd: float | None


def mean_and_sd(values: Sequence[float]) -> MeanAndSd:
    """Return mean and sample standard deviation; a single value has no standard deviation."""
    sd = float(np.std(values, ddof=1)) if len(values) > 1 else None
    return MeanAndSd(float(np.mean(values)), sd)
