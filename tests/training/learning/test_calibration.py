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
CALIBRATED = RANDOM.dirichlet([0.5] * 5, 20_000).astype(np.float32)
# A label of each row, with the probabilities of the row.
TRUTH = (RANDOM.random((20_000, 1)) < np.cumsum(CALIBRATED, axis=1)).argmax(axis=1)


def test_calibrated_probabilities_have_no_calibration_error() -> None:
    assert expected_calibration_error(CALIBRATED, TRUTH) < 0.02


def test_the_error_is_the_gap_between_confidence_and_accuracy() -> None:
    # The confidence is 90 %. The accuracy is 60 of 100.
    probabilities = np.tile([0.9, 0.1], (100, 1))
    truth = np.array([0] * 60 + [1] * 40)
    assert expected_calibration_error(probabilities, truth) == pytest.approx(0.3)
    assert expected_calibration_error(np.eye(2)[truth], truth) == 0


@pytest.mark.parametrize("temperature", [0.5, 1.0, 3.0])
def test_the_fit_finds_the_temperature_of_the_distortion(temperature: float) -> None:
    distorted = apply_temperature(CALIBRATED, 1 / temperature).astype(np.float32)
    found = fit_temperature(distorted, TRUTH)
    assert found == pytest.approx(temperature, rel=0.05)
    assert expected_calibration_error(apply_temperature(distorted, found), TRUTH) < 0.02


def test_a_confident_error_does_not_make_the_temperature_infinite() -> None:
    confident = np.eye(2, dtype=np.float32)[[0, 0, 1, 1]]
    assert np.isfinite(fit_temperature(confident, np.array([0, 1, 1, 1])))


def test_the_temperature_of_a_fold_comes_from_the_other_folds() -> None:
    overconfident = apply_temperature(CALIBRATED, 0.5).astype(np.float32)
    folds = np.array_split(np.arange(len(TRUTH)), 3)
    probabilities = [CALIBRATED[folds[0]], overconfident[folds[1]], overconfident[folds[2]]]
    found = cross_fit_temperatures(probabilities, [TRUTH[fold] for fold in folds])
    assert found[0] == pytest.approx(2, rel=0.05)
    # Each of the other temperatures comes from a calibrated fold and an overconfident fold.
    assert 1.1 < found[1] < 1.9
    assert found[2] == pytest.approx(found[1], rel=0.05)


def test_random_probabilities_get_little_weight() -> None:
    guesses = np.random.default_rng(2).dirichlet([0.5] * 5, len(TRUTH)).astype(np.float32)
    weights = fit_weights([CALIBRATED, guesses], TRUTH)
    combined = mean([CALIBRATED, guesses], weights)
    assert sum(weights) == pytest.approx(1)
    assert weights[1] < 0.2
    found = fit_temperature(combined, TRUTH)
    assert expected_calibration_error(apply_temperature(combined, found), TRUTH) < 0.1


def test_the_weights_do_not_replace_the_temperature() -> None:
    # Both are overconfident by the same factor. The temperature corrects this; the weights do not.
    overconfident = apply_temperature(CALIBRATED, 0.5).astype(np.float32)
    weights = fit_weights([overconfident, overconfident], TRUTH)
    combined = mean([overconfident, overconfident], weights)
    assert sum(weights) == pytest.approx(1)
    np.testing.assert_allclose(combined, overconfident, atol=1e-5)
    assert fit_temperature(combined, TRUTH) == pytest.approx(2, rel=0.05)
