"""The card and the pictures of a bundle, written again from its kept run."""

import json
import shutil
from pathlib import Path

import pytest

from app.core.bundle import read_bundle
from testing.recordings import corpora
from training.__main__ import main


def redraw(bundle: Path, run: Path, table: Path) -> int:
    return main(["redraw", "--bundle", str(bundle), "--run", str(run), "--corpus", f"csv={table}"])


@pytest.fixture
def copy(german: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(german, tmp_path / german.name))


@pytest.fixture
def run(german: Path, runs: Path) -> Path:
    """The folder of the run of `german`."""
    assert german.is_dir()
    (folder,) = runs.iterdir()
    return folder


def test_the_same_code_writes_the_same_bundle(german: Path, copy: Path, run: Path, few_voices: Path) -> None:
    assert redraw(copy, run, few_voices) == 0
    assert {file.name: file.read_bytes() for file in copy.iterdir()} == {
        file.name: file.read_bytes() for file in german.iterdir()
    }


def test_a_bundle_of_an_older_run_gains_its_curve(
    german: Path, copy: Path, run: Path, few_voices: Path
) -> None:
    expected = json.loads((german / "results.json").read_text())["coverage"]
    results = json.loads((copy / "results.json").read_text())
    del results["coverage"]
    (copy / "results.json").write_text(json.dumps(results))
    manifest = json.loads((copy / "manifest.json").read_text())
    del manifest["files"]["results.json"]
    (copy / "manifest.json").write_text(json.dumps(manifest))
    assert redraw(copy, run, few_voices) == 0
    assert json.loads((copy / "results.json").read_text())["coverage"] == expected
    assert read_bundle(copy).manifest == read_bundle(german).manifest
    card = (copy / "MODEL_CARD.md").read_text()
    assert [one["coverage"] for one in expected] == pytest.approx([1, 0.9, 0.8, 0.7, 0.6, 0.5], abs=0.01)
    for one in expected:
        assert f"| {one['min_confidence']:.2f} | {one['accuracy']:.1%} | {one['uar']:.1%} |" in card
    assert "(coverage.png)" in card


def test_another_run_or_corpus_is_refused(
    german: Path, copy: Path, run: Path, few_voices: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    other = Path(shutil.copytree(run, tmp_path / "other"))
    for name, source in (("fold-1", "fold-2"), ("fold-2", "fold-1")):
        shutil.copy(run / source / "probabilities.npz", other / name / "probabilities.npz")
    assert redraw(copy, other, few_voices) == 1
    assert redraw(copy, run, corpora() / "emodb" / "utterances.csv") == 1
    assert redraw(copy, tmp_path / "nowhere", few_voices) == 1
    errors = capsys.readouterr().err
    assert "nowhere" in errors
    assert errors.count("not the run of") + errors.count("have other utterances") >= 2
    assert (copy / "manifest.json").read_bytes() == (german / "manifest.json").read_bytes()
