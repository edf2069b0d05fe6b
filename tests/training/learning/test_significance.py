import numpy as np
import pytest
from numpy.typing import NDArray

from training.learning.scores import speaker_counts
from training.learning.significance import Difference, holm, paired_difference, resample

N_SPEAKERS, N_EACH = 30, 20
SPEAKER = np.repeat(np.arange(N_SPEAKERS), N_EACH)
NAMES = [f"speaker-{number}" for number in SPEAKER]
RANDOM = np.random.default_rng(1)
TRUTH = RANDOM.integers(0, 4, len(SPEAKER))
CORRECT = RANDOM.random(len(SPEAKER)) < 0.6


def difference(first: NDArray[np.bool_ | np.floating], second: NDArray[np.bool_ | np.floating]) -> Difference:
    """Compare two models by the correctness of their answers."""
    one, other = (resample(speaker_counts(TRUTH, correct, NAMES), seed=1) for correct in (first, second))
    return paired_difference(one, other)


def test_equal_models_do_not_differ() -> None:
    assert difference(CORRECT, CORRECT) == Difference(0.0, 0.0, 0.0, 1.0)


def test_a_clearly_better_model_is_significant() -> None:
    better = CORRECT | (RANDOM.random(len(SPEAKER)) < 0.2)
    found = difference(better, CORRECT)
    assert found.p_value == pytest.approx(2 / 10_001)
    assert 0 < found.low < found.difference < found.high


def test_the_sides_are_symmetric() -> None:
    other = RANDOM.random(len(SPEAKER)) < 0.6
    one, back = difference(CORRECT, other), difference(other, CORRECT)
    assert one.p_value == back.p_value
    assert one.low == pytest.approx(-back.high)
    assert one.difference == -back.difference


def test_a_difference_that_one_speaker_carries_is_not_significant() -> None:
    worse = CORRECT & (SPEAKER != 0)
    found = difference(CORRECT, worse)
    assert found.difference > 0.01
    assert found.p_value > 0.3


def test_pairs_are_tested_more_finely_than_single_models() -> None:
    # Both models fail for the same speakers. The first one is right a little more often.
    hard = np.isin(SPEAKER, np.arange(10))
    second = CORRECT & ~hard
    first = second | ((RANDOM.random(len(SPEAKER)) < 0.05) & ~hard)
    found = difference(first, second)
    single = resample(speaker_counts(TRUTH, first, NAMES), seed=1).uars
    assert found.p_value < 0.01
    assert found.high - found.low < 0.2 * (np.quantile(single, 0.975) - np.quantile(single, 0.025))


def test_the_p_value_is_small_exactly_where_the_interval_excludes_no_difference() -> None:
    for share in np.linspace(0, 0.1, 21):
        other = np.where(RANDOM.random(len(SPEAKER)) < 0.5 + share, TRUTH % 2 == 0, CORRECT)
        found = difference(CORRECT, other)
        assert (found.p_value < 0.05) == (found.low > 0 or found.high < 0)


def test_about_one_in_twenty_equal_models_is_significant() -> None:
    significant = [
        difference(RANDOM.random(len(SPEAKER)) < 0.6, RANDOM.random(len(SPEAKER)) < 0.6).p_value < 0.05
        for _ in range(100)
    ]
    assert 0.01 < np.mean(significant) < 0.12


def test_the_correctness_may_be_a_share_of_seeds() -> None:
    found = difference(0.5 * CORRECT + 0.5, CORRECT)
    recalls = [CORRECT[label == TRUTH].mean() for label in range(4)]
    assert found.difference == pytest.approx(0.5 * (1 - np.mean(recalls)))


def test_one_speaker_permits_no_conclusion() -> None:
    ones = [
        resample(speaker_counts(TRUTH, one, ["same"] * len(TRUTH)), seed=1) for one in (CORRECT, ~CORRECT)
    ]
    assert paired_difference(*ones).p_value == 1


def test_holm_on_a_known_example() -> None:
    # The values of the function p.adjust of R.
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.9, 0.8]) == [1.0, 1.0]
    assert holm([]) == []
