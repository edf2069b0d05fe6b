"""`python -m training train`: from corpora to a bundle. Reads from top to bottom."""

import hashlib
import inspect
import json
import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from importlib.metadata import version
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

import app.core.scaler
import training.cnn
import training.fit
import training.metrics
from app.core.bundle import OPENSMILE_VERSION, write_bundle
from app.core.features import FeatureConfig, FeatureExtractor
from app.core.manifest import NAME, Corpus, Facts, Features, FoldScore, Protocol, Scores, Spread
from training.calibration import expected_calibration_error
from training.corpora import Utterance
from training.errors import TrainingError
from training.export import to_onnx
from training.extract import extract
from training.fit import FoldResult, Schedule, fit_fold
from training.folds import Fold, make_folds
from training.labels import EMOTIONS, to_five_emotions
from training.report import papers

CHOSEN_BY = "highest UAR on its validation part"


@dataclass(frozen=True, slots=True)
class Run:
    """What a run is asked to do.

    Attributes:
        name: of the bundle.
        features: what is extracted.
        protocol: how folds are cut, a name in `training.folds.SPLITTERS`.
        n_folds: how many.
        seed: of the folds and of all training.
        schedule: of each fold's training.
    """

    name: str
    features: FeatureConfig
    protocol: str = "speaker-independent"
    n_folds: int = 5
    seed: int = 1
    schedule: Schedule = field(default_factory=Schedule)


@dataclass(frozen=True, slots=True)
class Folders:
    """Where a run keeps things.

    Attributes:
        bundles: the bundle goes to a folder in here.
        cache: features, kept from run to run.
        runs: networks and results of each fold, so that an interrupted run can go on.
    """

    bundles: Path
    cache: Path
    runs: Path


def train(
    utterances: Sequence[Utterance],
    run: Run,
    folders: Folders,
    *,
    skip_undecodable: bool = False,
    overwrite: bool = False,
) -> Path:
    """Train, cross-validate and export.

    Args:
        utterances: with their corpora's own labels.
        run: what to do.
        folders: where to keep things.
        skip_undecodable: leave out recordings that cannot be analysed.
        overwrite: replace a bundle of that name.

    Returns:
        The folder of the bundle.

    Raises:
        TrainingError: the run cannot work.
    """
    bundle = folders.bundles / run.name
    _check_place(run.name, bundle, overwrite=overwrite)
    utterances = to_five_emotions(utterances)
    utterances, features = extract(utterances, run.features, folders.cache, skip_undecodable=skip_undecodable)
    labels = _labels(utterances)
    if len(labels) == 1:
        raise TrainingError(f"there is nothing to tell apart: the only emotion is {labels[0]}")
    targets = np.array([labels.index(utterance.emotion) for utterance in utterances])
    folds = make_folds(utterances, run.protocol, run.n_folds, run.seed)

    tf.config.experimental.enable_op_determinism()
    folder = folders.runs / f"{run.name}-{_digest(run, folds, features, targets)}"
    results = []
    for fold in folds:
        result = fit_fold(fold, features, targets, run.schedule, run.seed, folder / f"fold-{fold.number}")
        print(
            f"fold {fold.number} of {run.n_folds}: UAR {result.uar:.1%}, accuracy {result.accuracy:.1%} "
            f"(validation UAR {result.validation_uar:.1%} in {len(result.history['loss'])} epochs)",
            flush=True,
        )
        results.append(result)

    best = _best(results)
    facts = _facts(run, utterances, folds, targets, results)
    network = to_onnx(
        keras.models.load_model(best.network, compile=False),
        facts,
        best.scaler.transform(features[folds[best.number - 1].test]),
    )
    pages = papers(facts, utterances, folds, targets, results)
    write_bundle(bundle, facts, best.scaler, network, pages, overwrite=overwrite)
    print(
        f"UAR {facts.scores.uar.mean:.1%} ± {facts.scores.uar.sd:.1%}; {bundle} holds fold {best.number}",
        flush=True,
    )
    return bundle


def _check_place(name: str, bundle: Path, *, overwrite: bool) -> None:
    """Raise now what would otherwise be raised when all is trained."""
    if not re.fullmatch(NAME, name):
        raise TrainingError(f"{name!r} cannot name a bundle: use a-z, 0-9, '.', '_' and '-'")
    if bundle.exists() and not overwrite:
        raise TrainingError(f"{bundle} is there already; choose another name, or --overwrite it")


def _digest(
    run: Run, folds: Sequence[Fold], features: NDArray[np.float32], targets: NDArray[np.int64]
) -> str:
    """A name for all that decides the results: settings, libraries, folds, features, targets, our code."""
    libraries = {name: version(name) for name in ("keras", "scikit-learn", "tensorflow-cpu")}
    digest = hashlib.sha256(json.dumps([asdict(run), libraries], sort_keys=True).encode())
    for module in (app.core.scaler, training.cnn, training.fit, training.metrics):
        digest.update(inspect.getsource(module).encode())
    for fold in folds:
        for part in (fold.train, fold.validation, fold.test):
            digest.update(part.tobytes())
    digest.update(features.tobytes())
    digest.update(targets.tobytes())
    return digest.hexdigest()[:16]


def _facts(
    run: Run,
    utterances: Sequence[Utterance],
    folds: Sequence[Fold],
    targets: NDArray[np.int64],
    results: Sequence[FoldResult],
) -> Facts:
    """Put together what the bundle says of itself."""
    best = _best(results)
    extractor = FeatureExtractor(run.features)
    truth = np.concatenate([targets[fold.test] for fold in folds])
    raw = np.concatenate([result.test_probabilities for result in results])
    calibrated = np.concatenate([result.calibrated for result in results])
    names = dict.fromkeys(utterance.corpus for utterance in utterances)
    corpora = []
    for name in names:
        speakers = [utterance.speaker for utterance in utterances if utterance.corpus == name]
        corpora.append(Corpus(name=name, n_utterances=len(speakers), n_speakers=len(set(speakers))))
    return Facts(
        name=run.name,
        labels=tuple(_labels(utterances)),
        features=Features(
            feature_set=run.features.feature_set,
            level="functionals",
            sampling_rate=run.features.sampling_rate,
            n_features=len(extractor.names),
            names_sha256=extractor.names_sha256,
            opensmile_version=OPENSMILE_VERSION,
        ),
        input_shape=(len(extractor.names),),
        protocol=Protocol(name=run.protocol, n_folds=run.n_folds, seed=run.seed, corpora=tuple(corpora)),
        scores=Scores(
            uar=_spread([result.uar for result in results]),
            accuracy=_spread([result.accuracy for result in results]),
            calibration_error=expected_calibration_error(calibrated, truth),
            uncalibrated_error=expected_calibration_error(raw, truth),
            folds=tuple(
                FoldScore(
                    fold=result.number,
                    uar=result.uar,
                    accuracy=result.accuracy,
                    validation_uar=result.validation_uar,
                )
                for result in results
            ),
        ),
        chosen_fold=best.number,
        chosen_by=CHOSEN_BY,
        temperature=best.temperature,
    )


def _labels(utterances: Sequence[Utterance]) -> list[str]:
    """The emotions that occur, in the service's order."""
    occurring = {utterance.emotion for utterance in utterances}
    return [emotion for emotion in EMOTIONS if emotion in occurring]


def _best(results: Sequence[FoldResult]) -> FoldResult:
    """The fold that is exported, by `CHOSEN_BY`."""
    return max(results, key=lambda result: result.validation_uar)


def _spread(values: Sequence[float]) -> Spread:
    """Mean and sample standard deviation."""
    return Spread(mean=float(np.mean(values)), sd=float(np.std(values, ddof=1)))
