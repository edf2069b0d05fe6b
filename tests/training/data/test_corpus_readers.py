"""Every reader of a known corpus, on a folder with the real names and empty files."""

from pathlib import Path

import pytest

from testing.recordings import corpora
from tests.training.data.corpus_trees import PODCAST_LINES, TREES, Label, Tree
from training.data.corpora import FACTS, FORMATS, READERS, Utterance, csv_file
from training.data.labels import target_of
from training.errors import TrainingError


def grow(tree: Tree, folder: Path) -> Path:
    """Make the folder of a tree."""
    for name in tree.recordings:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    for name, text in tree.tables.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return folder


def labels(utterances: list[Utterance]) -> dict[Path, Label]:
    return {one.path: (one.emotion, one.speaker, one.sex, one.language, one.test_fold) for one in utterances}


def test_no_corpus_is_without_facts_and_tree() -> None:
    assert set(FACTS) == set(TREES)
    assert set(READERS) == set(FACTS) | set(FORMATS)


@pytest.mark.parametrize("name", TREES)
def test_a_reader_reads_names_and_tables(name: str, tmp_path: Path) -> None:
    folder = grow(TREES[name], tmp_path)
    assert labels(READERS[name](folder)) == {
        folder / path: (label[0], f"{name}-{label[1]}", *label[2:])
        for path, label in TREES[name].recordings.items()
        if label is not None
    }


@pytest.mark.parametrize("name", TREES)
def test_the_facts_fit_the_reader(name: str, tmp_path: Path) -> None:
    facts, tree = FACTS[name], TREES[name]
    utterances = READERS[name](grow(tree, tmp_path))
    assert {one.corpus for one in utterances} == {name}
    assert {one.emotion for one in utterances} <= set(facts.labels)
    assert {one.language for one in utterances} <= set(facts.languages)
    assert any(one.test_fold for one in utterances) == bool(facts.folds)
    assert set(facts.needs) <= set(tree.tables)
    assert all((facts.title, facts.citation, facts.terms, facts.source))
    # Every label has a place in the five emotions, or is left out on purpose.
    assert {target_of(name, own) for own in facts.labels} - {None}


@pytest.mark.parametrize("name", TREES)
def test_the_example_of_a_corpus_has_its_naming(name: str, tmp_path: Path) -> None:
    grow(Tree({FACTS[name].example: None}, TREES[name].tables), tmp_path)
    assert [one.path for one in READERS[name](tmp_path)] == [tmp_path / FACTS[name].example]


@pytest.mark.parametrize("name", TREES)
def test_a_folder_of_something_else_is_refused_with_an_example(name: str, tmp_path: Path) -> None:
    (tmp_path / "song.wav").touch()
    with pytest.raises(TrainingError) as caught:
        READERS[name](tmp_path)
    assert FACTS[name].example in str(caught.value)


@pytest.mark.parametrize("name", [name for name in TREES if FACTS[name].needs])
def test_a_missing_table_is_named(name: str, tmp_path: Path) -> None:
    grow(Tree(TREES[name].recordings), tmp_path)
    with pytest.raises(TrainingError) as caught:
        READERS[name](tmp_path)
    needed = Path(FACTS[name].needs[0]).name
    assert needed in str(caught.value) or "Ses*.txt" in str(caught.value)


@pytest.mark.parametrize(
    ("name", "old", "new"),
    [
        ("iemocap", "\tneu\t", "\tjoy\t"),
        ("iemocap", "Ses01F_impro01_F000", "Ses01F_impro01_F999"),
        ("mspimprov", "avi; N;", "avi; Q;"),
        ("msppodcast", "wav,N,", "wav,Q,"),
        ("meld", "joy", "hope"),
    ],
)
def test_an_unknown_label_is_refused_with_its_file(name: str, old: str, new: str, tmp_path: Path) -> None:
    tables = {path: text.replace(old, new) for path, text in TREES[name].tables.items()}
    with pytest.raises(TrainingError, match=r"\.wav: its .* known are"):
        READERS[name](grow(Tree(TREES[name].recordings, tables), tmp_path))


@pytest.mark.parametrize(("name", "file"), [("esd", "0011_000351.wav"), ("emovdb", "anger_1-28_0011.wav")])
def test_a_file_outside_the_folders_of_a_corpus_is_refused(name: str, file: str, tmp_path: Path) -> None:
    (tmp_path / file).touch()
    with pytest.raises(TrainingError, match="is not in a folder"):
        READERS[name](tmp_path)


def test_audio_of_meld_outside_its_folders_is_refused(tmp_path: Path) -> None:
    grow(Tree({"audio/dia0_utt0.wav": None}, TREES["meld"].tables), tmp_path)
    with pytest.raises(TrainingError, match="output_repeated_splits_test"):
        READERS["meld"](tmp_path)


def test_older_releases_spell_the_labels_of_msp_podcast_otherwise(tmp_path: Path) -> None:
    tables = {"Labels/labels_concensus.csv": PODCAST_LINES}
    grow(Tree(TREES["msppodcast"].recordings, tables), tmp_path)
    assert len(READERS["msppodcast"](tmp_path)) == 4


def test_excitement_is_happiness_only_where_that_is_published() -> None:
    assert target_of("iemocap", "excited") == "happiness"
    assert target_of("jl", "excited") is None


@pytest.mark.parametrize("name", ["turev", "urdu"])
def test_names_give_the_labels_of_the_csv_file(name: str) -> None:
    expected = labels(csv_file.read(corpora() / name / "utterances.csv"))
    read = labels(READERS[name](corpora() / name))
    assert {path: label[:4] for path, label in read.items()} == {
        path: label[:4] for path, label in expected.items()
    }


def test_the_folds_of_ravdess_are_those_of_the_csv_file() -> None:
    read, expected = (
        labels(READERS["ravdess"](corpora() / "ravdess")),
        labels(csv_file.read(corpora() / "ravdess" / "utterances.csv")),
    )
    assert read == expected
