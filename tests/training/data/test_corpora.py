import json
from collections import Counter
from pathlib import Path

import pytest

from testing.recordings import corpora
from training.data.corpora import READERS, Utterance, csv_file, emodb, ravdess, shemo
from training.errors import TrainingError

COUNTS = {"emodb": (535, 10), "ravdess": (1440, 24), "turev": (1735, 6), "urdu": (400, 29), "nemo": (1949, 7)}
COLUMNS = "path,emotion,speaker,sex,language,test_fold"


def labels_by_file(utterances: list[Utterance]) -> dict[str, tuple[str, str, str | None, str | None]]:
    return {
        utterance.path.name: (utterance.emotion, utterance.speaker, utterance.sex, utterance.language)
        for utterance in utterances
    }


@pytest.mark.parametrize("corpus", COUNTS)
def test_a_csv_file_lists_a_corpus(corpus: str) -> None:
    utterances = csv_file.read(corpora() / corpus / "utterances.csv")
    assert (len(utterances), len({utterance.speaker for utterance in utterances})) == COUNTS[corpus]
    assert {utterance.corpus for utterance in utterances} == {corpus}
    assert all(utterance.path.is_file() for utterance in utterances)


@pytest.mark.parametrize("reader", [emodb, ravdess])
def test_file_names_and_the_csv_file_give_the_same_labels(reader: object) -> None:
    name = "emodb" if reader is emodb else "ravdess"
    from_names = READERS[name](corpora() / name)
    from_csv = csv_file.read(corpora() / name / "utterances.csv")
    assert labels_by_file(from_names) == labels_by_file(from_csv)
    assert {utterance.corpus for utterance in from_names} == {name}


@pytest.fixture
def shemo_folder(tmp_path: Path) -> Path:
    for name in (
        "female/F01A05",
        "female/F12W02",
        "male/M23N10",
        "male/M02S01",
        "male/M02H01",
        "male/M02F01",
    ):
        file = tmp_path / "shemo" / f"{name}.wav"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.touch()
    (tmp_path / "shemo" / "readme.txt").touch()
    (tmp_path / "shemo" / "other.wav").touch()
    return tmp_path / "shemo"


def test_shemo_has_the_labels_of_its_file_names(shemo_folder: Path) -> None:
    assert labels_by_file(shemo.read(shemo_folder)) == {
        "F01A05.wav": ("anger", "shemo-F01", "f", "fa"),
        "F12W02.wav": ("surprise", "shemo-F12", "f", "fa"),
        "M23N10.wav": ("neutral", "shemo-M23", "m", "fa"),
        "M02S01.wav": ("sadness", "shemo-M02", "m", "fa"),
        "M02H01.wav": ("happiness", "shemo-M02", "m", "fa"),
        "M02F01.wav": ("fear", "shemo-M02", "m", "fa"),
    }


def test_shemo_can_have_corrected_labels(shemo_folder: Path, tmp_path: Path) -> None:
    labels = tmp_path / "modified_shemo.json"
    emotions = {utterance.path.name: {"emotion": utterance.emotion} for utterance in shemo.read(shemo_folder)}
    emotions["F01A05.wav"]["emotion"] = "sadness"
    labels.write_text(json.dumps(emotions))
    corrected = labels_by_file(shemo.read(shemo_folder, labels))
    assert corrected["F01A05.wav"][0] == "sadness"
    assert corrected["M23N10.wav"][0] == "neutral"


def test_shemo_can_have_the_published_corrections(tmp_path: Path) -> None:
    labels = corpora().parent / "shemo" / "modified_shemo.json"
    for name in json.loads(labels.read_text()):
        (tmp_path / name).touch()
    corrected, original = labels_by_file(shemo.read(tmp_path, labels)), labels_by_file(shemo.read(tmp_path))
    assert Counter(emotion for emotion, *_ in corrected.values()) == {
        "neutral": 1160,
        "anger": 1042,
        "sadness": 361,
        "happiness": 203,
        "surprise": 202,
        "fear": 32,
    }
    assert sum(corrected[name] != original[name] for name in corrected) == 163
    assert len({speaker for _, speaker, _, _ in corrected.values()}) == 87


def test_corrections_without_a_label_for_a_file_are_refused(shemo_folder: Path, tmp_path: Path) -> None:
    labels = tmp_path / "labels.json"
    labels.write_text("{}")
    with pytest.raises(TrainingError, match="no label for F01A05"):
        shemo.read(shemo_folder, labels)


@pytest.mark.parametrize("text", ["", "[]", '{"F01A05.wav": 1}', '{"F01A05.wav": {}}'])
def test_invalid_corrections_are_refused(shemo_folder: Path, tmp_path: Path, text: str) -> None:
    labels = tmp_path / "labels.json"
    labels.write_text(text)
    with pytest.raises(TrainingError, match=r"labels\.json"):
        shemo.read(shemo_folder, labels)


@pytest.mark.parametrize("kind", READERS)
def test_a_missing_corpus_is_refused(kind: str, tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match="nowhere"):
        READERS[kind](tmp_path / "nowhere")


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "no column path, emotion, speaker"),
        ("path,emotion\na.wav,anger\n", "no column speaker"),
        (f"{COLUMNS}\n", "lists no utterance"),
        (f"{COLUMNS}\na.wav,anger,,m,de,1\n", ":2: no speaker"),
        (f"{COLUMNS}\na.wav,anger\n", ":2: no speaker"),
        (f"{COLUMNS}\na.wav,anger,s,m,de,1\nb.wav,anger,s,m,de,1\n", ":3: .*b.wav does not exist"),
        (f"{COLUMNS}\na.wav,anger,s,m,de,one\n", "test_fold is 'one'"),
    ],
)
def test_an_invalid_csv_file_is_refused_with_the_reason(tmp_path: Path, text: str, reason: str) -> None:
    (tmp_path / "a.wav").touch()
    table = tmp_path / "table.csv"
    table.write_text(text)
    with pytest.raises(TrainingError, match=reason):
        csv_file.read(table)


def test_optional_columns_can_be_absent(tmp_path: Path) -> None:
    (tmp_path / "a.wav").touch()
    table = tmp_path / "table.csv"
    table.write_text("\ufeffspeaker,path,emotion\nann, a.wav ,Anger\n", encoding="utf-8")
    assert csv_file.read(table) == [
        Utterance(path=tmp_path / "a.wav", corpus=tmp_path.name, emotion="anger", speaker="ann")
    ]
