from dataclasses import replace
from itertools import cycle, product
from pathlib import Path

import numpy as np
import pytest

from training.data.corpora import Utterance
from training.data.folds import Fold, check_speaker_independent, make_folds
from training.data.labels import EMOTIONS
from training.errors import TrainingError

UTTERANCES = [
    Utterance(Path(f"{speaker}-{emotion}-{take}.wav"), f"corpus-{speaker % 2}", emotion, f"speaker-{speaker}")
    for speaker, emotion, take in product(range(20), EMOTIONS, range(3))
]


def speakers(part: np.ndarray[tuple[int], np.dtype[np.intp]]) -> set[str]:
    return {UTTERANCES[index].speaker for index in part}


PUBLISHED = [
    replace(one, corpus="corpus", test_fold=fold if fold < 3 else None)
    for one, fold in zip(UTTERANCES, cycle((1, 2, 3, 3)))  # cycle has no end
]


@pytest.mark.parametrize("protocol", ["speaker-independent", "stratified"])
def test_every_utterance_is_tested_once_and_is_in_one_part_of_each_fold(protocol: str) -> None:
    folds = make_folds(UTTERANCES, protocol, 5, seed=1)
    assert [fold.number for fold in folds] == [1, 2, 3, 4, 5]
    everything = np.arange(len(UTTERANCES))
    np.testing.assert_array_equal(np.sort(np.concatenate([fold.test for fold in folds])), everything)
    for fold in folds:
        np.testing.assert_array_equal(np.sort(np.concatenate([fold.rest, fold.test])), everything)
        np.testing.assert_array_equal(np.sort(np.concatenate([fold.train, fold.validation])), fold.rest)


def test_no_voice_is_in_two_parts() -> None:
    for fold in make_folds(UTTERANCES, "speaker-independent", 5, seed=1):
        assert fold.speaker_independent
        assert sum(len(speakers(part)) for part in (fold.train, fold.validation, fold.test)) == 20


def test_the_protocol_of_the_research_mixes_voices() -> None:
    (fold, *_) = make_folds(UTTERANCES, "stratified", 5, seed=1)
    assert speakers(fold.rest) & speakers(fold.test)
    assert not fold.speaker_independent


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
    fold = Fold(3, "3", half, half[:0], half + 1, speaker_independent=True)
    with pytest.raises(TrainingError, match="fold 3: speakers in more than one part: speaker-0, speaker-1"):
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


def test_published_folds_are_those_of_the_table() -> None:
    folds = make_folds(PUBLISHED, "published-folds", 5, seed=1)
    assert [fold.name for fold in folds] == ["1", "2"]
    for fold in folds:
        tested = {PUBLISHED[index].test_fold for index in fold.test}
        assert tested == {fold.number}
        # Rows of the other fold and rows of none train.
        assert len(fold.rest) == len(PUBLISHED) - len(fold.test)
        # These folds share voices, so the validation part shares them too.
        assert not fold.speaker_independent
        assert speakers(fold.train) & speakers(fold.validation)


def test_published_folds_without_a_shared_voice_are_validated_without_one() -> None:
    by_voice = [replace(one, test_fold=1 if one.speaker == "speaker-3" else None) for one in PUBLISHED]
    (fold,) = make_folds(by_voice, "published-folds", 5, seed=1)
    assert fold.speaker_independent
    assert not speakers(fold.train) & speakers(fold.validation)


def test_published_folds_are_of_one_corpus() -> None:
    with pytest.raises(TrainingError, match="of one corpus, not of corpus-0, corpus-1"):
        make_folds(UTTERANCES, "published-folds", 5, seed=1)
    with pytest.raises(TrainingError, match="corpus-0 has no published folds"):
        make_folds([replace(one, corpus="corpus-0") for one in UTTERANCES], "published-folds", 5, seed=1)


def test_a_corpus_is_left_out_with_its_voices() -> None:
    # One that has no surprise can be tested, but not be all there is to train on.
    calm = [one for one in UTTERANCES if one.corpus != "corpus-1" or one.emotion != "surprise"]
    three = [*calm, *(replace(one, corpus="third", speaker=f"other {one.speaker}") for one in UTTERANCES)]
    folds = make_folds(three, "leave-one-corpus-out", 5, seed=1)
    assert [fold.name for fold in folds] == ["corpus-0", "corpus-1", "third"]
    for fold in folds:
        assert {three[index].corpus for index in fold.test} == {fold.name}
        assert fold.name not in {three[index].corpus for index in fold.rest}
        assert fold.speaker_independent
    with pytest.raises(TrainingError, match="no surprise in its training part"):
        make_folds(calm, "leave-one-corpus-out", 5, seed=1)


def test_a_voice_in_two_corpora_cannot_be_left_out() -> None:
    twins = [*UTTERANCES, *(replace(one, corpus="third") for one in UTTERANCES)]
    with pytest.raises(TrainingError, match="speakers in more than one part: speaker-0"):
        make_folds(twins, "leave-one-corpus-out", 5, seed=1)


def test_one_corpus_cannot_be_left_out() -> None:
    with pytest.raises(TrainingError, match="corpus is the only corpus"):
        make_folds(PUBLISHED, "leave-one-corpus-out", 5, seed=1)
