from pathlib import Path

import pytest

from testing.recordings import ROOT, corpora
from training.data.corpora import Utterance, csv_file
from training.data.labels import EMOTIONS, FIVE_EMOTIONS, label, read_mapping, relabel
from training.errors import TrainingError


def utterance(emotion: str) -> Utterance:
    return Utterance(Path("a.wav"), "corpus", emotion, "speaker")


def test_five_emotions_are_kept_and_calm_becomes_neutral() -> None:
    given = [*EMOTIONS, "calm", "fear", "disgust", "boredom"]
    kept = [relabeled.emotion for relabeled in relabel(utterance(emotion) for emotion in given)]
    assert kept == [*EMOTIONS, "neutral"]


def test_a_corpus_can_keep_its_own_labels() -> None:
    given = [utterance(emotion) for emotion in ("sadness", "calm", "boredom")]
    assert label(given, None) == (given, ("boredom", "calm", "sadness"))
    kept, labels = label(given, FIVE_EMOTIONS)
    assert [relabeled.emotion for relabeled in kept] == ["sadness", "neutral"]
    assert labels == ("sadness", "neutral")


def test_a_corpus_with_fewer_than_two_emotions_is_refused() -> None:
    with pytest.raises(TrainingError, match="the only label is anger"):
        label([utterance("anger"), utterance("fear")], FIVE_EMOTIONS)
    with pytest.raises(TrainingError, match="none of anger, surprise"):
        label([utterance("fear")], FIVE_EMOTIONS)


def test_an_unknown_label_is_refused() -> None:
    with pytest.raises(TrainingError, match="unknown label 'joy'"):
        relabel([utterance("anger"), utterance("joy")])


def test_every_label_of_the_shared_corpora_is_known() -> None:
    names = ("emodb", "ravdess", "turev", "urdu", "nemo")
    utterances = [row for name in names for row in csv_file.read(corpora() / name / "utterances.csv")]
    assert len(utterances) == 6059
    assert len(relabel(utterances)) == 5479


def write(folder: Path, text: str) -> Path:
    path = folder / "labels.toml"
    path.write_text(text)
    return path


def test_a_file_maps_labels_in_its_order_and_by_corpus(tmp_path: Path) -> None:
    mapping = read_mapping(
        write(
            tmp_path,
            'left_out = ["fear"]\n[labels]\nupset = ["anger", "other:calm"]\nat-ease = ["neutral", "calm"]',
        )
    )
    given = [utterance(own) for own in ("calm", "fear", "anger")]
    given.append(Utterance(Path("b.wav"), "other", "calm", "speaker"))
    kept, labels = label(given, mapping)
    assert [one.emotion for one in kept] == ["at-ease", "upset", "upset"]
    assert labels == ("upset", "at-ease")


def test_an_unknown_label_is_named_with_the_nearest_known_one() -> None:
    with pytest.raises(TrainingError, match=r"a\.wav: unknown label 'sadnes'; did you mean 'sadness'\?"):
        relabel([utterance("sadnes")])


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("[labels", "cannot be read as TOML"),
        ('[labels]\nupset = ["anger"]', "labels: Dictionary should have at least 2 items"),
        ('[labels]\na = ["x"]\nb = ["x"]', "the own label 'x' is listed twice"),
        ('left_out = ["x"]\n[labels]\na = ["x"]\nb = ["y"]', "the own label 'x' is listed twice"),
        ('[labels]\na = []\nb = ["y"]', "no own label counts as 'a'"),
        ('[labels]\na = "x"\nb = ["y"]', "labels.a: Input should be a valid tuple"),
        ('[labels]\nundecided = ["x"]\nb = ["y"]', "'undecided' is the name of answers without a label"),
        ('[labels]\n"<b>" = ["x"]\nb = ["y"]', "String should match pattern"),
        ('leave_out = ["x"]\n[labels]\na = ["x"]\nb = ["y"]', "leave_out: Extra inputs are not permitted"),
    ],
)
def test_a_wrong_file_is_refused_with_the_place(text: str, reason: str, tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match=r"labels\.toml: ") as refused:
        read_mapping(write(tmp_path, text))
    assert reason in str(refused.value)


def test_the_example_maps_the_labels_of_the_shared_corpora() -> None:
    mapping = read_mapping(ROOT / "examples" / "labels.toml")
    rows = [
        row for name in ("emodb", "ravdess") for row in csv_file.read(corpora() / name / "utterances.csv")
    ]
    kept, labels = label(rows, mapping)
    assert labels == ("upset", "calm")
    assert len(kept) == len(rows) - sum(row.emotion == "surprise" for row in rows)
