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
    replace(utterance, corpus="corpus", test_fold=fold if fold < 3 else None)
    for utterance, fold in zip(UTTERANCES, cycle((1, 2, 3, 3)))  # cycle has no end
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


def test_no_speaker_is_in_two_parts() -> None:
    for fold in make_folds(UTTERANCES, "speaker-independent", 5, seed=1):
        assert fold.speaker_independent
        assert sum(len(speakers(part)) for part in (fold.train, fold.validation, fold.test)) == 20


def test_the_stratified_protocol_of_the_paper_mixes_speakers() -> None:
    (fold, *_) = make_folds(UTTERANCES, "stratified", 5, seed=1)
    assert speakers(fold.rest) & speakers(fold.test)
    assert not fold.speaker_independent


def test_corpus_and_emotion_are_balanced() -> None:
    for fold in make_folds(UTTERANCES, "speaker-independent", 5, seed=1):
        test = [UTTERANCES[index] for index in fold.test]
        for corpus, emotion in product(("corpus-0", "corpus-1"), EMOTIONS):
            assert sum((utterance.corpus, utterance.emotion) == (corpus, emotion) for utterance in test) == 6


def test_the_seed_determines_the_folds() -> None:
    folds, repeated, other = (make_folds(UTTERANCES, "speaker-independent", 5, seed) for seed in (1, 1, 2))
    for fold, same in zip(folds, repeated, strict=True):
        np.testing.assert_array_equal(fold.train, same.train)
    assert any(
        speakers(first.test) != speakers(second.test) for first, second in zip(folds, other, strict=True)
    )


def test_a_speaker_in_two_parts_is_refused() -> None:
    half = np.arange(0, len(UTTERANCES), 2)
    fold = Fold(3, "3", half, half[:0], half + 1, speaker_independent=True)
    with pytest.raises(TrainingError, match="fold 3: speakers in more than one part: speaker-0, speaker-1"):
        check_speaker_independent(fold, UTTERANCES)


def test_too_few_speakers_for_the_folds_are_refused() -> None:
    with pytest.raises(TrainingError, match="20 speakers are too few for 20 folds"):
        make_folds(UTTERANCES, "speaker-independent", 20, seed=1)


def test_a_part_without_an_emotion_is_refused() -> None:
    # Only one speaker has utterances with surprise.
    rare = [
        utterance
        if utterance.speaker == "speaker-3" or utterance.emotion != "surprise"
        else replace(utterance, emotion="anger")
        for utterance in UTTERANCES
    ]
    with pytest.raises(TrainingError, match="no surprise in its"):
        make_folds(rare, "speaker-independent", 5, seed=1)


def test_published_folds_come_from_the_table() -> None:
    folds = make_folds(PUBLISHED, "published-folds", 5, seed=1)
    assert [fold.name for fold in folds] == ["1", "2"]
    for fold in folds:
        tested = {PUBLISHED[index].test_fold for index in fold.test}
        assert tested == {fold.number}
        # Rows of the other fold and rows without a fold are not test data.
        assert len(fold.rest) == len(PUBLISHED) - len(fold.test)
        # These folds share speakers, so the validation part shares speakers too.
        assert not fold.speaker_independent
        assert speakers(fold.train) & speakers(fold.validation)


def test_published_folds_without_shared_speakers_have_a_separate_validation_part() -> None:
    utterances = [
        replace(utterance, test_fold=1 if utterance.speaker == "speaker-3" else None)
        for utterance in PUBLISHED
    ]
    (fold,) = make_folds(utterances, "published-folds", 5, seed=1)
    assert fold.speaker_independent
    assert not speakers(fold.train) & speakers(fold.validation)


def test_published_folds_need_one_corpus_that_has_them() -> None:
    with pytest.raises(TrainingError, match="of one corpus, not of corpus-0, corpus-1"):
        make_folds(UTTERANCES, "published-folds", 5, seed=1)
    with pytest.raises(TrainingError, match="corpus-0 has no published folds"):
        make_folds(
            [replace(utterance, corpus="corpus-0") for utterance in UTTERANCES], "published-folds", 5, seed=1
        )


def test_each_corpus_is_left_out_with_its_speakers() -> None:
    # A corpus without surprise can be the test part, but not the whole training part.
    without_surprise = [
        utterance
        for utterance in UTTERANCES
        if utterance.corpus != "corpus-1" or utterance.emotion != "surprise"
    ]
    three_corpora = [
        *without_surprise,
        *(
            replace(utterance, corpus="third", speaker=f"other {utterance.speaker}")
            for utterance in UTTERANCES
        ),
    ]
    folds = make_folds(three_corpora, "leave-one-corpus-out", 5, seed=1)
    assert [fold.name for fold in folds] == ["corpus-0", "corpus-1", "third"]
    for fold in folds:
        assert {three_corpora[index].corpus for index in fold.test} == {fold.name}
        assert fold.name not in {three_corpora[index].corpus for index in fold.rest}
        assert fold.speaker_independent
    with pytest.raises(TrainingError, match="no surprise in its training part"):
        make_folds(without_surprise, "leave-one-corpus-out", 5, seed=1)


def test_a_speaker_in_two_corpora_is_refused() -> None:
    utterances = [*UTTERANCES, *(replace(utterance, corpus="third") for utterance in UTTERANCES)]
    with pytest.raises(TrainingError, match="speakers in more than one part: speaker-0"):
        make_folds(utterances, "leave-one-corpus-out", 5, seed=1)


def test_a_single_corpus_cannot_be_left_out() -> None:
    with pytest.raises(TrainingError, match="corpus is the only corpus"):
        make_folds(PUBLISHED, "leave-one-corpus-out", 5, seed=1)
