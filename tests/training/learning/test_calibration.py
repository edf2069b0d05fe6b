import numpy as np
import pytest

from app.core.recognizer import apply_temperature
from training.learning.calibration import (
    cross_fit_temperatures,
    expected_calibration_error,
    fit_temperature,
    fit_weights,
)
from training.learning.ensemble import mean

RANDOM = np.random.default_rng(1)
HONEST = RANDOM.dirichlet([0.5] * 5, 20_000).astype(np.float32)
TRUTH = np.array([RANDOM.choice(5, p=row / row.sum()) for row in HONEST.astype(np.float64)])


def test_answers_that_are_as_right_as_they_are_sure_have_no_error() -> None:
    assert expected_calibration_error(HONEST, TRUTH) < 0.02


def test_the_error_is_the_gap_between_sure_and_right() -> None:
    # Sure to 90 %, right in 60 of 100.
    probabilities = np.tile([0.9, 0.1], (100, 1))
    truth = np.array([0] * 60 + [1] * 40)
    assert expected_calibration_error(probabilities, truth) == pytest.approx(0.3)
    assert expected_calibration_error(np.eye(2)[truth], truth) == 0


@pytest.mark.parametrize("temperature", [0.5, 1.0, 3.0])
def test_the_temperature_that_spoilt_them_is_found(temperature: float) -> None:
    spoilt = apply_temperature(HONEST, 1 / temperature).astype(np.float32)
    found = fit_temperature(spoilt, TRUTH)
    assert found == pytest.approx(temperature, rel=0.05)
    assert expected_calibration_error(apply_temperature(spoilt, found), TRUTH) < 0.02


def test_one_sure_error_does_not_make_it_infinite() -> None:
    sure = np.eye(2, dtype=np.float32)[[0, 0, 1, 1]]
    assert np.isfinite(fit_temperature(sure, np.array([0, 1, 1, 1])))


def test_the_temperature_of_a_fold_comes_from_the_other_folds() -> None:
    too_sure = apply_temperature(HONEST, 0.5).astype(np.float32)
    folds = np.array_split(np.arange(len(TRUTH)), 3)
    probabilities = [HONEST[folds[0]], too_sure[folds[1]], too_sure[folds[2]]]
    found = cross_fit_temperatures(probabilities, [TRUTH[fold] for fold in folds])
    assert found[0] == pytest.approx(2, rel=0.05)
    # Each of the others learned from the fold without error and from the fold that is too sure.
    assert 1.1 < found[1] < 1.9
    assert found[2] == pytest.approx(found[1], rel=0.05)


def test_of_two_answers_the_one_that_knows_nothing_gets_little_weight() -> None:
    guesses = np.random.default_rng(2).dirichlet([0.5] * 5, len(TRUTH)).astype(np.float32)
    weights = fit_weights([HONEST, guesses], TRUTH)
    together = mean([HONEST, guesses], weights)
    assert sum(weights) == pytest.approx(1)
    assert weights[1] < 0.2
    found = fit_temperature(together, TRUTH)
    assert expected_calibration_error(apply_temperature(together, found), TRUTH) < 0.1


def test_the_weights_do_not_hide_the_temperature() -> None:
    # Both are twice as sure as they may be: the weights say nothing of that, the temperature does.
    sure = apply_temperature(HONEST, 0.5).astype(np.float32)
    weights = fit_weights([sure, sure], TRUTH)
    together = mean([sure, sure], weights)
    assert sum(weights) == pytest.approx(1)
    np.testing.assert_allclose(together, sure, atol=1e-5)
    assert fit_temperature(together, TRUTH) == pytest.approx(2, rel=0.05)
