import pickle
from pathlib import Path

import audformat
import pytest

from training.data.corpora import READERS
from training.data.corpora.audformat_folder import read
from training.errors import TrainingError

# audformat 1.4 with pandas 3.1
pytestmark = pytest.mark.filterwarnings("ignore:The inplace keyword in DataFrame.set_index")


class Touch:
    """An object whose pickle makes a file when it is loaded."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, tuple[Path]]:
        return Path.touch, (self.path,)


def make(
    speakers: list[str | None], *, languages: list[str], starts: list[float] | None = None
) -> audformat.Database:
    """Make a database whose sexes and, for one speaker, language are labels of the scheme of speakers."""
    database = audformat.Database("ours", languages=languages)
    people = {"ann": {"gender": "female", "language": "deu"}, "bob": {"gender": "male"}}
    database.schemes["speaker"] = audformat.Scheme("str", labels=people)
    database.schemes["emotion"] = audformat.Scheme("str", labels=["Anger", "neutral", "sadness"])
    for split in ("train", "test"):
        database.splits[split] = audformat.Split(type=split)
    files = ["wav/a.wav", "wav/b.wav", "wav/c.wav"]
    database["files"] = audformat.Table(audformat.filewise_index(files))
    database["files"]["speaker"] = audformat.Column(scheme_id="speaker")
    database["files"]["speaker"].set(speakers)
    for split, part, emotions in (("train", files[:1], ["Anger"]), ("test", files[1:], ["neutral", None])):
        index = audformat.filewise_index(part)
        if starts is not None and split == "train":
            index = audformat.segmented_index(part, [f"{start}s" for start in starts])
        database[f"emotion.{split}"] = audformat.Table(index, split_id=split)
        database[f"emotion.{split}"]["emotion"] = audformat.Column(scheme_id="emotion")
        database[f"emotion.{split}"]["emotion"].set(emotions)
    return database


def save(database: audformat.Database, folder: Path) -> Path:
    database.save(str(folder))
    for file in database.files:
        (folder / file).parent.mkdir(exist_ok=True)
        (folder / file).touch()
    return folder


def test_columns_are_found_by_their_schemes(tmp_path: Path) -> None:
    folder = save(make(["ann", "bob", "bob"], languages=["pol"]), tmp_path)
    utterances = {one.path.name: one for one in READERS["audformat"](folder)}
    assert set(utterances) == {"a.wav", "b.wav"}  # c.wav has no emotion
    first, second = utterances["a.wav"], utterances["b.wav"]
    assert first.path == tmp_path / "wav" / "a.wav"
    assert (first.corpus, first.emotion, first.speaker) == ("ours", "anger", "ours-ann")
    assert (first.sex, first.language, first.test_fold) == ("f", "de", None)
    assert (second.sex, second.language, second.test_fold) == ("m", "pl", 1)


def test_a_database_of_several_languages_leaves_the_language_open(tmp_path: Path) -> None:
    folder = save(make(["ann", "bob", "bob"], languages=["pol", "deu"]), tmp_path)
    assert [one.language for one in sorted(read(folder), key=lambda one: one.path)] == ["de", None]


def test_segments_that_are_whole_files_are_read(tmp_path: Path) -> None:
    folder = save(make(["ann", "bob", "bob"], languages=["deu"], starts=[0.0]), tmp_path)
    assert {one.path.name: one.test_fold for one in read(folder)} == {"a.wav": None, "b.wav": 1}


def test_parts_of_files_are_refused(tmp_path: Path) -> None:
    folder = save(make(["ann", "bob", "bob"], languages=["deu"], starts=[1.5]), tmp_path)
    with pytest.raises(TrainingError, match=r"a\.wav has several segments"):
        read(folder)


def test_a_row_without_a_speaker_is_refused(tmp_path: Path) -> None:
    folder = save(make([None, "bob", "bob"], languages=["deu"]), tmp_path)
    with pytest.raises(TrainingError, match=r"a\.wav: has no speaker"):
        read(folder)


def test_a_missing_recording_is_refused(tmp_path: Path) -> None:
    folder = save(make(["ann", "bob", "bob"], languages=["deu"]), tmp_path)
    (folder / "wav" / "b.wav").unlink()
    with pytest.raises(TrainingError, match=r"b\.wav: does not exist"):
        read(folder)


def test_a_database_without_emotions_is_refused(tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match="no column with the scheme emotion"):
        read(save(audformat.Database("empty"), tmp_path))


def test_no_code_of_the_folder_runs(tmp_path: Path) -> None:
    folder = save(make(["ann", "bob", "bob"], languages=["deu"]), tmp_path)
    (folder / "db.emotion.train.pkl").write_bytes(pickle.dumps(Touch(folder / "unpickled")))
    assert len(read(folder)) == 2
    with (folder / "db.yaml").open("a") as header:
        path = f"!!python/object/apply:pathlib.Path [{folder}/built]"
        header.write(f"meta: !!python/object/apply:pathlib.Path.touch [{path}]")
    with pytest.raises(TrainingError, match="could not determine a constructor"):
        read(folder)
    assert not (folder / "unpickled").exists()
    assert not (folder / "built").exists()


@pytest.mark.parametrize("header", [None, "name: [", "name: x\n"])
def test_a_folder_without_a_database_is_refused(header: str | None, tmp_path: Path) -> None:
    if header is not None:
        (tmp_path / "db.yaml").write_text(header)
    with pytest.raises(TrainingError, match="audformat"):
        read(tmp_path)
