"""Probabilities that mean what they say: of the answers given with 70 %, 70 % are right."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize, minimize_scalar
from scipy.special import logsumexp

from app.core.recognizer import apply_temperature

N_BINS = 15
LOG_TEMPERATURES = (np.log(0.1), np.log(10.0))
# Of one among several, which count for more the lower theirs is: a hundred is as good as silence.
LOG_MEMBER_TEMPERATURES = (np.log(0.01), np.log(100.0))


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


def fit_temperatures(
    probabilities: Sequence[NDArray[np.floating]], targets: NDArray[np.int64]
) -> list[float]:
    """Find the temperatures under which the geometric mean of several answers is the most likely.

    The logarithmic opinion pool with fitted weights (Heskes 1998, "Selecting weighting factors in
    logarithmic opinion pools", NIPS 10): n networks of temperatures T answer with weights 1 / (n T).

    Args:
        probabilities: of the validation part, shape (n, n_labels) each.
        targets: its label indices, shape (n,).

    Returns:
        A temperature for each, from 0.01 to 100.
    """
    logarithms = np.log(np.maximum(np.stack(probabilities), np.finfo(np.float32).tiny)).astype(np.float64)

    def loss(log_temperatures: NDArray[np.float64]) -> float:
        scores = np.mean(logarithms / np.exp(log_temperatures)[:, np.newaxis, np.newaxis], axis=0)
        return float((logsumexp(scores, axis=1) - scores[np.arange(len(targets)), targets]).mean())

    start = np.zeros(len(probabilities))
    found = minimize(loss, start, method="L-BFGS-B", bounds=[LOG_MEMBER_TEMPERATURES] * len(start))
    return [float(temperature) for temperature in np.exp(found.x)]


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
