import numpy as np
import pytest

from training.learning.ranks import critical_difference, mean_ranks, not_separated

# Demšar 2006, table 6: the AUC of four versions of C4.5 on 14 data sets.
AUC = np.array(
    [
        [0.763, 0.768, 0.771, 0.798],
        [0.599, 0.591, 0.590, 0.569],
        [0.954, 0.971, 0.968, 0.967],
        [0.628, 0.661, 0.654, 0.657],
        [0.882, 0.888, 0.886, 0.898],
        [0.936, 0.931, 0.916, 0.931],
        [0.661, 0.668, 0.609, 0.685],
        [0.583, 0.583, 0.563, 0.625],
        [0.775, 0.838, 0.866, 0.875],
        [1.000, 1.000, 1.000, 1.000],
        [0.940, 0.962, 0.965, 0.962],
        [0.619, 0.666, 0.614, 0.669],
        [0.972, 0.981, 0.9751, 0.975],
        [0.957, 0.978, 0.946, 0.970],
    ]
)


def test_the_mean_ranks_are_those_of_the_publication() -> None:
    assert mean_ranks(AUC) == pytest.approx([3.143, 2.000, 2.893, 1.964], abs=0.001)


@pytest.mark.parametrize(
    ("n_models", "n_blocks", "published"), [(4, 14, 1.25), (5, 30, 1.113), (2, 6, 0.800)]
)
def test_the_critical_difference_agrees_with_published_quantiles(
    n_models: int, n_blocks: int, published: float
) -> None:
    # Table 5 of the publication: the quantile is 1.960 for 2 models, 2.569 for 4, 2.728 for 5.
    assert critical_difference(n_models, n_blocks) == pytest.approx(published, abs=0.005)


def test_groups_are_as_large_as_possible() -> None:
    assert not_separated([1.0, 1.5, 2.6, 2.9, 5.0], critical=1.5) == [(0, 1), (1, 3)]
    assert not_separated([1.0, 1.1, 1.2], critical=1.0) == [(0, 2)]
    assert not_separated([1.0, 3.0], critical=1.0) == []
