"""The map of a corpus: utterances that the network describes alike are near each other."""

from collections.abc import Sequence
from typing import cast

import numpy as np
from numpy.typing import NDArray
from sklearn.manifold import TSNE
from sklearn.neighbors import NearestNeighbors
from threadpoolctl import threadpool_limits  # scikit-learn requires it

PERPLEXITY = 30.0
"""The effective number of neighbors of t-SNE, the default of scikit-learn; van der Maaten & Hinton recommend
5 to 50. Fewer utterances lower it."""

N_NEIGHBORS = 10
"""The number of neighbors whose group is compared. Not tuned."""

FEWEST = N_NEIGHBORS + 1
"""The fewest utterances of a map."""


def embed(values: NDArray[np.float32], seed: int) -> NDArray[np.float32]:
    """Place utterances on a plane by t-SNE (van der Maaten & Hinton, JMLR 9, 2008).

    Near utterances stay near. Distances between far groups, and the axes, have no meaning.

    Args:
        values: the values of the utterances, shape (n, n_values), n of at least `FEWEST`.
        seed: the seed.

    Returns:
        The places, float32, shape (n, 2).
    """
    perplexity = min(PERPLEXITY, (len(values) - 1) / 3)
    model = TSNE(perplexity=perplexity, init="pca", random_state=seed, n_jobs=1)
    # A sum over several threads depends on their number, and waits for the slowest on a busy machine.
    with threadpool_limits(1):
        return cast("NDArray[np.float32]", model.fit_transform(values))


def neighbor_agreement(values: NDArray[np.float32], groups: Sequence[str | None]) -> tuple[float, float]:
    """Return how often the nearest utterances belong to the same group.

    The neighbors are those of the network's values, not those of the map, which distorts distances.

    Args:
        values: the values of the utterances, shape (n, n_values), n of at least `FEWEST`.
        groups: the group of each utterance.

    Returns:
        The share of the 10 nearest neighbors that belong to the group of the utterance, and the same share of
        neighbors drawn by chance.
    """
    nearest = NearestNeighbors(n_neighbors=N_NEIGHBORS).fit(values).kneighbors(return_distance=False)
    _, group = np.unique([str(one) for one in groups], return_inverse=True)
    counts = np.bincount(group)
    chance = float((counts * (counts - 1)).sum() / (len(group) * (len(group) - 1)))
    return float(np.mean(group[nearest] == group[:, np.newaxis])), chance
