import csv
from dataclasses import replace
from pathlib import Path

import pytest

from training.__main__ import main
from training.data.corpora import Utterance
from training.evaluation.columns import columns
from training.evaluation.comparison import Cell
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
    assert (tmp_path / "comparison.png").read_bytes().startswith(b"\x89PNG")

    results = {file: file.stat().st_mtime_ns for file in (tmp_path / "runs").rglob("result.json")}
    assert len(results) == 4
    assert main([*arguments, *folders]) == 0
    assert {file: file.stat().st_mtime_ns for file in results} == results
    assert (tmp_path / "comparison.md").read_text() == table
