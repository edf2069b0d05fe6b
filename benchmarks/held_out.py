"""A bundle for each fold of the default model, and the voices that it has never heard."""

import os
from collections.abc import Sequence
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

from app.core.features import FeatureConfig
from training.conditions import TEST_CONDITIONS
from training.corpora import Utterance
from training.cross_validation import Plan, cross_validate, prepare
from training.dataset import Dataset
from training.encoder.extractor import ENCODER
from training.fit import FoldResult
from training.models import load_model
from training.results import figures
from training.train import Order, export

MODEL = "encoder"
PLAN = Plan(FeatureConfig(ENCODER))
CACHE, RUNS = Path(".cache/features"), Path(".cache/runs")


def cross_validated(utterances: Sequence[Utterance]) -> tuple[Dataset, list[FoldResult]]:
    """Cross-validate the default model, which takes half an hour unless it was done before."""
    conditions = tuple(dict.fromkeys((*load_model(MODEL).conditions, *TEST_CONDITIONS)))
    dataset, cut = prepare(utterances, PLAN, CACHE, conditions)
    return dataset, cross_validate(MODEL, dataset, cut, PLAN, RUNS)


def write_bundles(
    dataset: Dataset, results: Sequence[FoldResult], models: Path
) -> dict[str, list[Utterance]]:
    """Write a bundle of the networks of each fold.

    Args:
        dataset: that was trained and tested on.
        results: of the folds.
        models: folder of the bundles.

    Returns:
        By the name of the bundle, the test part of its fold.
    """
    held_out = {}
    for result in results:
        name = f"without-fold-{result.fold.number}"
        one = [result]
        export(Order(models / name, MODEL), PLAN, dataset, one, one, figures(MODEL, dataset, PLAN, one, {}))
        held_out[name] = [dataset.utterances[index] for index in result.fold.test]
    return held_out
