"""A bundle with own labels, from the command line to the answers."""

import json
from pathlib import Path

import pytest

from app.core.audio import decode
from app.core.bundle import read_bundle
from app.core.recognizer import EmotionRecognizer
from testing.recordings import EXAMPLE, ROOT
from training.__main__ import main

EXAMPLE_LABELS = ROOT / "examples" / "labels.toml"

pytestmark = pytest.mark.usefixtures("unoptimized_graphs")


def test_a_bundle_keeps_its_own_labels_and_their_mapping(
    few_voices: Path, feature_cache: Path, tmp_path: Path
) -> None:
    soon = tmp_path / "soon.toml"  # a model that trains in closed form, on the recordings as they are
    soon.write_text('model = "ridge"\n[ridge]\naugmentations = []\n')
    corpus = ["--corpus", f"csv={few_voices}"]
    arguments = ["--name", "site", *corpus, "--labels", str(EXAMPLE_LABELS)]
    arguments += ["--features", "emobase", "--model", str(soon), "--folds", "2"]
    arguments += ["--test-conditions", "--calls"]
    arguments += ["--models", str(tmp_path), "--runs", str(tmp_path / "runs"), "--cache", str(feature_cache)]
    assert main(["train", *arguments]) == 0
    bundle = read_bundle(tmp_path / "site")
    assert bundle.manifest.labels == ("upset", "calm")
    assert bundle.manifest.label_mapping is not None
    assert bundle.manifest.label_mapping.labels["upset"] == ("anger", "disgust", "fear", "sadness")
    assert "| upset | anger, disgust, fear, sadness |" in (tmp_path / "site" / "MODEL_CARD.md").read_text()
    recognition = EmotionRecognizer(bundle).recognize(decode(EXAMPLE.read_bytes()))
    assert set(recognition.probabilities or {}) == {"upset", "calm"}

    # The evaluation maps the labels of the corpus in the same way.
    output = ["--output", str(tmp_path / "evaluation"), "--conditions", "clean", "--calls"]
    assert main(["evaluate", "--bundle", str(tmp_path / "site"), *corpus, *output]) == 0
    results = json.loads((tmp_path / "evaluation" / "evaluation.json").read_text())
    assert results["labels"] == ["upset", "calm"]
    assert results["n_other_labels"] == 0


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        (["--label", "upset=anger"], "at least 2 items"),
        (["--leave-out", "fear"], "--leave-out needs --label"),
        (["--label", "upset"], "'upset' is not NAME=OWN[,OWN…]"),
        (["--label", "a=anger", "--labels", str(EXAMPLE_LABELS)], "not allowed with argument"),
        (["--labels", "nowhere.toml"], "nowhere.toml: cannot be read"),
    ],
)
def test_wrong_options_are_refused_before_any_work(
    options: list[str], reason: str, few_voices: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["train", "--name", "x", "--corpus", f"csv={few_voices}", *options])
    assert ended.value.code == 2
    assert reason in capsys.readouterr().err


def test_a_label_that_stands_nowhere_is_refused(
    few_voices: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    labels = ["--label", "upset=anger,sad", "--label", "calm=neutral", "--leave-out", "boredom,fear,disgust"]
    arguments = ["--name", "x", "--corpus", f"csv={few_voices}", *labels, "--models", str(tmp_path)]
    assert main(["train", *arguments, "--cache", str(tmp_path), "--runs", str(tmp_path)]) == 1
    assert "unknown label" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []
