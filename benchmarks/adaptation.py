"""The effect of `python -m training adapt` on a corpus that is not in the training data.

`python -m benchmarks.adaptation TABLE.csv TABLE.csv …` trains on all corpora except one and tests on the
held-out corpus, for each corpus in turn. It compares the scaler of training with a scaler that is
re-estimated from recordings of the held-out corpus, without their labels. The output is a Markdown table.
"""

import os
import sys
from collections.abc import Sequence
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np

from app.core.features import FeatureConfig
from app.core.scaler import Scaler
from training.adapt import re_estimate
from training.data.corpora import csv_file
from training.data.dataset import Dataset
from training.evaluation.answer import answer
from training.evaluation.cross_validation import cross_validate, prepare
from training.evaluation.fold import FoldResult
from training.evaluation.run import RunConfig
from training.learning.scores import uar
from training.models import load_model

MODEL = "covariance"  # the member of the default model that trains in seconds
SIZES = (10, 30, 100, None)
N_DRAWS = 5
CACHE, RUNS = Path(".cache/features"), Path(".cache/runs")


def main(tables: Sequence[Path]) -> None:
    """Train, test and print the table."""
    plan = RunConfig(FeatureConfig("ComParE_2016"), "leave-one-corpus-out")
    utterances = [utterance for table in tables for utterance in csv_file.read(table)]
    dataset, folds = prepare(utterances, plan, CACHE, load_model(MODEL).conditions)
    print(
        "| held-out corpus | as trained | "
        + " | ".join(f"{size or 'all'} recordings" for size in SIZES)
        + " |"
    )
    print("| --- |" + " --- |" * (1 + len(SIZES)))
    rows = []
    for result in cross_validate(MODEL, dataset, folds, plan, RUNS):
        row = [score_scaler(dataset, result, result.scaler)]
        row += [score_adapted(dataset, result, size) for size in SIZES]
        rows.append(row)
        print(f"| {result.fold.name} | " + " | ".join(f"{100 * value:.1f}" for value in row) + " |")
    print("| mean | " + " | ".join(f"{100 * value:.1f}" for value in np.mean(rows, axis=0)) + " |")


def score_adapted(dataset: Dataset, result: FoldResult, size: int | None) -> float:
    """Return the mean UAR on the test part with scalers re-estimated from random samples of this part."""
    random = np.random.default_rng(1)
    scores = []
    for _ in range(N_DRAWS if size else 1):
        indices = random.choice(result.fold.test, size, replace=False) if size else result.fold.test
        features = [dataset.features["clean"][index] for index in indices]
        scores.append(score_scaler(dataset, result, re_estimate(result.scaler, features)))
    return float(np.mean(scores))


def score_scaler(dataset: Dataset, result: FoldResult, scaler: Scaler) -> float:
    """Return the UAR on the test part with a scaler."""
    clean = [dataset.features["clean"][index] for index in result.fold.test]
    return uar(result.truth, answer(result, clean, scaler).argmax(axis=1))


if __name__ == "__main__":
    main([Path(argument) for argument in sys.argv[1:]])
