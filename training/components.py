"""Principal components of the encoder's statistics.

The 4,096 statistics of an utterance are strongly correlated: 512 components keep nine tenths of their
variance, and a ridge regression on them scores as one on all (`docs/experiments.md`). The components
keep their relative scale, since whitening them costs accuracy; together they have a mean square of 1.
"""

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import eigh

from training.network import MAX_DEVIATION

N_COMPONENTS = 512

Array = NDArray[np.float32]


def fit_components(statistics: Iterable[Array], n_components: int = N_COMPONENTS) -> Array:
    """Find the principal components of standardized statistics.

    Args:
        statistics: parts of all utterances, shape (n, n_values) each; values are clipped at ± 3.
        n_components: how many are kept, at most as many as there are values.

    Returns:
        float32, shape (n_values, n_components); a product with clipped statistics gives the
        components, the strongest first.
    """
    # Standardized statistics have a mean of about 0, so that the second moment is their covariance.
    second_moment: NDArray[np.floating] = np.zeros(())
    n = 0
    for part in statistics:
        clipped = np.clip(part, -MAX_DEVIATION, MAX_DEVIATION)
        second_moment = second_moment + clipped.T @ clipped
        n += len(part)
    size = len(second_moment)
    kept = min(n_components, size)
    variances, vectors = eigh(second_moment / n, subset_by_index=[size - kept, size - 1])
    vectors = vectors[:, ::-1] / np.sqrt(variances.mean())
    # The sign of an eigenvector is arbitrary: make the largest value positive.
    largest = vectors[np.abs(vectors).argmax(axis=0), np.arange(kept)]
    return np.asarray(vectors * np.sign(largest), np.float32)


def project(statistics: Array, components: Array) -> Array:
    """Compute the components of utterances.

    Args:
        statistics: standardized, shape (n, n_values).
        components: from `fit_components`.

    Returns:
        float32, shape (n, n_components).
    """
    projected: Array = np.clip(statistics, -MAX_DEVIATION, MAX_DEVIATION) @ components
    return projected
