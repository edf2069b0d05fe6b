"""The correction of answers for a site, on generated scores."""

import numpy as np
import pytest

from app.core.speaker import SpeakerScores, adapt, softmax
from training.evaluation.before_after import cross_validate_fine_tuning
from training.learning.correction import (
    ADAPTED,
    ONE_BY_ONE,
    Correction,
    Labels,
    SiteScores,
    choose_penalty,
    fit,
    folds_of,
)

N_LABELS = 4


def site(
    bias: float, n_speakers: int = 8, *, adapts: bool = True, seed: int = 1
) -> tuple[SiteScores, Labels]:
    """Return scores of ten utterances of each speaker, with a bias to the first label in every score."""
    random = np.random.default_rng(seed)
    speakers = np.repeat(np.arange(n_speakers), 10)
    targets = random.integers(0, N_LABELS, len(speakers))
    voices = random.normal(0, 0.5, (n_speakers, N_LABELS))[speakers] + bias * np.eye(N_LABELS)[0]
    logits = 2 * np.eye(N_LABELS)[targets] + random.normal(0, 1, (len(speakers), N_LABELS)) + voices
    return SiteScores(logits, logits if adapts else None, speakers.astype(str)), targets


@pytest.mark.parametrize("adapts", [False, True])
def test_a_systematic_bias_is_corrected_for_other_speakers(*, adapts: bool) -> None:
    result = cross_validate_fine_tuning(*site(3.0, adapts=adapts))
    assert result.better
    assert set(result.changes) == ({ONE_BY_ONE, ADAPTED} if adapts else {ONE_BY_ONE})
    for changes in result.changes.values():
        assert changes["uar"].difference > 0.02
        assert changes["calibration_error"].difference < 0
    assert result.changes[ONE_BY_ONE]["uar"].interval[0] > 0.1


def test_without_the_shift_the_adaptation_would_correct_the_bias_twice() -> None:
    scores, targets = site(3.0, n_speakers=20)
    correction = fit(scores, targets, 1.0)
    logits, weights = scores.views()[ADAPTED]
    first = targets == 0
    right = correction.logits(logits, weights)[first].argmax(axis=1) == 0
    twice = correction.logits(logits, np.zeros_like(weights))[first].argmax(axis=1) == 0
    assert correction.bias[0] < -1
    assert correction.shift[0] > 0.5
    assert right.mean() > twice.mean() + 0.05


def test_good_answers_are_kept() -> None:
    scores, targets = site(0.0, n_speakers=4)
    perfect = SiteScores(np.log(np.eye(N_LABELS)[targets] * 0.96 + 0.01), None, scores.speakers)
    result = cross_validate_fine_tuning(perfect, targets)
    assert not result.better
    assert result.changes[ONE_BY_ONE]["uar"].difference == 0


def test_labels_without_meaning_leave_the_original() -> None:
    scores, _ = site(0.0, n_speakers=12)
    random = np.random.default_rng(2).integers(0, N_LABELS, len(scores.logits))
    uniform = SiteScores(scores.logits * 0.01, None, scores.speakers)
    assert np.isinf(choose_penalty(uniform, random))


def test_an_infinite_penalty_gives_the_answers_of_the_original() -> None:
    scores, targets = site(3.0)
    correction = fit(scores, targets, np.inf)
    for logits, weights in scores.views().values():
        np.testing.assert_array_equal(correction.logits(logits, weights), logits)
    assert scores.offsets is not None
    np.testing.assert_array_equal(correction.offsets(scores.offsets), scores.offsets)
    huge = fit(scores, targets, 1e9)
    assert abs(huge.factor - np.eye(N_LABELS)).max() < 1e-6
    assert max(abs(huge.bias).max(), abs(huge.shift).max()) < 1e-6


def test_a_label_that_does_not_occur_keeps_its_score() -> None:
    scores, targets = site(3.0)
    kept = np.flatnonzero(targets != 2)
    correction = fit(scores.part(kept), targets[kept], 3.0)
    assert not correction.matrix[2].any()
    assert correction.bias[2] == correction.shift[2] == 0
    assert correction.bias[0] < -0.5


def test_the_fit_is_at_a_minimum() -> None:
    """The balanced penalized likelihood, written again without its gradient."""
    scores, targets = site(1.0, adapts=False)
    correction = fit(scores, targets, 3.0)
    weights = (len(targets) / N_LABELS / np.bincount(targets))[targets]

    def loss(one: Correction) -> float:
        chosen = softmax(one.logits(scores.logits, np.zeros(len(targets))))[np.arange(len(targets)), targets]
        return float(-weights @ np.log(chosen) + 1.5 * ((one.matrix**2).sum() + (one.bias**2).sum()))

    best = loss(correction)
    for place in np.ndindex(N_LABELS, N_LABELS):
        for step in (-0.01, 0.01):
            matrix, bias = correction.matrix.copy(), correction.bias.copy()
            matrix[place] += step
            assert loss(Correction(matrix, bias, correction.shift)) > best
            bias[place[0]] += step
            assert loss(Correction(correction.matrix, bias, correction.shift)) > best


def test_corrected_scores_adapt_as_the_service_adapts_them() -> None:
    scores, targets = site(2.0, n_speakers=3)
    correction = fit(scores, targets, 3.0)
    assert scores.offsets is not None
    expected = softmax(correction.logits(*scores.views()[ADAPTED]))
    logits = correction.logits(scores.logits, np.zeros(len(targets)))
    offsets = correction.offsets(scores.offsets)
    for speaker in np.unique(scores.speakers):
        own = np.flatnonzero(scores.speakers == speaker)
        adapted = adapt([SpeakerScores(logits[i].tolist(), offsets[i].tolist()) for i in own])
        np.testing.assert_allclose(adapted, expected[own], atol=1e-12)


@pytest.mark.parametrize(("n_speakers", "n_folds"), [(2, 2), (5, 5), (8, 5)])
def test_folds_do_not_divide_a_speaker(n_speakers: int, n_folds: int) -> None:
    scores, targets = site(0.0, n_speakers)
    folds = folds_of(scores.speakers, targets)
    assert len(folds) == n_folds
    assert sorted(np.concatenate([held for _, held in folds])) == list(range(len(targets)))
    for rest, held in folds:
        assert not set(scores.speakers[rest]) & set(scores.speakers[held])
