import csv
import json
from pathlib import Path

import numpy as np
import pytest

from app.core.audio import decode
from app.core.bundle import read_bundle
from app.core.recognizer import EmotionRecognizer
from testing import bundles
from testing.recordings import corpora
from training.__main__ import main
from training.data.corpora import csv_file
from training.data.labels import label_for


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A table of 24 utterances of four speakers, some with labels that the bundle does not have."""
    source = corpora() / "emodb" / "utterances.csv"
    with source.open(newline="") as file:
        rows = list(csv.DictReader(file))
    chosen = [row for row in rows if row["speaker"] in {"emodb-03", "emodb-08", "emodb-09", "emodb-10"}][::7][
        :24
    ]
    path = tmp_path_factory.mktemp("few") / "utterances.csv"
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        for row in chosen:
            writer.writerow({**row, "path": source.parent / row["path"]})
    return path


def evaluate(bundle: Path, table: Path, output: Path, *options: str) -> int:
    paths = ["--bundle", str(bundle), "--corpus", f"csv={table}", "--output", str(output)]
    return main(["evaluate", *paths, "--conditions", "clean", "telephone", *options])


def test_the_evaluation_agrees_with_the_service(tmp_path: Path, table: Path) -> None:
    bundle = bundles.write(tmp_path / "models", inputs=("log_mel",), adapts=True)
    assert evaluate(bundle, table, tmp_path / "out", "--calls", "telephone") == 0
    results = json.loads((tmp_path / "out" / "evaluation.json").read_text())
    utterances = label_for(csv_file.read(table), bundles.facts())
    recognizer = EmotionRecognizer(read_bundle(bundle))
    answers = [
        recognizer.recognize_speech(decode(utterance.path.read_bytes())).emotion for utterance in utterances
    ]
    accuracy = np.mean(
        [answer == utterance.emotion for answer, utterance in zip(answers, utterances, strict=True)]
    )
    assert results["conditions"]["clean"]["accuracy"] == pytest.approx(accuracy)
    assert results["n_utterances"] == len(utterances)
    assert results["n_other_labels"] == 24 - len(utterances) > 0
    assert set(results["conditions"]) == {"clean", "telephone"}
    whole, *_, half = results["conditions"]["clean"]["coverage"]
    assert (whole["coverage"], whole["accuracy"]) == (1.0, results["conditions"]["clean"]["accuracy"])
    assert 0 < whole["min_confidence"] <= half["min_confidence"] <= 1
    call = results["calls"]["telephone"]
    assert 0.8 < call["found"] <= 1
    assert 0 <= call["uar_adapted"] <= 1
    report = (tmp_path / "out" / "evaluation.md").read_text()
    assert f"| clean | {results['conditions']['clean']['uar']:.1%} |" in report
    assert (tmp_path / "out" / "confusion_matrix.png").read_bytes().startswith(b"\x89PNG")


def test_a_corpus_without_labels_of_the_bundle_is_refused(
    tmp_path: Path, table: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bundle = bundles.write(tmp_path / "models")
    text = table.read_text().replace("anger", "fear").replace("neutral", "boredom")
    other = tmp_path / "utterances.csv"
    other.write_text(text.replace("happiness", "disgust").replace("sadness", "fear"))
    assert evaluate(bundle, other, tmp_path / "out", "--calls") == 1
    assert "no recording has a label of the bundle" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_an_undecodable_recording_is_reported_or_skipped(
    tmp_path: Path, table: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bundle = bundles.write(tmp_path / "models", inputs=("log_mel",))
    broken = tmp_path / "broken.wav"
    broken.write_bytes(b"RIFF and nothing else")
    lines = table.read_text().splitlines()
    first = dict(zip(lines[0].split(","), lines[1].split(","), strict=True)) | {
        "path": str(broken),
        "emotion": "anger",
    }
    bad = tmp_path / "utterances.csv"
    bad.write_text("\n".join([*lines, ",".join(first.values())]) + "\n")
    assert evaluate(bundle, bad, tmp_path / "out", "--calls") == 1
    assert f"{broken}: The WAV header is damaged" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
    assert evaluate(bundle, bad, tmp_path / "out", "--calls", "--skip-undecodable") == 0
    assert json.loads((tmp_path / "out" / "evaluation.json").read_text())["n_undecodable"] == 1
