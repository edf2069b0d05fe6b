import numpy as np
import pytest

from training.learning.calibration import expected_calibration_error
from training.learning.paired import compare
from training.learning.scores import uar

SPEAKERS = [str(speaker) for speaker in np.repeat(range(10), 12)]


def generated(seed: int) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(seed)
    truth = random.integers(0, 3, len(SPEAKERS))
    return random.dirichlet(np.ones(3), len(SPEAKERS)), truth


def test_the_figures_are_those_of_the_other_modules() -> None:
    before, truth = generated(1)
    after = np.eye(3)[truth] * 0.5 + before * 0.5
    changes = compare(before, after, truth, SPEAKERS, 1)
    for name, probabilities in (("before", before), ("after", after)):
        recognized = probabilities.argmax(axis=1)
        assert getattr(changes["uar"], name) == pytest.approx(uar(truth, recognized))
        assert getattr(changes["accuracy"], name) == pytest.approx((recognized == truth).mean())
        error = expected_calibration_error(probabilities, truth)
        assert getattr(changes["calibration_error"], name) == pytest.approx(error)
    low, high = changes["uar"].interval
    assert 0 < low < changes["uar"].difference < high


def test_equal_sets_have_no_difference() -> None:
    probabilities, truth = generated(2)
    for change in compare(probabilities, probabilities, truth, SPEAKERS, 1).values():
        assert change.difference == 0
        assert change.interval == (0, 0)


def test_the_interval_counts_speakers_and_not_utterances() -> None:
    """One of ten speakers gains everything; a third of the samples have no such speaker."""
    _, truth = generated(3)
    before = np.eye(3)[(truth + 1) % 3]
    after = before.copy()
    after[:12] = np.eye(3)[truth[:12]]
    low, high = compare(before, after, truth, SPEAKERS, 1)["accuracy"].interval
    assert low == 0
    assert high >= 0.3
