"""Commands that cannot succeed, which must fail before any work."""

import os
import re
from pathlib import Path

import pytest

from testing.recordings import corpora
from training.__main__ import main
from training.checks import _check_backend, check
from training.command_line import parse
from training.errors import TrainingError


@pytest.fixture
def no_work(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fail if a command hashes recordings, extracts features or cuts folds."""

    def fail(*_arguments: object, **_settings: object) -> None:
        pytest.fail("work began")

    monkeypatch.setattr("training.__main__.read", fail)


def arguments(verb: str, folder: Path, *further: str) -> list[str]:
    """Return the arguments of a command that writes nothing outside of a folder."""
    bundle = ["--name", "x", "--models", str(folder / "models")]
    own = {"train": ["--model", "cnn", *bundle], "compare": ["--output", str(folder / "output")]}
    caches = ["--cache", str(folder / "cache"), "--runs", str(folder / "runs")]
    return [verb, "--corpus", "csv=nowhere.csv", "--features", "emobase", *own[verb], *caches, *further]


@pytest.mark.parametrize(
    ("verb", "further", "reason"),
    [
        ("train", ["--model", "svm-linear"], "svm-linear is a baseline: it can be compared, not exported"),
        ("train", ["--model", "encoder"], "encoder requires the features of the encoder, not emobase"),
        ("train", ["--features", "whisper-base", "--model", "encoder", "--export", "all-folds"], "all-data"),
        ("train", ["--name", "../x"], "cannot name a bundle"),
        ("train", ["--shemo-labels", "labels.json"], "--shemo-labels needs ShEMO"),
        ("compare", ["--model", "cnn"], "cnn alone has nothing to be compared with"),
        ("compare", ["--model", "svm-linear", "encoder"], "encoder requires the features of the encoder"),
        ("compare", [], "encoder requires the features of the encoder"),  # the default: all models
        ("compare", ["--model", "cnn", "cnn"], "--model: cnn is given twice"),
        (
            "compare",
            ["--model", "cnn", "dense", "--training-seeds", "3", "3"],
            "--training-seeds: 3 is given",
        ),
    ],
)
@pytest.mark.usefixtures("no_work")
def test_options_that_contradict_each_other_are_refused_before_any_work(
    verb: str, further: list[str], reason: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(arguments(verb, tmp_path, *further)) == 1
    assert reason in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("verb", ["train", "compare"])
@pytest.mark.parametrize(
    ("option", "value", "reason"),
    [
        ("--folds", "1", "'1' is not an integer of at least 2"),
        ("--folds", "-5", "'-5' is not an integer of at least 2"),
        ("--max-epochs", "0", "'0' is not an integer of at least 1"),
        ("--seed", "-1", "'-1' is not an integer from 0 to 2147483647"),
        ("--seed", "4294967296", "from 0 to 2147483647"),
        ("--seed", "one", "'one' is not an integer"),
        ("--model", "unknown", "there is no model 'unknown'"),
    ],
)
def test_values_that_cannot_work_are_refused_at_the_command_line(
    verb: str, option: str, value: str, reason: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        main([*arguments(verb, tmp_path), f"{option}={value}"])
    assert ended.value.code == 2
    assert reason in capsys.readouterr().err


@pytest.mark.parametrize(
    ("verb", "chosen", "missing", "reason"),
    [
        ("train", "jax", "", "KERAS_BACKEND=jax: only tensorflow and torch can train"),
        ("compare", "torch", "torch", "torch is not installed: install requirements/training-gpu.txt"),
        ("train", "torch", "tensorflow", "tensorflow, which the export needs, is not installed"),
    ],
)
def test_a_backend_that_cannot_train_is_refused(
    verb: str, chosen: str, missing: str, reason: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KERAS_BACKEND", chosen)
    monkeypatch.setattr("training.checks.find_spec", lambda name: None if name == missing else name)
    models = ["--model", "cnn", "dense"] if verb == "compare" else []
    options = parse(arguments(verb, tmp_path, *models))
    with pytest.raises(TrainingError, match=reason):
        check(options)


def test_a_comparison_with_torch_needs_no_tensorflow(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KERAS_BACKEND", "torch")
    monkeypatch.setattr("training.checks.find_spec", lambda name: None if name == "tensorflow" else name)
    _check_backend(exports=False)


def test_an_unknown_export_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(arguments("train", tmp_path, "--export", "0"))
    assert ended.value.code == 2
    assert "best-fold" in capsys.readouterr().err


@pytest.mark.parametrize("option", ["--cache", "--runs", "--output"])
@pytest.mark.usefixtures("no_work")
def test_a_folder_that_cannot_be_written_is_refused(
    option: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("")
    folder = tmp_path / "file" / "folder"
    command = arguments("compare", tmp_path, "--model", "cnn", "dense", option, str(folder))
    assert main(command) == 1
    assert f"{folder}: cannot be written: {tmp_path / 'file'} is not a folder" in capsys.readouterr().err


@pytest.mark.usefixtures("no_work")
def test_a_folder_without_permission_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    # The tests may run as root, who has every permission.
    monkeypatch.setattr(os, "access", lambda path, mode: not (path == tmp_path and mode & os.W_OK))
    assert main(arguments("train", tmp_path)) == 1
    assert f"no permission for {tmp_path}" in capsys.readouterr().err


@pytest.mark.usefixtures("no_work")
@pytest.mark.parametrize(
    "command",
    [
        ["extract", "--corpus", "csv=x", "--cache", "FILE"],
        ["evaluate", "--corpus", "csv=x", "--bundle", "x", "--output", "FILE"],
        ["adapt", "--bundle", "x", "--audio", "x", "--name", "x", "--models", "FILE"],
        ["encoder", "--weights", "x", "--output", "FILE"],
        ["speaker-encoder", "--checkpoint", "x", "--output", "FILE"],
        ["speech-detector", "--source", "x", "--output", "FILE"],
    ],
)
def test_every_subcommand_checks_the_folder_that_it_writes(
    command: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("")
    assert main([str(tmp_path / "file") if word == "FILE" else word for word in command]) == 1
    assert "is not a folder" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("verb", "further", "reason"),
    [
        (
            "compare",
            ["--protocol", "stratified", "leave-one-corpus-out"],
            "^error: leave-one-corpus-out: .*--protocol",
        ),
        ("compare", ["--protocol", "speaker-independent", "--folds", "9"], "too few for 9 folds"),
        ("train", ["--corpus", "SECOND"], "^error: the tests on corpora .*--no-unheard-corpora"),
    ],
)
def test_the_last_folds_are_cut_before_the_first_recording_is_read(
    verb: str,
    further: list[str],
    reason: str,
    few_voices: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    # The second corpus has surprise, which the first one lacks: no fold can leave it out.
    second = f"csv={surprised(tmp_path / 'second')}"
    models = ["--model", "cnn", "dense"] if verb == "compare" else []
    command = arguments(
        verb, tmp_path / "own", *models, *(second if word == "SECOND" else word for word in further)
    )
    assert main([f"csv={few_voices}" if word == "csv=nowhere.csv" else word for word in command]) == 1
    assert re.search(reason, capsys.readouterr().err)
    assert not (tmp_path / "own").exists()


def surprised(folder: Path) -> Path:
    """Write a corpus of RAVDESS in which only surprise and anger occur."""
    table = corpora() / "ravdess" / "utterances.csv"
    header, *rows = table.read_text().splitlines()
    kept = [row for row in rows if row.split(",")[1] in ("surprise", "anger")]
    folder.mkdir()
    (folder / "utterances.csv").write_text("\n".join([header, *(f"{table.parent}/{row}" for row in kept)]))
    return folder / "utterances.csv"
