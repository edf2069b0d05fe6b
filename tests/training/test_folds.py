from dataclasses import replace
from itertools import product
from pathlib import Path

import numpy as np
import pytest

from training.corpora import Utterance
from training.errors import TrainingError
from training.folds import Fold, check_speaker_independent, make_folds
from training.labels import EMOTIONS

UTTERANCES = [
    Utterance(Path(f"{speaker}-{emotion}-{take}.wav"), f"corpus-{speaker % 2}", emotion, f"speaker-{speaker}")
    for speaker, emotion, take in product(range(20), EMOTIONS, range(3))
]


def speakers(part: np.ndarray[tuple[int], np.dtype[np.intp]]) -> set[str]:
    return {UTTERANCES[index].speaker for index in part}


@pytest.mark.parametrize("protocol", ["speaker-independent", "stratified"])
def test_every_utterance_is_tested_once_and_is_in_one_part_of_each_fold(protocol: str) -> None:
    folds = make_folds(UTTERANCES, protocol, 5, seed=1)
    assert [fold.number for fold in folds] == [1, 2, 3, 4, 5]
    everything = np.arange(len(UTTERANCES))
    np.testing.assert_array_equal(np.sort(np.concatenate([fold.test for fold in folds])), everything)
    for fold in folds:
        parts = np.concatenate([fold.train, fold.validation, fold.test])
        np.testing.assert_array_equal(np.sort(parts), everything)


def test_no_voice_is_in_two_parts() -> None:
    for fold in make_folds(UTTERANCES, "speaker-independent", 5, seed=1):
        train, validation, test = speakers(fold.train), speakers(fold.validation), speakers(fold.test)
        assert len(train) + len(validation) + len(test) == 20


def test_the_protocol_of_the_research_mixes_voices() -> None:
    (fold, *_) = make_folds(UTTERANCES, "stratified", 5, seed=1)
    assert speakers(fold.train) & speakers(fold.test)


def test_corpus_and_emotion_are_balanced() -> None:
    for fold in make_folds(UTTERANCES, "speaker-independent", 5, seed=1):
        test = [UTTERANCES[index] for index in fold.test]
        for corpus, emotion in product(("corpus-0", "corpus-1"), EMOTIONS):
            assert sum((one.corpus, one.emotion) == (corpus, emotion) for one in test) == 6


def test_the_seed_decides() -> None:
    one, again, other = (make_folds(UTTERANCES, "speaker-independent", 5, seed) for seed in (1, 1, 2))
    for fold, same in zip(one, again, strict=True):
        np.testing.assert_array_equal(fold.train, same.train)
    assert any(speakers(a.test) != speakers(b.test) for a, b in zip(one, other, strict=True))


def test_a_voice_on_both_sides_is_refused() -> None:
    half = np.arange(0, len(UTTERANCES), 2)
    fold = Fold(3, half, np.array([], np.intp), half + 1)
    with pytest.raises(TrainingError, match="fold 3: on both sides of a split: speaker-0, speaker-1"):
        check_speaker_independent(fold, UTTERANCES)


def test_fewer_speakers_than_folds() -> None:
    with pytest.raises(TrainingError, match="20 speakers are too few for 20 folds"):
        make_folds(UTTERANCES, "speaker-independent", 20, seed=1)


def test_an_emotion_that_a_part_lacks() -> None:
    # Only one speaker is ever surprised.
    rare = [
        one if one.speaker == "speaker-3" or one.emotion != "surprise" else replace(one, emotion="anger")
        for one in UTTERANCES
    ]
    with pytest.raises(TrainingError, match="no surprise in its"):
        make_folds(rare, "speaker-independent", 5, seed=1)
