"""Abstention: the accuracy of answers whose highest probability reaches a minimum.

A higher minimum leaves fewer answers, of which more are correct: the curve of risk against coverage
(El-Yaniv & Wiener 2010, JMLR 11; Geifman & El-Yaniv 2017, arXiv 1705.08500).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from training.learning.scores import uar

COVERAGES = (1.0, 0.9, 0.8, 0.7, 0.6, 0.5)
"""The coverages of a table."""

CURVE = tuple(np.linspace(1.0, 0.1, 91).round(2).tolist())
"""The coverages of a picture."""


@dataclass(frozen=True, slots=True)
class Coverage:
    """The answers with the highest confidence.

    Attributes:
        coverage: the share of utterances that get an answer.
        min_confidence: the lowest confidence of these answers: `min_confidence` of the service.
        accuracy: the accuracy of these answers.
        uar: the UAR of these answers, over the labels that occur.
    """

    coverage: float
    min_confidence: float
    accuracy: float
    uar: float


def coverage_of(
    probabilities: NDArray[np.floating], truth: NDArray[np.int64], coverages: Sequence[float] = COVERAGES
) -> list[Coverage]:
    """Score the answers with the highest confidence.

    Args:
        probabilities: the probabilities as in the service, shape (n, n_labels), n > 0.
        truth: the label indices, shape (n,).
        coverages: the shares of utterances that get an answer, each above 0 and at most 1.

    Returns:
        The scores for each coverage. Answers of the same confidence are kept or dropped together.

    Example:
        >>> sure = np.array([[0.9, 0.1], [0.4, 0.6]])
        >>> [one.accuracy for one in coverage_of(sure, np.array([0, 0]), [1.0, 0.5])]
        [0.5, 1.0]
    """
    confidence, recognized = probabilities.max(axis=1), probabilities.argmax(axis=1)
    descending = np.sort(confidence)[::-1]
    found = []
    for share in coverages:
        least = float(descending[max(round(share * len(descending)), 1) - 1])
        decided = confidence >= least
        found.append(
            Coverage(
                coverage=float(decided.mean()),
                min_confidence=least,
                accuracy=float((recognized[decided] == truth[decided]).mean()),
                uar=uar(truth[decided], recognized[decided]),
            )
        )
    return found
