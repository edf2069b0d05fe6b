"""Cross-validation of a model on every fold of a protocol."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from tqdm import tqdm

from training.data.corpora import Utterance
from training.data.dataset import Dataset
from training.data.features import extract
from training.data.folds import Fold, make_folds
from training.data.labels import label
from training.evaluation.fold import FoldResult, fit_fold
from training.evaluation.run import RunConfig, fold_folder, run_folder
from training.learning.calibration import cross_fit_temperatures
from training.models import check_features, load_model


def prepare(
    utterances: Sequence[Utterance],
    config: RunConfig,
    cache: Path,
    conditions: Sequence[str],
    *,
    skip_undecodable: bool = False,
) -> tuple[Dataset, list[Fold]]:
    """Prepare the features and the folds.

    Args:
        utterances: the utterances with their corpora's own labels.
        config: the settings of the cross-validation.
        cache: the folder of cached features.
        conditions: the conditions to apply to the recordings.
        skip_undecodable: skip recordings that cannot be analyzed.

    Raises:
        TrainingError: the labels, the recordings or the folds do not permit the run.
    """
    utterances, labels = label(utterances, config.mapping)
    # Raise for impossible folds now, not after hours of extraction.
    make_folds(utterances, config.protocol, config.n_folds, config.seed)
    extracted = extract(
        utterances, config.features, cache, conditions=conditions, skip_undecodable=skip_undecodable
    )
    folds = make_folds(extracted.utterances, config.protocol, config.n_folds, config.seed)
    targets = np.array([labels.index(utterance.emotion) for utterance in extracted.utterances])
    return Dataset(extracted, labels, targets), folds


def cross_validate(
    name: str, dataset: Dataset, folds: Sequence[Fold], config: RunConfig, runs: Path
) -> list[FoldResult]:
    """Train and test a model on every fold. Load the results of completed folds.

    Args:
        name: the name of the model.
        dataset: the data, with all conditions for training and testing.
        folds: the folds of the protocol.
        config: the settings of the cross-validation.
        runs: the folder of all runs. The name of a run's folder contains a digest of everything that
            determines its results.

    Returns:
        The result of each fold. If there are several folds, the test parts of the others gave its
        temperature.

    Raises:
        TrainingError: the model requires the encoder's features, and the dataset has others.
    """
    check_features(name, dataset.feature_set)
    model = load_model(name).limited(config.max_epochs)
    folder = run_folder(name, dataset, folds, config, runs)
    results = []
    for fold in folds:
        result = fit_fold(model, dataset, fold, config.training_seed, fold_folder(folder, fold))
        tested = f"UAR {result.uar():.1%}, accuracy {result.accuracy:.1%}, " if len(fold.test) else ""
        tqdm.write(
            f"{name}, {config.protocol}, fold {fold.name}: {tested}validation UAR {result.validation_uar:.1%}"
        )
        results.append(result)
    return calibrated(results) if len(results) > 1 else results


def calibrated(results: Sequence[FoldResult]) -> list[FoldResult]:
    """Replace the temperature of each fold with that of the test parts of the other folds."""
    temperatures = cross_fit_temperatures(
        [result.test_probabilities["clean"] for result in results], [result.truth for result in results]
    )
    return [
        replace(result, temperature=temperature)
        for result, temperature in zip(results, temperatures, strict=True)
    ]
