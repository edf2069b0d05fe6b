import csv
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from training.__main__ import main
from training.data.corpora import Utterance
from training.data.dataset import Dataset
from training.data.features import Extracted
from training.data.folds import Fold
from training.data.scaling import identity_scaler
from training.evaluation.columns import columns
from training.evaluation.comparison import (
    MIN_TESTS,
    Candidate,
    Cell,
    Entry,
    costs,
    enter,
    pairs,
    pareto_front,
    ranks,
)
from training.evaluation.fold import FoldResult
from training.learning.significance import Resampled
from training.publish.comparison import to_markdown

CELL = Cell("cnn", "emobase", "stratified", 5, 0.6, 0.02, 0.5, 0.7, 0.65, 0.61)


def test_the_table_has_a_row_per_model_and_a_column_per_test() -> None:
    cells = [
        CELL,
        replace(CELL, test="other", uar=0.5, uar_sd=None),
        replace(CELL, model="svm-linear", uar=0.55),
    ]
    assert to_markdown(cells).splitlines() == [
        "| model | features | stratified | other |",
        "| --- | --- | --- | --- |",
        "| cnn | emobase | **60.0 ± 2.0** | **50.0** |",
        "| svm-linear | emobase | 55.0 ± 2.0 |  |",
    ]


def test_published_folds_have_a_column_per_corpus() -> None:
    utterance = Utterance(Path("a.wav"), "one", "anger", "speaker", test_fold=1)
    utterances = [
        utterance,
        replace(utterance, corpus="two"),
        replace(utterance, corpus="three", test_fold=None),
    ]
    tests = list(columns(utterances, ["published-folds", "stratified"]))
    assert [test.title for test in tests] == ["published-folds: one", "published-folds: two", "stratified"]
    assert [len(test.utterances) for test in tests] == [1, 1, 3]


def test_several_seeds_give_a_standard_deviation_over_seeds() -> None:
    cells = [
        replace(CELL, n_seeds=3, uar_seed_sd=0.004),
        replace(CELL, model="ridge", uar=0.5, n_seeds=3, uar_seed_sd=0.0),
    ]
    assert to_markdown(cells).splitlines()[2:] == [
        "| cnn | emobase | **60.0 ± 0.4** |",
        "| ridge | emobase | 50.0 ± 0.0 |",
    ]


def test_models_are_compared_on_the_same_folds_and_only_once(
    few_voices: Path, feature_cache: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["compare", "--corpus", f"csv={few_voices}", "--features", "emobase", "--folds", "2"]
    arguments += ["--model", "svm-linear", "logistic-regression", "--protocol", "speaker-independent"]
    folders = ["--cache", str(feature_cache), "--runs", str(tmp_path / "runs"), "--output", str(tmp_path)]
    assert main([*arguments, *folders]) == 0
    table = (tmp_path / "comparison.md").read_text()
    assert table in capsys.readouterr().out
    rows = list(csv.DictReader((tmp_path / "comparison.csv").read_text().splitlines()))
    assert [row["model"] for row in rows] == ["svm-linear", "logistic-regression"]
    for row in rows:
        assert 0.5 < float(row["low"]) < float(row["high"])
        assert f"{100 * float(row['uar']):.1f} ± {100 * float(row['uar_sd']):.1f}" in table
    (pair,) = csv.DictReader((tmp_path / "differences.csv").read_text().splitlines())
    difference, low, high = (100 * float(pair[name]) for name in ("difference", "low", "high"))
    assert (pair["test"], pair["n_speakers"]) == ("speaker-independent", "6")
    assert f"| {difference:+.1f} | {low:+.1f} to {high:+.1f} | {float(pair['p_value']):.3f} |" in table
    assert low <= difference <= high
    for name in ("comparison.png", "ranks.png", "cost.png"):
        assert (tmp_path / name).read_bytes().startswith(b"\x89PNG")
        assert f"({name})" in table
    costs = list(csv.DictReader((tmp_path / "costs.csv").read_text().splitlines()))
    assert {row["model"] for row in costs} == {"svm-linear", "logistic-regression"}
    assert all(float(row["extraction_ms"]) > 0 and float(row["model_ms"]) > 0 for row in costs)

    results = {file: file.stat().st_mtime_ns for file in (tmp_path / "runs").rglob("result.json")}
    assert len(results) == 4
    assert main([*arguments, *folders]) == 0
    assert {file: file.stat().st_mtime_ns for file in results} == results
    assert (tmp_path / "comparison.md").read_text() == table

    # The seed of training changes nothing in these models, so that they train once.
    assert main([*arguments, *folders, "--training-seeds", "1", "2"]) == 0
    assert {file: file.stat().st_mtime_ns for file in (tmp_path / "runs").rglob("result.json")} == results
    rows = list(csv.DictReader((tmp_path / "comparison.csv").read_text().splitlines()))
    assert [(row["n_seeds"], row["uar_seed_sd"]) for row in rows] == [("2", "0.0")] * 2


def entry(model: str, test: str, fold_uars: list[float], milliseconds: float = 1.0) -> Entry:
    """Return an entry of two speakers, whose UAR is the mean over the folds."""
    uar = float(np.mean(fold_uars))
    cell = replace(CELL, model=model, test=test, uar=uar)
    resampled = Resampled(2, uar, np.full(100, uar))
    return Entry(cell, np.array(fold_uars), resampled, milliseconds)


def test_pairs_are_of_one_test_and_all_of_them_are_one_family() -> None:
    entries = [
        entry(model, test, [uar]) for test in ("one", "two") for model, uar in (("a", 0.5), ("b", 0.6))
    ]
    found = pairs(entries)
    assert [(pair.test, pair.first.model, pair.second.model) for pair in found] == [
        ("one", "b", "a"),
        ("two", "b", "a"),
    ]
    for pair in found:
        assert pair.difference.difference == pytest.approx(0.1)
        assert pair.corrected == pytest.approx(2 * pair.difference.p_value)


def test_the_folds_of_few_tests_are_ranked_and_unfinished_tests_are_not() -> None:
    entries = [entry("a", "one", [0.5, 0.6]), entry("b", "one", [0.7, 0.6]), entry("a", "two", [0.1, 0.1])]
    ranked = ranks(entries)
    assert [candidate.model for candidate in ranked.candidates] == ["b", "a"]
    assert (ranked.ranks, ranked.blocks, ranked.n_blocks) == ([1.25, 1.75], "folds", 2)


def test_many_tests_are_ranked_as_a_whole() -> None:
    entries = [
        entry(model, str(test), uars)
        for test in range(MIN_TESTS)
        for model, uars in (("a", [0.5, 0.6]), ("b", [0.4, 0.6]))
    ]
    ranked = ranks(entries)
    assert (ranked.ranks, ranked.blocks, ranked.n_blocks) == ([1.0, 2.0], "tests", MIN_TESTS)


def test_a_candidate_that_is_dearer_and_worse_is_not_on_the_front() -> None:
    entries = [
        entry("cheap", "one", [0.5], milliseconds=1),
        entry("worse", "one", [0.4], milliseconds=2),
        entry("better", "one", [0.6], milliseconds=3),
        entry("dearer", "one", [0.6], milliseconds=4),
    ]
    measured = costs(entries, {"emobase": 20.0})
    assert [cost.total for cost in measured] == [21, 22, 23, 24]
    assert [cost.candidate.model for cost in pareto_front(measured)] == ["cheap", "better"]


def test_an_utterance_counts_in_the_share_of_the_seeds_that_recognize_it(tmp_path: Path) -> None:
    utterances = [Utterance(Path(f"{n}.wav"), "one", "anger", f"speaker {n % 3}") for n in range(6)]
    targets = np.array([0, 1, 0, 1, 0, 1])
    extracted = Extracted(utterances, {}, "", {}, "emobase")
    dataset = Dataset(extracted, ("anger", "sadness"), targets)
    right, wrong = np.eye(2)[targets], np.eye(2)[1 - targets]
    half = np.concatenate([right[:3], wrong[3:]])
    folds = [Fold(n, str(n), np.arange(0), np.arange(0), np.arange(3 * n, 3 * n + 3), True) for n in (0, 1)]  # noqa: FBT003

    def run(answers: NDArray[np.float64]) -> list[FoldResult]:
        return [
            FoldResult(
                fold, targets[fold.test], {"clean": answers[fold.test]}, 0.5, 1.0, {}, {}, [], 1.0,
                identity_scaler(1), None, tmp_path, milliseconds=2.0,
            )
            for fold in folds
        ]  # fmt: skip

    one = enter(Candidate("cnn", "emobase"), "test", [run(right), run(half)], dataset, n_seeds=2, seed=1)
    assert one.cell.uar == one.resampled.uar == pytest.approx(0.75)
    assert one.fold_uars.tolist() == [1.0, 0.5]
    assert one.cell.uar_seed_sd == pytest.approx(np.std([1.0, 0.5], ddof=1))
    assert one.milliseconds == 2
    alone = enter(Candidate("svm-linear", "emobase"), "test", [run(half)], dataset, n_seeds=2, seed=1)
    assert alone.cell.uar_seed_sd == 0
