"""Cross-validation of a model on every fold of a protocol."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from importlib.metadata import distributions
from pathlib import Path

import numpy as np
from tqdm import tqdm

import app.core
import training
from app.core.features import FeatureConfig
from training.data.corpora import Utterance
from training.data.dataset import Dataset
from training.data.features import extract
from training.data.folds import PROTOCOLS, Fold, make_folds
from training.data.labels import label
from training.encoder.extractor import ENCODER
from training.errors import TrainingError
from training.evaluation.fold import FoldResult, fit_fold
from training.learning.calibration import cross_fit_temperatures
from training.models import load_model


@dataclass(frozen=True, slots=True)
class RunConfig:
    """The settings of a cross-validation.

    Attributes:
        features: the configuration of the features.
        protocol: the name of a protocol in `PROTOCOLS`.
        n_folds: the number of folds, if the protocol does not define it.
        seed: the seed of the folds and of all training.
        max_epochs: the limit of the number of epochs of every network; None keeps each network's own number.
    """

    features: FeatureConfig
    protocol: str = "speaker-independent"
    n_folds: int = 5
    seed: int = 1
    max_epochs: int | None = None


@dataclass(frozen=True, slots=True)
class Folders:
    """The folders of caches.

    Attributes:
        cache: the folder of cached features.
        runs: the folder of the networks and results of each fold, from which an interrupted run resumes.
    """

    cache: Path
    runs: Path


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
    protocol = PROTOCOLS[config.protocol]
    utterances, labels = label(utterances, own_labels=protocol.own_labels)
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
    model = load_model(name).limited(config.max_epochs)
    if model.needs_encoder and dataset.feature_set != ENCODER:
        raise TrainingError(
            f"{name} requires the features of the encoder: use --features {ENCODER}, or another --model"
        )
    folder = runs / f"{name}-{_digest(name, dataset, folds, config)}"
    results = []
    for fold in folds:
        result = fit_fold(model, dataset, fold, config.seed, folder / f"fold-{fold.name}")
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


def _digest(name: str, dataset: Dataset, folds: Sequence[Fold], config: RunConfig) -> str:
    """Return a digest of the settings, libraries, folds, features and code that determine the results."""
    conditions = [dataset.extracted.folders[condition] for condition in load_model(name).conditions]
    speech = [dataset.extracted.sha256, conditions, dataset.labels, dataset.targets.tolist()]
    settings = [asdict(config), installed(), speech, code_sha256()]
    digest = hashlib.sha256(json.dumps(settings, sort_keys=True).encode())
    for fold in folds:
        for part in (fold.train, fold.validation, fold.test):
            digest.update(part.tobytes())
    return digest.hexdigest()[:16]


def installed() -> list[str]:
    """Return every installed library with its version."""
    return sorted({f"{one.metadata['Name']}=={one.version}" for one in distributions()})


def code_sha256() -> str:
    """Return the SHA-256 of all files of `training` and `app.core`: code, data and networks."""
    digest = hashlib.sha256()
    for package in (Path(training.__file__).parent, Path(app.core.__file__).parent):
        for path in sorted(package.rglob("*")):
            if path.is_file() and "__pycache__" not in path.parts:
                digest.update(path.relative_to(package).as_posix().encode())
                digest.update(path.read_bytes())
    return digest.hexdigest()
