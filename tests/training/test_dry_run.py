import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from testing.recordings import EXAMPLE, ROOT
from training.__main__ import main


@pytest.fixture
def plan(capsys: pytest.CaptureFixture[str]) -> "Plan":
    return Plan(capsys)


class Plan:
    """Runs a command with `--dry-run`."""

    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self._capsys = capsys

    def __call__(self, *arguments: str) -> str:
        """Return what the command prints."""
        self._capsys.readouterr()
        assert main([*arguments, "--dry-run"]) == 0
        return self._capsys.readouterr().out


def state(folder: Path) -> dict[Path, int]:
    """Return all paths below a folder with the time of their last change."""
    return {path: path.stat().st_mtime_ns for path in folder.rglob("*")}


def test_the_plan_of_a_training_has_utterances_folds_and_caches_and_writes_nothing(
    german: Path, runs: Path, training_of_german: list[str], plan: Plan
) -> None:
    before = state(german.parent), state(runs)
    text = plan(*training_of_german, "--models", str(german.parent), "--runs", str(runs), "--overwrite")
    assert (state(german.parent), state(runs)) == before
    assert f"Bundle: {german}, replaced; networks: best-fold." in text
    assert re.search(r"^corpus +anger +happiness +neutral +sadness +all +speakers$", text, re.MULTILINE)
    assert re.search(r"^emodb .* 116 +6$", text, re.MULTILINE)
    assert len(re.findall(r"^[12]( +\d+){6}$", text, re.MULTILINE)) == 2
    assert "  clean: 116 of 116 utterances\n  telephone: 116 of 116 utterances\n" in text
    assert f"Complete folds: 2 of 2 in {runs}" in text
    assert text.endswith("Dry run: nothing was written.\n")


def test_the_kept_folds_depend_on_both_seeds(
    german: Path, runs: Path, few_voices: Path, feature_cache: Path, tmp_path: Path, plan: Plan
) -> None:
    assert german.is_dir()
    command = ["compare", "--corpus", f"csv={few_voices}", "--features", "emobase", "--model", "cnn", "dense"]
    command += ["--protocol", "speaker-independent", "--folds", "2", "--max-epochs", "2", "--runs", str(runs)]
    command += ["--cache", str(feature_cache), "--output", str(tmp_path / "output")]
    text = plan(*command, "--training-seeds", "1", "2")
    assert f"Output: {tmp_path / 'output'}, new." in text
    # The run of the bundle has the same folds and the same seed of training.
    assert "Complete folds of cnn, emobase, training seed 1: 2 of 2 in" in text
    assert "Complete folds of cnn, emobase, training seed 2: 0 of 2." in text
    assert "Complete folds of dense, emobase, training seed 1: 0 of 2." in text
    text = plan(*command, "--seed", "2", "--training-seeds", "1")
    assert "Complete folds of cnn, emobase, training seed 1: 0 of 2." in text
    assert list(tmp_path.iterdir()) == []


def test_the_plan_of_an_extraction_counts_cached_recordings(
    few_voices: Path, german: Path, feature_cache: Path, tmp_path: Path, plan: Plan
) -> None:
    assert german.is_dir()
    command = ["extract", "--corpus", f"csv={few_voices}", "--features", "emobase"]
    text = plan(*command, "--conditions", "telephone", "noise-5", "--cache", str(tmp_path / "new"))
    # An extraction maps no labels.
    assert re.search(r"^corpus .*boredom .*fear", text, re.MULTILINE)
    assert "telephone: 0 of" in text
    assert "noise-5: 0 of" in text
    assert not (tmp_path / "new").exists()
    text = plan(*command, "--cache", str(feature_cache))
    assert re.search(r"clean: 116 of \d{3} utterances", text)


def test_the_plan_of_baselines_loads_no_tensorflow(few_voices: Path, tmp_path: Path) -> None:
    command = [
        "compare",
        "--corpus",
        f"csv={few_voices}",
        "--features",
        "emobase",
        "--folds",
        "2",
        "--dry-run",
    ]
    command += ["--model", "svm-linear", "svm-rbf", "--protocol", "speaker-independent", "stratified"]
    command += ["--cache", str(tmp_path / "cache"), "--runs", str(tmp_path), "--output", str(tmp_path)]
    program = (
        "import sys; from training.__main__ import main; main(sys.argv[1:]); print('keras' in sys.modules)"
    )
    ended = subprocess.run(
        [sys.executable, "-c", program, *command], cwd=ROOT, check=True, capture_output=True, text=True
    )
    assert "# speaker-independent" in ended.stdout
    assert "# stratified" in ended.stdout
    assert ended.stdout.endswith("nothing was written.\nFalse\n")


def test_a_skipped_recording_makes_the_kept_folds_unknown(
    few_voices: Path, tmp_path: Path, plan: Plan
) -> None:
    command = [
        "train",
        "--name",
        "x",
        "--corpus",
        f"csv={few_voices}",
        "--features",
        "emobase",
        "--folds",
        "2",
    ]
    command += [
        "--model",
        "cnn",
        "--cache",
        str(tmp_path),
        "--runs",
        str(tmp_path),
        "--models",
        str(tmp_path),
    ]
    assert "Complete folds: 0 of 2." in plan(*command)
    assert "Complete folds: unknown until" in plan(*command, "--skip-undecodable")


def test_the_plan_of_an_evaluation_counts_the_labels_of_the_bundle(
    few_voices: Path, tmp_path: Path, plan: Plan
) -> None:
    bundle, output = str(ROOT / "models" / "opensmile"), tmp_path / "output"
    command = ["evaluate", "--bundle", bundle, "--corpus", f"csv={few_voices}", "--output", str(output)]
    text = plan(*command, "--conditions", "clean", "--calls")
    assert f"Evaluate opensmile. Output: {output}, new." in text
    assert "Conditions: clean.\nSimulated calls: none." in text
    assert re.search(r"^emodb .* 116 +6$", text, re.MULTILINE)
    assert re.search(r"[1-9]\d* of \d+ utterances are left out", text)
    assert not output.exists()


def test_the_plan_of_a_description_has_the_labels_of_the_corpus(
    few_voices: Path, tmp_path: Path, plan: Plan
) -> None:
    folders = ["--output", str(tmp_path / "report"), "--cache", str(tmp_path / "cache")]
    text = plan("describe", "--corpus", f"csv={few_voices}", *folders)
    assert re.search(r"^corpus .*boredom .*fear", text, re.MULTILINE)
    assert list(tmp_path.iterdir()) == []


def test_the_plan_of_an_adaptation_has_the_weight_of_the_recordings(tmp_path: Path, plan: Plan) -> None:
    audio = tmp_path / "audio"
    audio.mkdir()
    shutil.copy(EXAMPLE, audio / "one.wav")
    command = ["adapt", "--bundle", str(ROOT / "models" / "opensmile"), "--audio", str(audio)]
    text = plan(*command, "--name", "site", "--models", str(tmp_path / "models"))
    assert f"Adapt {ROOT / 'models' / 'opensmile'} to 1 recording of {audio}, with a weight of 3%." in text
    assert not (tmp_path / "models").exists()


def test_the_plan_of_a_new_card_checks_the_run(
    german: Path, runs: Path, few_voices: Path, plan: Plan
) -> None:
    (run,) = runs.iterdir()
    before = state(german)
    text = plan("redraw", "--bundle", str(german), "--run", str(run), "--corpus", f"csv={few_voices}")
    assert f"{run} is the run of {german}" in text
    assert state(german) == before
