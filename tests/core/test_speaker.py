import numpy as np
import pytest

from app.core.speaker import STRENGTH, SpeakerScores, adapt, weight_of

LOGITS = np.array([[2.0, 0.0, 0.0], [0.0, 1.0, 0.0]])
OFFSETS = np.array([[1.0, 0.0, 0.0], [3.0, 0.0, 0.0]])


def scores(n: int = 1) -> list[SpeakerScores]:
    return [SpeakerScores(*pair) for pair in zip(LOGITS.tolist(), OFFSETS.tolist(), strict=True)] * n


def test_the_weighted_mean_offset_of_the_speaker_is_subtracted() -> None:
    shift = 2 / (2 + STRENGTH) * 2.0
    expected = np.exp(LOGITS - [shift, 0, 0])
    np.testing.assert_allclose(adapt(scores()), expected / expected.sum(axis=1, keepdims=True))


def test_many_segments_outweigh_the_training_speech() -> None:
    assert weight_of(1) < 0.1
    assert weight_of(1_000) > 0.98
    few, many = adapt(scores(1))[0], adapt(scores(500))[0]
    assert many[0] < few[0] < np.exp(2) / (np.exp(2) + 2)


def test_the_probabilities_of_each_segment_sum_to_1() -> None:
    np.testing.assert_allclose(adapt(scores(7)).sum(axis=1), 1)
    assert adapt(scores(7)).shape == (14, 3)


def test_a_single_segment_is_hardly_adapted() -> None:
    plain = np.exp(LOGITS[0]) / np.exp(LOGITS[0]).sum()
    assert adapt(scores()[:1])[0] == pytest.approx(plain, abs=0.03)
