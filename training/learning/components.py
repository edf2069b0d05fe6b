"""Principal components of the encoder's statistics.

The 10,240 statistics of an utterance are strongly correlated, and 512 components keep most of their
variance. The components are not whitened, since whitening reduces accuracy (`docs/experiments.md`,
"Components, penalty, spread, balance"). They are scaled together to a mean square of about 1.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from sklearn.decomposition import PCA

from training.data.folds import Indices
from training.learning.network import MAX_DEVIATION

N_COMPONENTS = 512
"""The number of components; chosen in `docs/experiments.md`, "Components, penalty, spread, balance"."""

POWER_ITERATIONS = 2
"""The number of power iterations of the randomized solver. Halko et al. 2011 (arXiv 0909.4061) recommend one
or two."""

Array = NDArray[np.float32]


def fit_components(
    statistics: Sequence[Array], part: Indices, seed: int, n_components: int = N_COMPONENTS
) -> Array:
    """Find the principal components of standardized statistics.

    Args:
        statistics: the standardized statistics of all utterances under each condition, shape (n, n_values)
            each; values are clipped at ± 3. Each utterance of the part counts under one condition, in turn.
        part: the indices of the utterances to use.
        seed: the seed of the solver.
        n_components: the number of components to keep, limited to n and n_values.

    Returns:
        The projection matrix, float32, shape (n_values, n_components). The components are ordered by
        decreasing variance.
    """
    n = len(statistics)
    rows = np.concatenate([values[part[place::n]] for place, values in enumerate(statistics)])
    clipped = np.clip(rows, -MAX_DEVIATION, MAX_DEVIATION)
    analysis = PCA(
        min(n_components, *clipped.shape),
        svd_solver="randomized",
        iterated_power=POWER_ITERATIONS,
        random_state=seed,
    ).fit(clipped)
    scaled = analysis.components_.T / np.sqrt(analysis.explained_variance_.mean())
    return np.asarray(scaled, np.float32)
