"""`python -m training finetune` on small bundles and real speech."""

import csv
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest

import app.core.bundle
from app.core.audio import decode
from app.core.bundle import read_bundle
from app.core.recognizer import EmotionRecognizer
from app.core.speaker import SpeakerScores, adapt
from testing import bundles
from training import finetune as verb
from training.__main__ import INTERRUPTED, main
from training.data.corpora import csv_file
from training.data.site import select
from training.evaluation import bundle_scores
from training.evaluation.bundle_scores import score
from training.learning.correction import Correction, fit
from training.publish.corrected import with_correction

Rows = list[dict[str, str]]
ONE_PENALTY = (3.0,)
"""Candidates that leave no choice, which saves time."""


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A random linear layer on the spectrogram, which adapts to speakers."""
    folder = tmp_path_factory.mktemp("originals")
    return bundles.write(folder, inputs=("log_mel",), adapts=True, temperature=0.1)


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


def run(original: Path, table: Path, folder: Path, cache: Path, *options: str) -> int:
    paths = ["--bundle", str(original), "--corpus", f"csv={table}", "--cache", str(cache)]
    return main(["finetune", "--name", "site", "--models", str(folder), *paths, *options])


@pytest.fixture(scope="module")
def tuned(original: Path, few_voices: Path, cache: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The bundle after fine-tuning to six speakers of EMO-DB."""
    folder = tmp_path_factory.mktemp("tuned")
    assert run(original, few_voices, folder, cache) == 0
    return folder / "site"


def test_the_new_bundle_answers_with_the_correction(
    original: Path, tuned: Path, few_voices: Path, cache: Path
) -> None:
    used, scores = score(select(csv_file.read(few_voices), bundles.facts()), original, cache)
    targets = np.array([bundles.LABELS.index(one.emotion) for one in used])
    fine_tuned = read_bundle(tuned).manifest.fine_tuned
    assert fine_tuned
    correction = fit(scores, targets, fine_tuned.penalty)
    recognizer = EmotionRecognizer(read_bundle(tuned))
    places = np.flatnonzero(scores.speakers == scores.speakers[0])[:4]
    answers = [recognizer.recognize_speech(decode(used[place].path.read_bytes())) for place in places]

    part = scores.part(places)
    one_by_one, adapted = [
        np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
        for logits in (correction.logits(*view) for view in part.views().values())
    ]
    assert [list((answer.probabilities or {}).values()) for answer in answers] == pytest.approx(
        one_by_one, abs=1e-5
    )
    of_call = [answer.scores for answer in answers if isinstance(answer.scores, SpeakerScores)]
    np.testing.assert_allclose(adapt(of_call), adapted, atol=1e-5)
    assert abs(one_by_one - adapted).max() > 0.01


def test_the_manifest_names_the_original(original: Path, tuned: Path) -> None:
    before, after = read_bundle(original).manifest, read_bundle(tuned).manifest
    assert after.fine_tuned is not None
    assert after.fine_tuned.model_version == before.version != after.version
    assert (after.fine_tuned.original, after.fine_tuned.n_utterances) == ("small", 116)
    assert after.scores == before.scores
    assert after.temperature == before.temperature == 0.1
    assert before.fine_tuned is None


def test_card_and_results_have_the_report(tuned: Path) -> None:
    results = json.loads((tuned / "finetuning.json").read_text())
    assert results["better"] is True
    uar = results["changes"]["one by one"]["uar"]
    assert uar["after"] > uar["before"] + 0.1
    assert (results["uar_before"], results["uar_after"]) == (uar["before"], uar["after"])
    assert len(results["penalties"]) == 5
    card = (tuned / "MODEL_CARD.md").read_text()
    assert "# small" in card
    assert f"| UAR | {uar['before']:.1%} | {uar['after']:.1%} |" in card
    assert "No utterance has surprise." in card


@pytest.mark.parametrize("adapts", [False, True])
def test_the_graph_computes_the_correction(*, adapts: bool) -> None:
    facts = bundles.facts(inputs=("log_mel",), adapts=adapts, temperature=1.5)
    random = np.random.default_rng(1)
    correction = Correction(*(random.normal(0, 0.3, shape) for shape in ((5, 5), 5, 5)))
    if not adapts:
        correction = Correction(correction.matrix, correction.bias, np.zeros(5))
    content = bundles.network(facts)
    corrected = with_correction(content, correction, facts)
    onnx.checker.check_model(corrected, full_check=True)
    inputs = {"log_mel": random.normal(0, 3, (3, 50, 80)).astype(np.float32)}
    before, after = (_run(one, inputs) for one in (content, corrected))
    logits = correction.logits(np.log(before["probabilities"]) / 1.5, np.zeros(3))
    powers = after["probabilities"] ** (1 / 1.5)
    np.testing.assert_allclose(
        powers / powers.sum(axis=1, keepdims=True),
        np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True),
        atol=1e-5,
    )
    if adapts:
        expected = correction.offsets(before["speaker_offsets"] / 1.5)
        np.testing.assert_allclose(after["speaker_offsets"] / 1.5, expected, atol=1e-5)

    nothing = with_correction(content, Correction(np.zeros((5, 5)), np.zeros(5), np.zeros(5)), facts)
    np.testing.assert_allclose(_run(nothing, inputs)["probabilities"], before["probabilities"], atol=1e-6)


def _run(content: bytes, inputs: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    session = onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])
    names = [port.name for port in session.get_outputs()]
    return dict(zip(names, session.run(names, inputs), strict=True))


@pytest.fixture
def altered(few_voices: Path, tmp_path: Path) -> Callable[[Callable[[Rows], Rows]], Path]:
    """Return a function that writes the table of utterances after a change, and returns its path."""

    def write(change: Callable[[Rows], Rows]) -> Path:
        with few_voices.open(newline="") as file:
            rows = list(csv.DictReader(file))
        path = tmp_path / "altered.csv"
        with path.open("w", newline="") as file:
            writer = csv.DictWriter(file, list(rows[0]))
            writer.writeheader()
            writer.writerows(change(rows))
        return path

    return write


def _misspelled(rows: Rows) -> Rows:
    return [row | {"emotion": row["emotion"].replace("happiness", "hapiness")} for row in rows]


def _of_two(rows: Rows) -> Rows:
    return [row for row in rows if row["speaker"] in {"emodb-03", "emodb-08"}]


def _rare(rows: Rows) -> Rows:
    anger = [row for row in rows if row["emotion"] == "anger" and row["speaker"] == "emodb-03"]
    return [row for row in rows if row["emotion"] != "anger"] + anger[:2]


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda rows: [row for row in rows if row["emotion"] == "anger"][:12], "12 utterances, 8 too few"),
        (lambda rows: [row for row in rows if row["emotion"] == "anger"], "1 label, 1 too few"),
        (_of_two, "2 speakers, 1 too few"),
        (_rare, "2 utterances with anger, 3 too few; 1 speaker with anger, 1 too few"),
        (_misspelled, "'hapiness' (29 utterances; nearest: 'happiness')"),
    ],
)
def test_too_little_speech_is_refused_before_any_work(
    change: Callable[[Rows], Rows],
    reason: str,
    altered: Callable[[Callable[[Rows], Rows]], Path],
    original: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    table = altered(change)
    for option in ("--even-if-not-better", "--dry-run"):
        assert run(original, table, tmp_path / "models", tmp_path / "cache", option) == 1
        assert reason in capsys.readouterr().err
    assert not (tmp_path / "cache").exists()
    assert not (tmp_path / "models").exists()


def test_a_bundle_that_is_not_better_needs_an_option(
    altered: Callable[[Callable[[Rows], Rows]], Path],
    original: Path,
    cache: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Labels in turn teach nothing; a single penalty keeps the choice from being the original."""

    def shuffled(rows: Rows) -> Rows:
        emotions = ("anger", "happiness", "sadness", "neutral")
        return [row | {"emotion": emotions[n % 4]} for n, row in enumerate(rows)]

    table = altered(shuffled)
    monkeypatch.setattr("training.learning.correction.PENALTIES", ONE_PENALTY)
    assert run(original, table, tmp_path, cache) == 1
    printed = capsys.readouterr()
    assert "not shown to be better than the original" in printed.out
    assert "is not better than small. Nothing was written" in printed.err
    assert not (tmp_path / "site").exists()
    assert run(original, table, tmp_path, cache, "--even-if-not-better") == 0
    assert "not shown to be better" in (tmp_path / "site" / "MODEL_CARD.md").read_text()

    monkeypatch.setattr("training.learning.correction.PENALTIES", (float("inf"),))
    assert run(original, table, tmp_path, cache, "--overwrite", "--even-if-not-better") == 1
    assert "would be the original" in capsys.readouterr().err


def test_a_dry_run_shows_the_data_and_recognizes_nothing(
    original: Path, few_voices: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(original, few_voices, tmp_path / "models", tmp_path / "cache", "--dry-run") == 0
    shown = capsys.readouterr().out
    assert "| all | 30 | 0 | 29 | 28 | 29 | 116 |" in shown
    assert "other utterances are left out" in shown
    assert shown.count("fold ") == 5
    assert list(tmp_path.iterdir()) == []


def test_a_failed_write_leaves_nothing(
    original: Path, few_voices: Path, cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise OSError("No space left on device")

    monkeypatch.setattr("training.learning.correction.PENALTIES", ONE_PENALTY)
    monkeypatch.setattr(app.core.bundle, "read_bundle", fail)  # the last step before the rename
    assert run(original, few_voices, tmp_path / "models", cache) == 1
    assert list((tmp_path / "models").iterdir()) == []


def test_an_interrupted_run_resumes(
    original: Path,
    few_voices: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def interrupt(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("training.learning.correction.PENALTIES", ONE_PENALTY)

    with monkeypatch.context() as patched:
        patched.setattr(verb, "write_bundle", interrupt)
        assert run(original, few_voices, tmp_path / "models", tmp_path / "cache") == INTERRUPTED
    assert not (tmp_path / "models").exists()
    monkeypatch.setattr(bundle_scores, "_score_one", interrupt)  # every score is in the cache
    assert run(original, few_voices, tmp_path / "models", tmp_path / "cache") == 0


def test_a_fine_tuned_bundle_is_not_fine_tuned_again(
    tuned: Path, few_voices: Path, cache: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(tuned, few_voices, tmp_path, cache) == 1
    assert "Fine-tune small to all utterances together" in capsys.readouterr().err
