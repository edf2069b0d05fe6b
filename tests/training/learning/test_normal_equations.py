import numpy as np
import pytest
from sklearn.linear_model import Ridge

from training.learning.normal_equations import NormalEquations

RANDOM = np.random.default_rng(1)


@pytest.mark.parametrize("n", [30, 200])
def test_the_solution_agrees_with_scikit_learn(n: int) -> None:
    features = RANDOM.normal(1, 1, (2, n, 50)).astype(np.float32)
    targets, weights = RANDOM.normal(0, 1, (n, 3)), RANDOM.uniform(0.5, 2, n)
    expected = Ridge(alpha=0.3).fit(
        features.reshape(-1, 50).astype(np.float64),
        np.tile(targets, (2, 1)),
        sample_weight=np.concatenate([weights, 2 * weights]),
    )
    equations = NormalEquations()
    half = n // 2  # one condition in two chunks
    equations.add(features[0, :half], targets[:half], weights[:half])
    equations.add(features[0, half:], targets[half:], weights[half:])
    equations.add(features[1], targets, weights, 2)
    kernel, bias = equations.solve(0.3 / (3 * weights.sum()))
    np.testing.assert_allclose(kernel, expected.coef_.T, atol=1e-4)
    np.testing.assert_allclose(bias, expected.intercept_, atol=1e-4)
