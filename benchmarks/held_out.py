"""Bundles of the folds of the default model, with the test part of each fold."""

import os
from collections.abc import Sequence
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

from app.core.features import FeatureConfig
from training.data.conditions import TEST_CONDITIONS
from training.data.corpora import Utterance
from training.data.dataset import Dataset
from training.encoder.extractor import ENCODER
from training.evaluation.cross_validation import cross_validate, prepare
from training.evaluation.fold import FoldResult
from training.evaluation.results import figures
from training.evaluation.run import RunConfig
from training.models import load_model
from training.train import BundleOptions, export

MODEL = "encoder"
PLAN = RunConfig(FeatureConfig(ENCODER))
CACHE, RUNS = Path(".cache/features"), Path(".cache/runs")


def cross_validated(utterances: Sequence[Utterance]) -> tuple[Dataset, list[FoldResult]]:
    """Cross-validate the default model, which takes half an hour unless the results are cached."""
    conditions = tuple(dict.fromkeys((*load_model(MODEL).conditions, *TEST_CONDITIONS)))
    dataset, folds = prepare(utterances, PLAN, CACHE, conditions)
    return dataset, cross_validate(MODEL, dataset, folds, PLAN, RUNS)


def write_bundles(
    dataset: Dataset, results: Sequence[FoldResult], models: Path
) -> dict[str, list[Utterance]]:
    """Write a bundle of the networks of each fold.

    Args:
        dataset: the dataset of the cross-validation.
        results: the results of the folds.
        models: the folder of the bundles.

    Returns:
        The test part of each fold, by the name of its bundle.
    """
    held_out = {}
    for result in results:
        name = f"without-fold-{result.fold.number}"
        fold_results = [result]
        export(
            BundleOptions(models / name, MODEL),
            PLAN,
            dataset,
            fold_results,
            fold_results,
            figures(MODEL, dataset, PLAN, fold_results, {}),
        )
        held_out[name] = [dataset.utterances[index] for index in result.fold.test]
    return held_out
