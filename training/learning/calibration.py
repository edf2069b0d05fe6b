"""Calibration: temperature scaling, fusion weights and calibration error.

Calibrated probabilities agree with the accuracy: of the answers with a probability of 70 %, 70 % are correct.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize, minimize_scalar
from scipy.special import logsumexp

from app.core.recognizer import apply_temperature

N_BINS = 15
"""The number of bins of the calibration error (Guo et al. 2017, arXiv 1706.04599)."""

LOG_TEMPERATURES = (np.log(0.1), np.log(10.0))
"""The bounds of the logarithm of the temperature. Not tuned."""

LOG_FACTORS = (np.log(0.01), np.log(10.0))
"""The bounds of the logarithm of a fusion weight before normalization. Not tuned."""

EQUALITY = 0.1
"""The penalty on unequal fusion weights. Without it, the weights of networks that differ only in their seed
are arbitrary, and networks that are best on known corpora outweigh the ridge regression, which is best on
others (`docs/experiments.md`, "Weights")."""


def fit_temperature(probabilities: NDArray[np.floating], targets: NDArray[np.int64]) -> float:
    """Fit the temperature that maximizes the likelihood of the labels (Guo et al. 2017, arXiv 1706.04599).

    Args:
        probabilities: the probabilities of n utterances that did not train, shape (n, n_labels).
        targets: the label indices of these utterances, shape (n,).

    Returns:
        The temperature, from 0.1 to 10.
    """

    def loss(log_temperature: float) -> float:
        calibrated = apply_temperature(probabilities, np.exp(log_temperature))
        likelihoods = calibrated[np.arange(len(targets)), targets]
        return float(-np.log(np.maximum(likelihoods, np.finfo(np.float64).tiny)).mean())

    return float(np.exp(minimize_scalar(loss, bounds=LOG_TEMPERATURES, method="bounded").x))


def cross_fit_temperatures(
    probabilities: Sequence[NDArray[np.floating]], targets: Sequence[NDArray[np.int64]]
) -> list[float]:
    """Fit for each fold the temperature on the test parts of all other folds.

    The speakers of a validation part are few, and networks are often surer of them than of other speakers.
    The test parts of the other folds together contain most speakers, and the test part of the fold itself has
    no influence on its temperature (`docs/experiments.md`, "Temperature").

    Args:
        probabilities: the probabilities of the test part of each fold, not calibrated, shape (n_test,
            n_labels) each.
        targets: the label indices of the test part of each fold, shape (n_test,) each.

    Returns:
        The temperature of each fold, from 0.1 to 10.
    """
    temperatures = []
    for fold in range(len(targets)):
        others = [other for other in range(len(targets)) if other != fold]
        temperatures.append(
            fit_temperature(
                np.concatenate([probabilities[other] for other in others]),
                np.concatenate([targets[other] for other in others]),
            )
        )
    return temperatures


def fit_weights(probabilities: Sequence[NDArray[np.floating]], targets: NDArray[np.int64]) -> list[float]:
    """Fit the fusion weights of the weighted geometric mean with the highest likelihood.

    This is the logarithmic opinion pool with fitted weights (Heskes 1998, "Selecting weighting factors in
    logarithmic opinion pools", NIPS 10). The fit also scales the weights, which calibrates the pool. The
    returned weights are normalized, and `fit_temperature` fits the temperature of the pool afterward.

    Args:
        probabilities: the probabilities of the validation part from each network, shape (n, n_labels) each.
        targets: the label indices of the validation part, shape (n,).

    Returns:
        The weight of each network. The weights sum to 1.
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
    """Compute the count, the mean confidence and the accuracy of the answers by confidence bin.

    The confidence of an answer is its highest probability. There are 15 bins of equal width.

    Args:
        probabilities: the probabilities of the labels, shape (n, n_labels).
        targets: the label indices, shape (n,).

    Returns:
        The number of answers, their mean confidence and their accuracy, by bin; 0 for an empty bin.
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
    """Compute the expected calibration error in 15 bins of equal width (Guo et al. 2017, arXiv 1706.04599).

    The error is the mean absolute difference between confidence and accuracy over the bins.

    Args:
        probabilities: the probabilities of the labels, shape (n, n_labels).
        targets: the label indices, shape (n,).

    Returns:
        The error, from 0 (perfectly calibrated) to 1.
    """
    counts, sure, right = reliability(probabilities, targets)
    return float((counts * np.abs(sure - right)).sum() / counts.sum())
