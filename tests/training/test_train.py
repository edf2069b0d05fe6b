import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from app.core.audio import decode
from app.core.bundle import read_bundle
from app.core.features import FeatureConfig
from app.core.recognizer import EmotionRecognizer
from testing.recordings import EXAMPLE, ROOT, corpora
from training.__main__ import main
from training.data.corpora import csv_file
from training.data.features import extract
from training.data.folds import make_folds
from training.data.labels import relabel
from training.models import load_model


def files(bundle: Path) -> dict[str, bytes]:
    """Return the content of all files, without the training time and the hashes of files that contain it."""
    contents = {file.name: file.read_bytes() for file in bundle.iterdir()}
    contents["results.json"] = re.sub(rb'"training_seconds": \d+', b"", contents["results.json"])
    contents["MODEL_CARD.md"] = re.sub(rb"Training took \d+ s", b"", contents["MODEL_CARD.md"])
    hashes = rb'"(MODEL_CARD\.md|results\.json)": "\w+"'
    contents["manifest.json"] = re.sub(hashes, b"", contents["manifest.json"])
    return contents


def folders(parent: Path) -> list[str]:
    """Return the arguments of a training that writes below a folder."""
    return ["--models", str(parent / "models"), "--runs", str(parent / "runs")]


def test_the_bundle_can_be_used(german: Path) -> None:
    bundle = read_bundle(german)
    assert bundle.manifest.labels == ("anger", "happiness", "sadness", "neutral")
    recognition = EmotionRecognizer(bundle).recognize(decode(EXAMPLE.read_bytes()))
    assert recognition.probabilities is not None
    assert sum(recognition.probabilities.values()) == pytest.approx(1)


def test_the_manifest_describes_the_corpus_and_the_protocol(german: Path) -> None:
    manifest = read_bundle(german).manifest
    (corpus,) = manifest.protocol.corpora
    assert (corpus.name, corpus.n_utterances, corpus.n_speakers) == ("emodb", 116, 6)
    assert (manifest.protocol.name, manifest.protocol.n_folds) == ("speaker-independent", 2)


def test_the_manifest_has_every_hyperparameter(german: Path) -> None:
    manifest = read_bundle(german).manifest
    model = load_model(manifest.model)
    networks = {name: dict(table) for name, table in model.hyperparameters.items()}
    for table in networks.values():
        if "max_epochs" in table:
            table["max_epochs"] = 2
    assert manifest.hyperparameters == networks


def test_the_scores_summarize_the_folds(german: Path) -> None:
    scores = read_bundle(german).manifest.scores
    uars = [fold.uar for fold in scores.folds]
    assert [fold.fold for fold in scores.folds] == ["1", "2"]
    assert scores.uar.mean == pytest.approx(np.mean(uars))
    assert scores.uar.sd == pytest.approx(np.std(uars, ddof=1))
    # After two epochs, the UAR is far above chance (25 %).
    assert scores.uar.mean > 0.4


def test_the_fold_with_the_best_validation_uar_is_chosen(german: Path) -> None:
    manifest = read_bundle(german).manifest
    best = max(manifest.scores.folds, key=lambda fold: fold.validation_uar)
    assert manifest.chosen_folds == (best.fold,)


def test_the_scaler_is_fitted_without_the_test_part(
    german: Path, few_voices: Path, feature_cache: Path
) -> None:
    bundle = read_bundle(german)
    assert bundle.manifest.features is not None
    utterances = relabel(csv_file.read(few_voices))
    features = extract(utterances, FeatureConfig("emobase"), feature_cache).features["clean"]
    folds = make_folds(utterances, "speaker-independent", 2, seed=1)
    (fold,) = [fold for fold in folds if fold.name in bundle.manifest.chosen_folds]
    functionals, descriptors = bundle.scaler.split(bundle.manifest.features.n_functionals)
    rest = [features[index] for index in fold.rest]
    np.testing.assert_allclose(
        functionals.mean,
        np.mean([values.functionals for values in rest], axis=0, dtype=np.float64),
        rtol=1e-6,
    )
    # The network takes no descriptors, so the training does not fit their scaler.
    assert not descriptors.mean.any()


def test_the_model_card_has_the_scores_of_the_manifest(german: Path) -> None:
    card, manifest = (german / "MODEL_CARD.md").read_text(), read_bundle(german).manifest
    for fold in manifest.scores.folds:
        row = f"{fold.uar:.1%} | {fold.accuracy:.1%} | {fold.validation_uar:.1%} |"
        assert re.search(rf"^\| {fold.fold} \| \d+ \| {re.escape(row)}$", card, re.MULTILINE)
    assert f"{manifest.scores.uar.mean:.1%} ± {manifest.scores.uar.sd:.1%}" in card
    assert "| emodb | 116 | 6 | de | EMO-DB, German: free for research" in card
    for picture in ("confusion_matrix.png", "coverage.png", "reliability.png", "learning_curves.png"):
        assert picture in card
        assert (german / picture).read_bytes().startswith(b"\x89PNG")


def test_an_interrupted_run_resumes_in_another_process_and_gives_the_same_bundle(
    german: Path, runs: Path, tmp_path: Path, training_of_german: list[str]
) -> None:
    shutil.copytree(runs, tmp_path / "runs")
    (run,) = (tmp_path / "runs").iterdir()
    # The other process trains the networks that the bundle contains, with the same seed.
    (chosen,) = read_bundle(german).manifest.chosen_folds
    (completed,) = (fold for fold in run.iterdir() if fold.name != f"fold-{chosen}")
    shutil.rmtree(run / f"fold-{chosen}")
    before = {file: file.stat().st_mtime_ns for file in completed.iterdir()}
    command = [sys.executable, "-m", "training", *training_of_german, *folders(tmp_path)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    assert {file: file.stat().st_mtime_ns for file in completed.iterdir()} == before
    assert (run / f"fold-{chosen}" / "cnn.keras").is_file()
    assert files(tmp_path / "models" / "german") == files(german)


@pytest.mark.usefixtures("german")
def test_with_torch_every_fold_is_trained_before_tensorflow_exports(
    runs: Path,
    tmp_path: Path,
    training_of_german: list[str],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def run(command: list[str], env: dict[str, str], **_: object) -> subprocess.CompletedProcess[str]:
        assert (command[0], env["KERAS_BACKEND"]) == (sys.executable, "tensorflow")
        return subprocess.CompletedProcess(command, 7)

    shutil.copytree(runs, tmp_path / "runs")
    monkeypatch.setattr("training.learning.backend.NAME", "torch")
    monkeypatch.setattr(subprocess, "run", run)
    with pytest.raises(SystemExit, match="7"):
        main([*training_of_german, *folders(tmp_path), "--export", "all-data"])
    results = sorted((tmp_path / "runs").glob("*/*/result.json"), key=lambda one: one.parent.name)
    assert [result.parent.name for result in results] == ["fold-1", "fold-2", "fold-all-data"]
    assert [json.loads(result.read_text())["trained_with"] for result in results] == [
        "tensorflow on CPU",
        "tensorflow on CPU",
        "torch on CPU",
    ]
    assert not (tmp_path / "models").exists()
    assert "all folds are trained; TensorFlow exports the bundle" in capsys.readouterr().out


def test_an_existing_bundle_is_not_overwritten(
    german: Path, runs: Path, training_of_german: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    before = (german / "manifest.json").read_bytes()
    assert main([*training_of_german, "--models", str(german.parent), "--runs", str(runs)]) == 1
    assert "already exists" in capsys.readouterr().err
    assert (german / "manifest.json").read_bytes() == before


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["--corpus", "emodb=nowhere"], "nowhere: no such folder"),
        (["--corpus", "EMODB", "--name", "../x"], "cannot name a bundle"),
        (["--corpus", "EMODB", "--folds", "20"], "10 speakers are too few for 20 folds"),
        (["--corpus", "EMODB", "--corpus", "EMODB"], "is a corpus given twice?"),
    ],
)
def test_a_failed_run_reports_the_reason(
    arguments: list[str], reason: str, feature_cache: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    emodb = f"emodb={corpora() / 'emodb'}"
    arguments = [emodb if argument == "EMODB" else argument for argument in arguments]
    paths = ["--cache", str(feature_cache), "--models", str(tmp_path), "--runs", str(tmp_path)]
    status = main(["train", "--name", "x", "--features", "emobase", "--model", "cnn", *paths, *arguments])
    assert status == 1
    assert reason in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_an_unknown_kind_of_corpus_is_refused_with_the_known_kinds(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["train", "--name", "x", "--corpus", "opera=/data"])
    assert ended.value.code == 2
    assert "audformat, csv, aesdd, cafe" in capsys.readouterr().err


def test_the_history_is_stored_for_the_learning_curves(runs: Path, german: Path) -> None:
    assert german.is_dir()
    (run,) = runs.iterdir()
    (history,) = json.loads((run / "fold-1" / "result.json").read_text())["histories"]
    assert set(history) == {"loss", "uar", "val_loss", "val_uar"}
    assert {len(values) for values in history.values()} == {2}


def test_the_results_agree_with_the_manifest_and_add_details(german: Path) -> None:
    results, manifest = json.loads((german / "results.json").read_text()), read_bundle(german).manifest
    assert results["uar"]["mean"] == manifest.scores.uar.mean
    low, high = results["uar"]["interval_95"]
    assert 0 < low < high < 1
    assert set(results["uar_by"]["sex"]) == {"f", "m"}
    assert set(results["uar_by_condition"]) == {"clean", "telephone"}
    assert results["uar_by_condition"]["clean"] == {key: results["uar"][key] for key in ("mean", "sd")}
    assert np.sum(results["confusion_matrix"]) == 116
    assert sum(results["recall"].values()) / 4 == pytest.approx(
        np.mean(np.diag(results["confusion_matrix"]) / np.sum(results["confusion_matrix"], axis=1))
    )
    assert results["speakers_apart"] is True
    assert {"data_sha256", "code_sha256", "versions", "training_seconds", "seed"} <= set(results)
