"""A correction of a bundle's answers, learned from few labeled utterances of a site.

The correction is an affine map of the logits, matrix scaling (Guo et al. 2017, arXiv 1706.04599), with a
Gaussian prior whose mean is the original model (Chelba & Acero 2006, "Adaptation of maximum entropy
capitalizer", doi 10.1016/j.csl.2005.05.005). With the calibrated logits z of an utterance, minus their mean
over the labels, it adds

    D z + b + w s

where w is the weight of the speaker's mean (`app.core.speaker.weight_of`), and 0 without adaptation to the
speaker. The shift s exists because the adaptation removes a part of what b corrects: a line that raises the
score of anger for every speaker raises the mean of every speaker. D, b and s maximize the likelihood of the
labels, with an L2 penalty, both on the utterances one by one and adapted to their speakers. The temperature
of the bundle stays; D contains its correction.

All labels have the same total weight, as in the training (`training.learning.ridge_regression`). So a site
whose speech is mostly neutral does not learn to answer neutral. A label that does not occur is not evidence
against that label: the likelihood compares only the labels that occur, and the row of the other labels stays
0.
"""

import warnings
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import log_softmax, softmax
from sklearn.model_selection import StratifiedGroupKFold
from sklearn.utils.class_weight import compute_sample_weight

from app.core.speaker import weight_of

Array = NDArray[np.float64]
Labels = NDArray[np.int64]

PENALTIES = (float("inf"), 300.0, 100.0, 30.0, 10.0, 3.0, 1.0)
"""The candidates for the penalty, as the number of utterances that the original counts as. The first one
keeps the original. Not tuned."""
N_FOLDS = 5
"""The maximum number of folds over speakers. Not tuned."""
SEED = 1


@dataclass(frozen=True, slots=True)
class SiteScores:
    """The scores of a bundle for n utterances of a site.

    Attributes:
        logits: the calibrated logits, shape (n, n_labels).
        offsets: the offsets for the adaptation to speakers, on the scale of the logits, shape (n, n_labels);
            None if the bundle does not adapt.
        speakers: the speaker of each utterance, shape (n,).
    """

    logits: Array
    offsets: Array | None
    speakers: NDArray[np.str_]

    def part(self, indices: NDArray[np.intp]) -> "SiteScores":
        """Return the scores of some utterances."""
        offsets = None if self.offsets is None else self.offsets[indices]
        return SiteScores(self.logits[indices], offsets, self.speakers[indices])

    def views(self) -> dict[str, tuple[Array, Array]]:
        """Return the logits in each view of the utterances, and the weights of the speakers' means.

        Returns:
            For `one by one`, the logits as they are and zeros. If the bundle adapts to speakers, for
            `adapted to the speaker`, the logits adapted to all utterances of the speaker, as in a call, and
            the weights. Shapes (n, n_labels) and (n,).
        """
        views = {ONE_BY_ONE: (self.logits, np.zeros(len(self.logits)))}
        if self.offsets is not None:
            adapted, weights = self.logits.copy(), np.zeros(len(self.logits))
            for speaker in np.unique(self.speakers):
                own = self.speakers == speaker
                weights[own] = weight_of(int(own.sum()))
                adapted[own] -= weights[own, np.newaxis] * self.offsets[own].mean(axis=0)
            views[ADAPTED] = adapted, weights
        return views


ONE_BY_ONE, ADAPTED = "one by one", "adapted to the speaker"


@dataclass(frozen=True, slots=True)
class Correction:
    """An affine correction of calibrated logits.

    Attributes:
        matrix: D, shape (n_labels, n_labels).
        bias: b, shape (n_labels,).
        shift: s, shape (n_labels,).
    """

    matrix: Array
    bias: Array
    shift: Array

    @property
    def factor(self) -> Array:
        """The matrix that multiplies logits and offsets: I + D, with the subtraction of the mean in D."""
        n = len(self.bias)
        centering = np.eye(n) - 1 / n
        factor: Array = np.eye(n) + self.matrix @ centering
        return factor

    def logits(self, logits: Array, weights: Array) -> Array:
        """Correct logits.

        Args:
            logits: calibrated logits, adapted to a speaker or not, shape (n, n_labels).
            weights: the weight of the speaker's mean in each of them, shape (n,).
        """
        corrected: Array = logits @ self.factor.T + self.bias + np.outer(weights, self.shift)
        return corrected

    def offsets(self, offsets: Array) -> Array:
        """Correct offsets, so that an adaptation by them agrees with `logits`."""
        corrected: Array = offsets @ self.factor.T - self.shift
        return corrected


def fit(scores: SiteScores, targets: Labels, penalty: float) -> Correction:
    """Fit a correction.

    Args:
        scores: the scores of n utterances.
        targets: their label indices, shape (n,).
        penalty: the L2 penalty, on the scale of the sum over utterances; infinity keeps the original.
    """
    n_labels = scores.logits.shape[1]
    empty = np.zeros((n_labels, n_labels + 2))
    if np.isinf(penalty):
        return _correction(empty)
    views = list(scores.views().values())
    logits = np.concatenate([view for view, _ in views])
    features = np.concatenate([_features(*view) for view in views])
    truth = np.tile(targets, len(views))
    weights = np.tile(compute_sample_weight("balanced", targets), len(views)) / len(views)
    occurring = np.unique(targets)
    hits = (occurring == truth[:, np.newaxis]).astype(np.float64)

    def loss(flat: Array) -> tuple[float, Array]:
        parameters = flat.reshape(empty.shape)
        corrected = (logits + features @ parameters.T)[:, occurring]
        surprise = -(hits * log_softmax(corrected, axis=1)).sum(axis=1)
        gradient = penalty * parameters
        gradient[occurring] += ((softmax(corrected, axis=1) - hits) * weights[:, np.newaxis]).T @ features
        return float(weights @ surprise + penalty / 2 * (flat @ flat)), gradient.ravel()

    # L-BFGS-B starts threads for its small matrices, which then wait for each other.
    found = minimize(loss, empty.ravel(), jac=True, method="BFGS")
    return _correction(found.x.reshape(empty.shape))


def _features(logits: Array, weights: Array) -> Array:
    """Return the values that the correction is linear in: centered logits, 1, and the speaker's weight."""
    centered = logits - logits.mean(axis=1, keepdims=True)
    return np.column_stack([centered, np.ones(len(logits)), weights])


def _correction(parameters: Array) -> Correction:
    """Return the correction with these coefficients of `_features`."""
    return Correction(parameters[:, :-2], parameters[:, -2], parameters[:, -1])


def choose_penalty(scores: SiteScores, targets: Labels) -> float:
    """Return the penalty with the lowest log loss on speakers that did not fit the correction.

    Args:
        scores: the scores of n utterances of at least two speakers.
        targets: their label indices, shape (n,).
    """
    folds = folds_of(scores.speakers, targets)
    occurring, weights = np.unique(targets), compute_sample_weight("balanced", targets)

    def loss(penalty: float) -> float:
        total = 0.0
        for rest, held in folds:
            correction = fit(scores.part(rest), targets[rest], penalty)
            hits = occurring == targets[held, np.newaxis]
            for view in scores.part(held).views().values():
                likelihoods = log_softmax(correction.logits(*view)[:, occurring], axis=1)[hits]
                total -= float(weights[held] @ likelihoods)
        return total

    return min(PENALTIES, key=loss)


def folds_of(
    speakers: NDArray[np.str_], targets: Labels
) -> Sequence[tuple[NDArray[np.intp], NDArray[np.intp]]]:
    """Cut utterances into at most five folds that do not divide a speaker.

    Args:
        speakers: the speaker of each utterance, at least two different ones.
        targets: the label indices, which the folds balance as far as the speakers allow.

    Returns:
        The indices of the rest and of the held-out part of each fold.
    """
    n_folds = min(N_FOLDS, len(np.unique(speakers)))
    if n_folds == len(np.unique(speakers)):
        return [
            (np.flatnonzero(speakers != speaker), np.flatnonzero(speakers == speaker))
            for speaker in np.unique(speakers)
        ]
    splitter = StratifiedGroupKFold(n_folds, shuffle=True, random_state=SEED)
    with warnings.catch_warnings():
        # A label with fewer utterances than folds is missing from a fold, which `fit` permits.
        warnings.simplefilter("ignore", UserWarning)
        return list(splitter.split(np.zeros(len(targets)), targets, speakers))
