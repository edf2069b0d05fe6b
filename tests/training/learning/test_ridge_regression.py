import numpy as np

from training.learning.ridge_regression import relative_to_speaker, spread_apart, weighted_ridge

RANDOM = np.random.default_rng(1)


def fit_two_features(spread: float) -> tuple[float, float]:
    """Return the weights of a stable feature and of a feature that shows the target in one condition only."""
    target = RANDOM.choice([-1.0, 1.0], 400)
    steady = target + RANDOM.normal(0, 0.5, (2, 400))
    fragile = np.stack([target + RANDOM.normal(0, 0.1, 400), RANDOM.normal(0, 0.1, 400)])
    values = np.stack([steady, fragile], axis=-1).astype(np.float32)
    values = spread_apart(values, spread).reshape(-1, 2)
    kernel, _ = weighted_ridge(values, np.tile(target, 2)[:, np.newaxis], np.ones(800), 1e-3)
    return float(kernel[0, 0]), float(kernel[1, 0])


def test_a_feature_that_differs_between_conditions_gets_less_weight() -> None:
    (_, before), (_, after) = fit_two_features(1), fit_two_features(4)
    assert before > 0.1
    assert after < before / 3


def test_a_spread_of_one_changes_nothing() -> None:
    values = RANDOM.normal(size=(3, 5, 2)).astype(np.float32)
    assert spread_apart(values, 1) is values


def test_spreading_keeps_the_mean() -> None:
    values = RANDOM.normal(size=(3, 5, 2)).astype(np.float32)
    spread = spread_apart(values, 3)
    np.testing.assert_allclose(spread.mean(axis=0), values.mean(axis=0), atol=1e-6)
    np.testing.assert_allclose(spread.std(axis=0), 3 * values.std(axis=0), rtol=1e-5)


def test_values_relative_to_the_speaker_keep_only_differences_within_the_speaker() -> None:
    values = RANDOM.normal(size=(6, 2)).astype(np.float32)
    speakers = np.array(["a", "b", "a", "b", "b", "a"])
    relative = relative_to_speaker(values, speakers)
    for speaker in ("a", "b"):
        rows = speakers == speaker
        np.testing.assert_allclose(relative[rows].mean(axis=0), 0, atol=1e-6)
        np.testing.assert_allclose(
            relative[rows] - relative[rows][0], values[rows] - values[rows][0], atol=1e-6
        )
