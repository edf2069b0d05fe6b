"""What `python -m training adapt` is worth on a corpus that was never heard.

`python -m benchmarks.adaptation TABLE.csv TABLE.csv …`: trains on all corpora but one, and tests on
that one, with the scaler of training and with one re-estimated from recordings of it, without
their labels. Written as Markdown to the standard output.
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
from training.answer import answer
from training.corpora import csv_file
from training.cross_validation import Plan, cross_validate, prepare
from training.dataset import Dataset
from training.fit import FoldResult
from training.models import load_model
from training.scores import uar

MODEL = "covariance"  # the member of the default model that is trained in seconds
SIZES = (10, 30, 100, None)
N_DRAWS = 5
CACHE, RUNS = Path(".cache/features"), Path(".cache/runs")


def main(tables: Sequence[Path]) -> None:
    """Train, test and print."""
    plan = Plan(FeatureConfig("ComParE_2016"), "leave-one-corpus-out")
    utterances = [utterance for table in tables for utterance in csv_file.read(table)]
    dataset, folds = prepare(utterances, plan, CACHE, load_model(MODEL).conditions)
    print(
        "| never heard | as trained | " + " | ".join(f"{size or 'all'} recordings" for size in SIZES) + " |"
    )
    print("| --- |" + " --- |" * (1 + len(SIZES)))
    rows = []
    for result in cross_validate(MODEL, dataset, folds, plan, RUNS):
        row = [tested(dataset, result, result.scaler)]
        row += [adapted(dataset, result, size) for size in SIZES]
        rows.append(row)
        print(f"| {result.fold.name} | " + " | ".join(f"{100 * value:.1f}" for value in row) + " |")
    print("| mean | " + " | ".join(f"{100 * value:.1f}" for value in np.mean(rows, axis=0)) + " |")


def adapted(dataset: Dataset, result: FoldResult, size: int | None) -> float:
    """UAR on the test part behind scalers that have heard some of it, the mean over several draws."""
    random = np.random.default_rng(1)
    scores = []
    for _ in range(N_DRAWS if size else 1):
        drawn = random.choice(result.fold.test, size, replace=False) if size else result.fold.test
        heard = [dataset.features["clean"][index] for index in drawn]
        scores.append(tested(dataset, result, re_estimate(result.scaler, heard)))
    return float(np.mean(scores))


def tested(dataset: Dataset, result: FoldResult, scaler: Scaler) -> float:
    """UAR on the test part behind a scaler."""
    clean = [dataset.features["clean"][index] for index in result.fold.test]
    return uar(result.truth, answer(result, clean, scaler).argmax(axis=1))


if __name__ == "__main__":
    main([Path(argument) for argument in sys.argv[1:]])
