"""A model on every fold of a protocol."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import distributions
from pathlib import Path

import numpy as np
from tqdm import tqdm

import app.core
from app.core.features import FeatureConfig
from training.corpora import Utterance
from training.dataset import Dataset
from training.encoder.extractor import ENCODER
from training.errors import TrainingError
from training.extract import extract
from training.fit import FoldResult, fit_fold
from training.folds import PROTOCOLS, Fold, make_folds
from training.labels import label
from training.models import load_model


@dataclass(frozen=True, slots=True)
class Plan:
    """How models are tested.

    Attributes:
        features: what is extracted.
        protocol: how folds are cut, a name in `PROTOCOLS`.
        n_folds: how many, where the protocol leaves that open.
        seed: of the folds and of all training.
        max_epochs: of every network, if that is less than its own.
    """

    features: FeatureConfig
    protocol: str = "speaker-independent"
    n_folds: int = 5
    seed: int = 1
    max_epochs: int | None = None


@dataclass(frozen=True, slots=True)
class Folders:
    """Where things are kept.

    Attributes:
        cache: features, kept from run to run.
        runs: networks and results of each fold, so that an interrupted run can go on.
    """

    cache: Path
    runs: Path


def prepare(
    utterances: Sequence[Utterance],
    plan: Plan,
    cache: Path,
    conditions: Sequence[str],
    *,
    skip_undecodable: bool = False,
) -> tuple[Dataset, list[Fold]]:
    """Get features and folds ready.

    Args:
        utterances: with their corpora's own labels.
        plan: how models are tested.
        cache: folder of features.
        conditions: under which the recordings are heard.
        skip_undecodable: leave out recordings that cannot be analysed.

    Raises:
        TrainingError: the run cannot work.
    """
    protocol = PROTOCOLS[plan.protocol]
    utterances, labels = label(utterances, own_labels=protocol.own_labels)
    # Folds that cannot be cut are told of before hours of extraction.
    make_folds(utterances, plan.protocol, plan.n_folds, plan.seed)
    extracted = extract(
        utterances, plan.features, cache, conditions=conditions, skip_undecodable=skip_undecodable
    )
    folds = make_folds(extracted.utterances, plan.protocol, plan.n_folds, plan.seed)
    targets = np.array([labels.index(utterance.emotion) for utterance in extracted.utterances])
    return Dataset(extracted, labels, targets), folds


def cross_validate(
    name: str, dataset: Dataset, folds: Sequence[Fold], plan: Plan, runs: Path
) -> list[FoldResult]:
    """Train and test a model on every fold, but for those that were done before.

    Args:
        name: of the model.
        dataset: with all conditions that the model trains on, and those it is to be tested on.
        folds: of the protocol.
        plan: how the folds were cut.
        runs: each run has a folder in here, named by a digest of all that decides its results.
    """
    model = load_model(name).limited(plan.max_epochs)
    if model.needs_encoder and dataset.feature_set != ENCODER:
        raise TrainingError(f"{name} learns from the encoder: use --features {ENCODER}, or another --model")
    folder = runs / f"{name}-{_digest(name, dataset, folds, plan)}"
    results = []
    for fold in folds:
        result = fit_fold(model, dataset, fold, plan.seed, folder / f"fold-{fold.name}")
        tested = f"UAR {result.uar():.1%}, accuracy {result.accuracy:.1%}, " if len(fold.test) else ""
        tqdm.write(
            f"{name}, {plan.protocol}, fold {fold.name}: {tested}validation UAR {result.validation_uar:.1%}"
        )
        results.append(result)
    return results


def _digest(name: str, dataset: Dataset, folds: Sequence[Fold], plan: Plan) -> str:
    """A name for all that decides the results: settings, libraries, folds, features, our code."""
    conditions = [dataset.extracted.folders[condition] for condition in load_model(name).conditions]
    speech = [dataset.extracted.sha256, conditions, dataset.labels, dataset.targets.tolist()]
    settings = [asdict(plan), installed(), speech, code_sha256()]
    digest = hashlib.sha256(json.dumps(settings, sort_keys=True).encode())
    for fold in folds:
        for part in (fold.train, fold.validation, fold.test):
            digest.update(part.tobytes())
    return digest.hexdigest()[:16]


def installed() -> list[str]:
    """Every installed library, with its version."""
    return sorted({f"{one.metadata['Name']}=={one.version}" for one in distributions()})


def code_sha256() -> str:
    """SHA-256 of all files of `training` and `app.core`: code, data and networks."""
    digest = hashlib.sha256()
    for package in (Path(__file__).parent, Path(app.core.__file__).parent):
        for path in sorted(package.rglob("*")):
            if path.is_file() and "__pycache__" not in path.parts:
                digest.update(path.relative_to(package).as_posix().encode())
                digest.update(path.read_bytes())
    return digest.hexdigest()
