"""The settings of a cross-validation, its folders, and the name under which its results are kept.

This module imports no TensorFlow, so that a dry run is quick.
"""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from importlib.metadata import distributions
from pathlib import Path

import app.core
import training
from app.core.features import FeatureConfig
from app.core.manifest import LabelMapping
from training.data.dataset import Dataset
from training.data.folds import PROTOCOLS, Fold
from training.data.labels import FIVE_EMOTIONS
from training.models import is_file, load_model

RESULT = "result.json"
"""The file of a fold that is written last, so that its presence means that the fold is complete."""


@dataclass(frozen=True, slots=True)
class RunConfig:
    """The settings of a cross-validation.

    Attributes:
        features: the configuration of the features.
        protocol: the name of a protocol in `PROTOCOLS`.
        n_folds: the number of folds, if the protocol does not define it.
        seed: the seed of the folds and of the bootstrap.
        max_epochs: the limit of the number of epochs of every network; None keeps each network's own number.
        training_seed: the seed of all training.
        labels: the mapping of the corpora's own labels; None for that of the protocol.
    """

    features: FeatureConfig
    protocol: str = "speaker-independent"
    n_folds: int = 5
    seed: int = 1
    max_epochs: int | None = None
    training_seed: int = 1
    labels: LabelMapping | None = None

    @property
    def mapping(self) -> LabelMapping | None:
        """The mapping of the corpora's own labels; None keeps them."""
        return mapping_of_protocol(self.protocol, self.labels)


@dataclass(frozen=True, slots=True)
class Folders:
    """The folders of caches.

    Attributes:
        cache: the folder of cached features.
        runs: the folder of the networks and results of each fold, from which an interrupted run resumes.
    """

    cache: Path
    runs: Path


def mapping_of_protocol(protocol: str, chosen: LabelMapping | None) -> LabelMapping | None:
    """Return the mapping of the corpora's own labels; None keeps them.

    Args:
        protocol: the name of a protocol in `PROTOCOLS`.
        chosen: the mapping that the user chose; None for the five emotions, or for the corpora's own labels
            if the protocol has them.
    """
    return chosen or (None if PROTOCOLS[protocol].own_labels else FIVE_EMOTIONS)


def run_folder(name: str, dataset: Dataset, folds: Sequence[Fold], config: RunConfig, runs: Path) -> Path:
    """Return the folder of a run. Its name contains a digest of everything that determines the results.

    Args:
        name: the name of the model, or the path of a model file.
        dataset: the data, with all conditions for training and testing.
        folds: the folds of the protocol.
        config: the settings of the cross-validation.
        runs: the folder of all runs.
    """
    return runs / f"{Path(name).stem if is_file(name) else name}-{_digest(name, dataset, folds, config)}"


def fold_folder(run: Path, fold: Fold) -> Path:
    """Return the folder of a fold in the folder of a run."""
    return run / f"fold-{fold.name}"


def _digest(name: str, dataset: Dataset, folds: Sequence[Fold], config: RunConfig) -> str:
    """Return a digest of the settings, libraries, folds, features and code that determine the results."""
    model = load_model(name)
    conditions = [dataset.extracted.folders[condition] for condition in model.conditions]
    speech = [dataset.extracted.sha256, conditions, dataset.labels, dataset.targets.tolist()]
    # The labels and targets of the dataset stand for the mapping.
    search = model.search.model_dump() if model.search else None
    learning = [model.hyperparameters, search, asdict(replace(config, labels=None))]
    settings = [learning, installed(), speech, code_sha256()]
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
