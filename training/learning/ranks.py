"""Mean ranks of several models, and the critical difference between them.

Demšar 2006, "Statistical comparisons of classifiers over multiple data sets", Journal of Machine Learning
Research 7, section 3.2.2.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata, studentized_range

ALPHA = 0.05
"""The probability that the test separates models that are equal. Not tuned."""


def mean_ranks(scores: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the mean rank of each model; 1 is best, and equal scores share their mean rank.

    Args:
        scores: the score of each model in each block, higher is better, shape (n_blocks, n_models).

    Returns:
        The mean rank over the blocks, shape (n_models,).
    """
    ranks: NDArray[np.float64] = rankdata(-scores, axis=1).mean(axis=0)
    return ranks


def critical_difference(n_models: int, n_blocks: int) -> float:
    """Return the difference of mean ranks that Nemenyi's test requires (Demšar 2006, page 11).

    Args:
        n_models: the number of models, at least 2.
        n_blocks: the number of blocks, in each of which all models are ranked.

    Returns:
        q √(k (k + 1) / 6N), where q is the quantile of the studentized range divided by √2.
    """
    quantile = float(studentized_range.ppf(1 - ALPHA, n_models, np.inf)) / np.sqrt(2)
    return float(quantile * np.sqrt(n_models * (n_models + 1) / (6 * n_blocks)))


def not_separated(ranks: Sequence[float], critical: float) -> list[tuple[int, int]]:
    """Return the largest groups of models whose mean ranks differ by less than the critical difference.

    Args:
        ranks: the mean ranks in ascending order.
        critical: the critical difference.

    Returns:
        The first and the last position of each group of two or more models. No group contains another group.
    """
    groups: list[tuple[int, int]] = []
    for start, rank in enumerate(ranks):
        end = max(place for place, other in enumerate(ranks) if other - rank < critical)
        if end > start and (not groups or end > groups[-1][1]):
            groups.append((start, end))
    return groups
