"""Significance of the difference between two models: a paired bootstrap over speakers, and Holm's method."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from training.learning.scores import interval, resampled_uar

N_RESAMPLES = 10_000
"""The number of bootstrap samples. The smallest p-value is 2 / 10,001, which is below 0.05 even after the
correction for 250 comparisons. Not tuned."""

ROUNDING = 1e-12
"""The difference in UAR below which two models are equal, since the sums are rounded."""


@dataclass(frozen=True, slots=True)
class Resampled:
    """The UAR of one model over all test parts, and in bootstrap samples of the speakers.

    Attributes:
        n_speakers: the number of speakers.
        uar: the UAR of all utterances.
        uars: the UAR of each bootstrap sample, shape (10000,).
    """

    n_speakers: int
    uar: float
    uars: NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Difference:
    """The difference in UAR between two models: the first minus the second.

    Attributes:
        difference: the difference over all utterances, from −1 to 1.
        low: the lower limit of its 95 % interval over speakers.
        high: the upper limit of this interval.
        p_value: the two-sided p-value of no difference.
    """

    difference: float
    low: float
    high: float
    p_value: float


def resample(counts: NDArray[np.float64], seed: int) -> Resampled:
    """Resample the speakers of one model.

    Args:
        counts: the counts of `speaker_counts`, shape (n_speakers, n_labels, 2).
        seed: the seed of the samples. Models with equal speakers and seeds have equal samples.
    """
    n, correct = counts.sum(axis=0).T
    recalls = correct[n > 0] / n[n > 0]
    return Resampled(len(counts), float(recalls.mean()), resampled_uar(counts, N_RESAMPLES, seed))


def paired_difference(first: Resampled, second: Resampled) -> Difference:
    """Compare two models that answered for the same utterances.

    Both models have the same bootstrap samples, so that a speaker who is difficult for both does not widen
    the interval of the difference (Bisani & Ney 2004, "Bootstrap estimates for confidence intervals in ASR
    performance evaluation"). The interval is that of percentiles (Efron & Tibshirani 1993, chapter 13). The
    p-value is twice the smaller share of samples on either side of no difference, so that it is below 0.05
    exactly where the interval excludes 0 (the same, chapter 15); 1 is added to counts, so that it is not 0
    (Davison & Hinkley 1997, section 4.2).

    Args:
        first: the resampled UAR of the first model.
        second: the resampled UAR of the second model, from the same speakers and seed.

    Returns:
        The first minus the second. One speaker permits no resampling, so that the p-value is 1.
    """
    differences = first.uars - second.uars
    not_above = int(np.sum(differences <= ROUNDING))
    not_below = int(np.sum(differences >= -ROUNDING))
    p_value = 2 * (min(not_above, not_below) + 1) / (len(differences) + 1)
    low, high = interval(differences)
    return Difference(first.uar - second.uar, low, high, min(p_value, 1.0) if first.n_speakers > 1 else 1.0)


def holm(p_values: Sequence[float]) -> list[float]:
    """Correct p-values for the number of comparisons.

    Holm 1979, "A simple sequentially rejective multiple test procedure", Scand. J. Statistics 6.

    Args:
        p_values: the p-values of all comparisons.

    Returns:
        The corrected p-values in the same order. The probability that one or more true null hypotheses have a
        value below 0.05 is at most 5 %.
    """
    order = np.argsort(p_values, kind="stable")
    factors = np.arange(len(order), 0, -1)
    ascending = np.minimum(np.maximum.accumulate(np.asarray(p_values)[order] * factors), 1)
    corrected = np.empty(len(order))
    corrected[order] = ascending
    return [float(value) for value in corrected]
