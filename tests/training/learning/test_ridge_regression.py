import numpy as np

from training.learning.ridge_regression import relative_to_speaker, spread_apart, weighted_ridge

RANDOM = np.random.default_rng(1)


def score_both(spread: float) -> tuple[float, float]:
    """Of what stays and what only one condition shows, how much a solution leans on each."""
    said = RANDOM.choice([-1.0, 1.0], 400)
    steady = said + RANDOM.normal(0, 0.5, (2, 400))
    fragile = np.stack([said + RANDOM.normal(0, 0.1, 400), RANDOM.normal(0, 0.1, 400)])
    values = np.stack([steady, fragile], axis=-1).astype(np.float32)
    values = spread_apart(values, spread).reshape(-1, 2)
    kernel, _ = weighted_ridge(values, np.tile(said, 2)[:, np.newaxis], np.ones(800), 1e-3)
    return float(kernel[0, 0]), float(kernel[1, 0])


def test_what_differs_between_conditions_is_leant_on_less() -> None:
    (_, before), (_, after) = score_both(1), score_both(4)
    assert before > 0.1
    assert after < before / 3


def test_apart_by_one_is_as_it_is() -> None:
    values = RANDOM.normal(size=(3, 5, 2)).astype(np.float32)
    assert spread_apart(values, 1) is values


def test_the_mean_stays_where_it_is() -> None:
    values = RANDOM.normal(size=(3, 5, 2)).astype(np.float32)
    apart = spread_apart(values, 3)
    np.testing.assert_allclose(apart.mean(axis=0), values.mean(axis=0), atol=1e-6)
    np.testing.assert_allclose(apart.std(axis=0), 3 * values.std(axis=0), rtol=1e-5)


def test_relative_to_the_speaker_says_nothing_of_the_speaker() -> None:
    values = RANDOM.normal(size=(6, 2)).astype(np.float32)
    speakers = np.array(["a", "b", "a", "b", "b", "a"])
    relative = relative_to_speaker(values, speakers)
    for speaker in ("a", "b"):
        own = speakers == speaker
        np.testing.assert_allclose(relative[own].mean(axis=0), 0, atol=1e-6)
        np.testing.assert_allclose(relative[own] - relative[own][0], values[own] - values[own][0], atol=1e-6)
