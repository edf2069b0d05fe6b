from pathlib import Path

import pytest

from testing.recordings import corpora
from training.data.corpora import Utterance, csv_file
from training.data.labels import EMOTIONS, label, to_five_emotions
from training.errors import TrainingError


def utterance(emotion: str) -> Utterance:
    return Utterance(Path("a.wav"), "corpus", emotion, "speaker")


def test_five_emotions_are_kept_and_calm_becomes_neutral() -> None:
    given = [*EMOTIONS, "calm", "fear", "disgust", "boredom"]
    kept = [relabeled.emotion for relabeled in to_five_emotions(utterance(emotion) for emotion in given)]
    assert kept == [*EMOTIONS, "neutral"]


def test_a_corpus_can_keep_its_own_labels() -> None:
    given = [utterance(emotion) for emotion in ("sadness", "calm", "boredom")]
    assert label(given, own_labels=True) == (given, ("boredom", "calm", "sadness"))
    kept, labels = label(given, own_labels=False)
    assert [relabeled.emotion for relabeled in kept] == ["sadness", "neutral"]
    assert labels == ("sadness", "neutral")


def test_a_corpus_with_fewer_than_two_emotions_is_refused() -> None:
    with pytest.raises(TrainingError, match="the only emotion is anger"):
        label([utterance("anger"), utterance("fear")], own_labels=False)
    with pytest.raises(TrainingError, match="none of anger, surprise"):
        label([utterance("fear")], own_labels=False)


def test_an_unknown_label_is_refused() -> None:
    with pytest.raises(TrainingError, match="unknown label 'joy'"):
        to_five_emotions([utterance("anger"), utterance("joy")])


def test_every_label_of_the_shared_corpora_is_known() -> None:
    names = ("emodb", "ravdess", "turev", "urdu", "nemo")
    utterances = [row for name in names for row in csv_file.read(corpora() / name / "utterances.csv")]
    assert len(utterances) == 6059
    assert len(to_five_emotions(utterances)) == 5479
