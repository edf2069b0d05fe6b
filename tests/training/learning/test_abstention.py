import numpy as np
import pytest

from training.learning.abstention import COVERAGES, CURVE, coverage_of

RANDOM = np.random.default_rng(1)
CALIBRATED = RANDOM.dirichlet([0.5] * 5, 5_000)
TRUTH = np.array([RANDOM.choice(5, p=row) for row in CALIBRATED])


def test_calibrated_answers_are_more_often_right_at_a_lower_coverage() -> None:
    found = coverage_of(CALIBRATED, TRUTH)
    assert [one.coverage for one in found] == pytest.approx(COVERAGES)
    for field in ("accuracy", "uar", "min_confidence"):
        values = [getattr(one, field) for one in found]
        assert values == sorted(values)
    for one in found:
        decided = CALIBRATED.max(axis=1) >= one.min_confidence
        assert decided.mean() == pytest.approx(one.coverage)
        right = CALIBRATED.argmax(axis=1)[decided] == TRUTH[decided]
        assert one.accuracy == pytest.approx(right.mean())


def test_answers_of_the_same_confidence_stay_together() -> None:
    same = np.tile([0.8, 0.2], (10, 1))
    (half,) = coverage_of(same, np.zeros(10, np.int64), [0.5])
    assert (half.coverage, half.accuracy, half.min_confidence) == (1.0, 1.0, 0.8)


def test_few_utterances_have_a_curve() -> None:
    assert len(coverage_of(np.array([[0.6, 0.4]]), np.array([1]), CURVE)) == len(CURVE)
