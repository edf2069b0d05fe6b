import numpy as np
import pytest

from training.learning.scores import bootstrap_interval, uar, uar_by

RANDOM = np.random.default_rng(1)
SPEAKERS = [f"speaker-{number}" for number in np.repeat(np.arange(30), 20)]
TRUTH = RANDOM.integers(0, 4, 600)


def test_an_absent_label_does_not_count() -> None:
    assert uar(np.array([0, 0, 1]), np.array([0, 2, 1])) == pytest.approx(0.75)


def test_the_interval_contains_the_score_and_is_reproducible() -> None:
    recognized = np.where(RANDOM.random(600) < 0.6, TRUTH, 3 - TRUTH)
    low, high = bootstrap_interval(TRUTH, recognized, SPEAKERS, seed=1)
    assert low < uar(TRUTH, recognized) < high
    assert (low, high) == bootstrap_interval(TRUTH, recognized, SPEAKERS, seed=1)
    # For 600 independent utterances and a UAR of 60 %, the interval is about ± 4 points.
    assert 0.05 < high - low < 0.11


def test_correlated_answers_of_speakers_widen_the_interval() -> None:
    correct = RANDOM.random(30) < 0.6
    recognized = np.where(np.repeat(correct, 20), TRUTH, 3 - TRUTH)
    low, high = bootstrap_interval(TRUTH, recognized, SPEAKERS, seed=1)
    assert high - low > 0.25


def test_groups_are_scored_separately_without_unknown_members() -> None:
    truth, recognized = np.array([0, 1, 0, 1, 0]), np.array([0, 1, 0, 0, 1])
    assert uar_by(["m", "m", "f", "f", None], truth, recognized) == {
        "f": {"uar": 0.5, "n_labels": 2},
        "m": {"uar": 1.0, "n_labels": 2},
    }
