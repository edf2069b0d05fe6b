"""Paired comparison of two sets of probabilities for the same utterances.

The intervals are bootstrap intervals over speakers (percentiles: Efron & Tibshirani 1993). Each bootstrap
sample draws speakers, and both sets are scored on the same sample, because the utterances of a speaker are
not independent, and an easy speaker is easy for both sets.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from training.learning.calibration import N_BINS
from training.learning.scores import N_RESAMPLES, interval, speaker_draws

Array = NDArray[np.float64]
Labels = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Change:
    """A figure before and after.

    Attributes:
        before: the figure of the first set.
        after: the figure of the second set.
        interval: the 95 % bootstrap interval of `after` - `before`.
    """

    before: float
    after: float
    interval: tuple[float, float]

    @property
    def difference(self) -> float:
        """The second figure minus the first one."""
        return self.after - self.before


def compare(
    before: Array, after: Array, truth: Labels, speakers: Sequence[str], seed: int
) -> dict[str, Change]:
    """Compare two sets of probabilities.

    Args:
        before: the probabilities of the first set, shape (n, n_labels).
        after: the probabilities of the second set, the same shape.
        truth: the true label indices, shape (n,).
        speakers: the speaker of each utterance.
        seed: the seed of the bootstrap samples.

    Returns:
        The change of `uar`, `accuracy` and `calibration_error` (`training.learning.calibration`).
    """
    _, speaker = np.unique(np.asarray(speakers), return_inverse=True)
    n_speakers = int(speaker.max()) + 1
    # The first row is the sample as it is.
    counts = np.vstack([np.ones(n_speakers), speaker_draws(n_speakers, N_RESAMPLES, seed)])
    first, second = (_figures(one, truth, speaker, counts) for one in (before, after))
    return {
        name: Change(float(values[0]), float(second[name][0]), interval(second[name][1:] - values[1:]))
        for name, values in first.items()
    }


def _figures(
    probabilities: Array, truth: Labels, speaker: NDArray[np.intp], counts: Array
) -> Mapping[str, Array]:
    """Return the figures of each sample.

    Args:
        probabilities: the probabilities, shape (n, n_labels).
        truth: the true label indices, shape (n,).
        speaker: the index of the speaker of each utterance, shape (n,).
        counts: how often each speaker is in each sample, shape (n_samples, n_speakers).

    Returns:
        The figures by name, shape (n_samples,) each.
    """
    n_labels = probabilities.shape[1]
    confidence, right = probabilities.max(axis=1), probabilities.argmax(axis=1) == truth
    bins = np.minimum((confidence * N_BINS).astype(np.int64), N_BINS - 1)

    def sums(values: Array, groups: Labels, n_groups: int) -> Array:
        by_speaker = np.zeros((counts.shape[1], n_groups))
        np.add.at(by_speaker, (speaker, groups), values)
        summed: Array = counts @ by_speaker
        return summed

    totals = sums(np.ones(len(truth)), truth, n_labels)
    rights = sums(right.astype(np.float64), truth, n_labels)
    recalls = np.divide(rights, totals, out=np.full_like(totals, np.nan), where=totals > 0)
    gaps = sums(confidence - right, bins, N_BINS)
    n = totals.sum(axis=1)
    return {
        "uar": np.nanmean(recalls, axis=1),
        "accuracy": rights.sum(axis=1) / n,
        "calibration_error": np.abs(gaps).sum(axis=1) / n,
    }
