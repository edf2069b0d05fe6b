import numpy as np
import pytest

from training.learning.fairness import gap_between

N = 60
TRUTH = np.arange(N) % 3
SPEAKERS = [f"speaker {number // 6}" for number in range(N)]
SEX = ["f" if number < N // 2 else "m" for number in range(N)]


def test_the_gap_is_the_difference_in_uar_with_an_interval_over_speakers() -> None:
    # Two of five men are never understood.
    wrong = np.isin(SPEAKERS, ["speaker 5", "speaker 6"])
    gap = gap_between(SEX, TRUTH, np.where(wrong, (TRUTH + 1) % 3, TRUTH), SPEAKERS, 1)
    assert gap is not None
    assert (gap.best, gap.worst) == ("f", "m")
    assert gap.difference == pytest.approx(0.4)
    low, high = gap.interval_95
    assert low < 0.1  # all of the men in a sample may be others
    assert 0.7 < high <= 1
    assert gap.groups["m"].n_speakers == 5
    assert gap.groups["m"].uar == pytest.approx(0.6)


def test_utterances_without_a_group_do_not_count() -> None:
    names = [*SEX[:-6], *[None] * 6]
    wrong = np.isin(SPEAKERS, ["speaker 9"])
    gap = gap_between(names, TRUTH, np.where(wrong, (TRUTH + 1) % 3, TRUTH), SPEAKERS, 1)
    assert gap is not None
    assert gap.difference == 0
    assert gap.groups["m"].n_speakers == 4


def test_one_group_has_no_gap() -> None:
    assert gap_between(["f"] * N, TRUTH, TRUTH, SPEAKERS, 1) is None
