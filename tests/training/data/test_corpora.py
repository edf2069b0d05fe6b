import json
from collections import Counter
from pathlib import Path

import pytest

from testing.recordings import corpora
from training.data.corpora import READERS, Utterance, csv_file, emodb, ravdess, shemo
from training.errors import TrainingError

COUNTS = {"emodb": (535, 10), "ravdess": (1440, 24), "turev": (1735, 6), "urdu": (400, 29), "nemo": (1949, 7)}
COLUMNS = "path,emotion,speaker,sex,language,test_fold"


def labeled(utterances: list[Utterance]) -> dict[str, tuple[str, str, str | None, str | None]]:
    return {one.path.name: (one.emotion, one.speaker, one.sex, one.language) for one in utterances}


@pytest.mark.parametrize("corpus", COUNTS)
def test_a_csv_lists_a_corpus(corpus: str) -> None:
    utterances = csv_file.read(corpora() / corpus / "utterances.csv")
    assert (len(utterances), len({one.speaker for one in utterances})) == COUNTS[corpus]
    assert {one.corpus for one in utterances} == {corpus}
    assert all(one.path.is_file() for one in utterances)


@pytest.mark.parametrize("reader", [emodb, ravdess])
def test_file_names_tell_what_the_csv_tells(reader: object) -> None:
    name = "emodb" if reader is emodb else "ravdess"
    by_name = READERS[name](corpora() / name)
    by_csv = csv_file.read(corpora() / name / "utterances.csv")
    assert labeled(by_name) == labeled(by_csv)
    assert {one.corpus for one in by_name} == {name}


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


def test_shemo_by_its_letters(shemo_folder: Path) -> None:
    assert labeled(shemo.read(shemo_folder)) == {
        "F01A05.wav": ("anger", "shemo-F01", "f", "fa"),
        "F12W02.wav": ("surprise", "shemo-F12", "f", "fa"),
        "M23N10.wav": ("neutral", "shemo-M23", "m", "fa"),
        "M02S01.wav": ("sadness", "shemo-M02", "m", "fa"),
        "M02H01.wav": ("happiness", "shemo-M02", "m", "fa"),
        "M02F01.wav": ("fear", "shemo-M02", "m", "fa"),
    }


def test_shemo_by_its_corrected_labels(shemo_folder: Path, tmp_path: Path) -> None:
    labels = tmp_path / "modified_shemo.json"
    emotions = {one.path.name: {"emotion": one.emotion} for one in shemo.read(shemo_folder)}
    emotions["F01A05.wav"]["emotion"] = "sadness"
    labels.write_text(json.dumps(emotions))
    corrected = labeled(shemo.read(shemo_folder, labels))
    assert corrected["F01A05.wav"][0] == "sadness"
    assert corrected["M23N10.wav"][0] == "neutral"


def test_shemo_with_its_real_corrections(tmp_path: Path) -> None:
    labels = corpora().parent / "shemo" / "modified_shemo.json"
    for name in json.loads(labels.read_text()):
        (tmp_path / name).touch()
    corrected, lettered = labeled(shemo.read(tmp_path, labels)), labeled(shemo.read(tmp_path))
    assert Counter(emotion for emotion, *_ in corrected.values()) == {
        "neutral": 1160,
        "anger": 1042,
        "sadness": 361,
        "happiness": 203,
        "surprise": 202,
        "fear": 32,
    }
    assert sum(corrected[name] != lettered[name] for name in corrected) == 163
    assert len({speaker for _, speaker, _, _ in corrected.values()}) == 87


def test_corrections_that_lack_a_file_are_refused(shemo_folder: Path, tmp_path: Path) -> None:
    labels = tmp_path / "labels.json"
    labels.write_text("{}")
    with pytest.raises(TrainingError, match="no label for F01A05"):
        shemo.read(shemo_folder, labels)


@pytest.mark.parametrize("text", ["", "[]", '{"F01A05.wav": 1}', '{"F01A05.wav": {}}'])
def test_corrections_that_are_none_are_refused(shemo_folder: Path, tmp_path: Path, text: str) -> None:
    labels = tmp_path / "labels.json"
    labels.write_text(text)
    with pytest.raises(TrainingError, match=r"labels\.json"):
        shemo.read(shemo_folder, labels)


@pytest.mark.parametrize("kind", READERS)
def test_a_corpus_that_is_not_there(kind: str, tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match="nowhere"):
        READERS[kind](tmp_path / "nowhere")


@pytest.mark.parametrize("kind", ["emodb", "ravdess", "shemo"])
def test_a_folder_without_the_corpus(kind: str, tmp_path: Path) -> None:
    (tmp_path / "song.wav").touch()
    with pytest.raises(TrainingError, match="named like this corpus"):
        READERS[kind](tmp_path)


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
def test_a_csv_that_cannot_work_says_where(tmp_path: Path, text: str, reason: str) -> None:
    (tmp_path / "a.wav").touch()
    table = tmp_path / "table.csv"
    table.write_text(text)
    with pytest.raises(TrainingError, match=reason):
        csv_file.read(table)


def test_optional_columns_may_lack(tmp_path: Path) -> None:
    (tmp_path / "a.wav").touch()
    table = tmp_path / "table.csv"
    table.write_text("\ufeffspeaker,path,emotion\nann, a.wav ,Anger\n", encoding="utf-8")
    assert csv_file.read(table) == [
        Utterance(path=tmp_path / "a.wav", corpus=tmp_path.name, emotion="anger", speaker="ann")
    ]
