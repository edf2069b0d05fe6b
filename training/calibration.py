"""Probabilities that mean what they say: of the answers given with 70 %, 70 % are right."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize, minimize_scalar
from scipy.special import logsumexp

from app.core.recognizer import apply_temperature

N_BINS = 15
LOG_TEMPERATURES = (np.log(0.1), np.log(10.0))
# Of the log-probabilities of one network among several: a hundredth is as good as silence.
LOG_FACTORS = (np.log(0.01), np.log(10.0))
EQUALITY = 0.1
"""Pull toward equal weights. Without it, networks that differ only in their seed get any weight, and the
networks that are best on known corpora outweigh the regression that is best on others."""


def fit_temperature(probabilities: NDArray[np.floating], targets: NDArray[np.int64]) -> float:
    """Find the temperature under which the true labels are most likely (arXiv 1706.04599).

    Args:
        probabilities: of the validation part, shape (n, n_labels).
        targets: its label indices, shape (n,).

    Returns:
        The temperature, from 0.1 to 10.
    """

    def loss(log_temperature: float) -> float:
        calibrated = apply_temperature(probabilities, np.exp(log_temperature))
        likelihoods = calibrated[np.arange(len(targets)), targets]
        return float(-np.log(np.maximum(likelihoods, np.finfo(np.float64).tiny)).mean())

    return float(np.exp(minimize_scalar(loss, bounds=LOG_TEMPERATURES, method="bounded").x))


def fit_weights(probabilities: Sequence[NDArray[np.floating]], targets: NDArray[np.int64]) -> list[float]:
    """Find the weighted geometric mean of several answers that has the highest likelihood.

    The logarithmic opinion pool with fitted weights (Heskes 1998, "Selecting weighting factors in
    logarithmic opinion pools", NIPS 10). The pool is calibrated while the weights are fitted; its
    temperature is not part of the result, and is fitted by `fit_temperature` like any other.

    Args:
        probabilities: of the validation part, shape (n, n_labels) each.
        targets: its label indices, shape (n,).

    Returns:
        A weight for each; they sum to 1.
    """
    logarithms = np.log(np.maximum(np.stack(probabilities), np.finfo(np.float32).tiny)).astype(np.float64)

    def loss(logs: NDArray[np.float64]) -> float:
        scores = np.tensordot(np.exp(logs), logarithms, axes=1)
        surprise = (logsumexp(scores, axis=1) - scores[np.arange(len(targets)), targets]).mean()
        return float(surprise + EQUALITY * logs.var())

    start = np.full(len(probabilities), -np.log(len(probabilities)))
    found = minimize(loss, start, method="L-BFGS-B", bounds=[LOG_FACTORS] * len(start))
    factors = np.exp(found.x)
    weights: list[float] = (factors / factors.sum()).tolist()
    return weights


def reliability(
    probabilities: NDArray[np.floating], targets: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.float64], NDArray[np.float64]]:
    """Compare how sure the answers are with how often they are right.

    Args:
        probabilities: shape (n, n_labels).
        targets: label indices, shape (n,).

    Returns:
        For each of 15 bins of equal width over the probability of the answer: how many answers
        fall in it, their mean probability, and the share that is right; 0 for an empty bin.
    """
    sure, right = probabilities.max(axis=1), probabilities.argmax(axis=1) == targets
    bins = np.minimum((sure * N_BINS).astype(int), N_BINS - 1)
    counts = np.bincount(bins, minlength=N_BINS)
    divisor = np.maximum(counts, 1)
    return (
        counts,
        np.bincount(bins, weights=sure, minlength=N_BINS) / divisor,
        np.bincount(bins, weights=right, minlength=N_BINS) / divisor,
    )


def expected_calibration_error(probabilities: NDArray[np.floating], targets: NDArray[np.int64]) -> float:
    """How far the probability of an answer is from the share of right answers, on average.

    Expected calibration error in 15 bins of equal width (Guo et al. 2017, arXiv 1706.04599).

    Args:
        probabilities: shape (n, n_labels).
        targets: label indices, shape (n,).

    Returns:
        From 0, perfectly calibrated, to 1.
    """
    counts, sure, right = reliability(probabilities, targets)
    return float((counts * np.abs(sure - right)).sum() / counts.sum())
