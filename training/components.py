"""Principal components of the encoder's statistics.

The 10,240 statistics of an utterance are strongly correlated: 512 components keep most of their
variance. The components keep their relative scale, since whitening them costs accuracy
(`docs/experiments.md`); together they have a mean square of about 1.
"""

import numpy as np
from numpy.typing import NDArray
from sklearn.decomposition import PCA

from training.network import MAX_DEVIATION

N_COMPONENTS = 512
POWER_ITERATIONS = 2
"""Of the randomized solver (Halko et al. 2011, arXiv 0909.4061), which recommends one or two."""

Array = NDArray[np.float32]


def fit_components(statistics: Array, seed: int, n_components: int = N_COMPONENTS) -> Array:
    """Find the principal components of standardized statistics.

    Args:
        statistics: shape (n, n_values); values are clipped at ± 3.
        seed: of the solver.
        n_components: how many are kept, at most n and n_values.

    Returns:
        float32, shape (n_values, n_components), with the precision of float16, in which a bundle
        stores them; a product with clipped statistics gives the components, the strongest first.
    """
    clipped = np.clip(statistics, -MAX_DEVIATION, MAX_DEVIATION)
    analysis = PCA(
        min(n_components, *clipped.shape),
        svd_solver="randomized",
        iterated_power=POWER_ITERATIONS,
        random_state=seed,
    ).fit(clipped)
    scaled = analysis.components_.T / np.sqrt(analysis.explained_variance_.mean())
    return np.asarray(scaled.astype(np.float16), np.float32)


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
