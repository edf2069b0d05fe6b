"""One fold of one model: scaler and model are fitted, the test part is scored.

All that comes of it stands in the fold's folder, and is read from there if the fold was done
before: a run that is interrupted goes on with the next fold.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import accuracy_score

from app.core.recognizer import apply_temperature
from app.core.scaler import Scaler
from training.calibration import fit_temperature
from training.components import fit_components, project
from training.conditions import TEST_CONDITIONS
from training.dataset import Dataset, Inputs, fit_scaler, standardize
from training.encoder.extractor import ENCODER
from training.files import to_npy, to_npz, write_whole
from training.folds import Fold, Indices
from training.models import Model
from training.scores import uar
from training.speaker import SpeakerHead

SCALER = "scaler.json"
COMPONENTS = "components.npy"
SPEAKER = "speaker.npz"
PROBABILITIES = "probabilities.npz"
RESULT = "result.json"


@dataclass(frozen=True, slots=True)
class FoldResult:
    """What came of one fold.

    Attributes:
        fold: which.
        truth: label indices of the test part, shape (n_test,).
        test_probabilities: for each condition shape (n_test, n_labels), not calibrated.
        validation_uar: of the utterances in validation parts.
        temperature: that calibrates, fitted on the validation parts.
        members: the weight of each network, by its file; none if it is no network.
        chosen: what else the validation parts chose.
        histories: loss, val_loss, uar and val_uar of each epoch, for each network.
        seconds: that training took.
        scaler: fitted on all that is not held out.
        components: of the encoder's statistics, shape (n_values, n_components); None for features
            that are used as they are.
        speaker: the adaptation to speakers; None if the model does not adapt.
        folder: where networks are kept.
    """

    fold: Fold
    truth: NDArray[np.int64]
    test_probabilities: Mapping[str, NDArray[np.float64]]
    validation_uar: float
    temperature: float
    members: Mapping[str, float]
    chosen: Mapping[str, float]
    histories: Sequence[Mapping[str, Sequence[float]]]
    seconds: float
    scaler: Scaler
    components: NDArray[np.float32] | None
    speaker: SpeakerHead | None
    folder: Path

    @property
    def calibrated(self) -> NDArray[np.float64]:
        """The probabilities of the test part as the service would give them."""
        return apply_temperature(self.test_probabilities["clean"], self.temperature)

    def recognized(self, condition: str = "clean") -> NDArray[np.int64]:
        """Label indices that were recognized, shape (n_test,)."""
        recognized: NDArray[np.int64] = self.test_probabilities[condition].argmax(axis=1)
        return recognized

    def uar(self, condition: str = "clean") -> float:
        """Unweighted average recall on the test part."""
        return uar(self.truth, self.recognized(condition))

    @property
    def accuracy(self) -> float:
        """On the test part."""
        return float(accuracy_score(self.truth, self.recognized()))


def fit_fold(model: Model, dataset: Dataset, fold: Fold, seed: int, folder: Path) -> FoldResult:
    """Train a model on one fold, unless that was done before.

    Args:
        model: to train.
        dataset: with all conditions that the model trains on, and those it is to be tested on.
        fold: which utterances train, validate and test.
        seed: each fold has its own, so that a run that was interrupted ends like one that was not.
        folder: of the fold.

    Returns:
        The answers for the test part, and what is needed to export the model.
    """
    if (folder / RESULT).is_file():
        result = _read(dataset, fold, folder)
        if set(_tested(dataset)) <= set(result.test_probabilities):
            return result
    _fit(model, dataset, fold, seed + fold.number, folder)
    return _read(dataset, fold, folder)


def _fit(model: Model, dataset: Dataset, fold: Fold, seed: int, folder: Path) -> None:
    """Train on one fold and write what comes of it; the result last, as the sign that all is there."""
    scaler = fit_scaler(dataset, fold, model.conditions, with_descriptors=model.takes_descriptors)
    inputs = standardize(dataset, scaler)
    if dataset.feature_set == ENCODER:
        components = fit_components(_each_once(inputs, fold.rest, model.conditions), seed)
        inputs = with_components(inputs, components)
        write_whole(folder / COMPONENTS, to_npy(components))
    trained = model.fit(inputs, fold, seed, folder)
    truth = dataset.targets[trained.validated]
    answers = {condition: trained.predict(inputs, fold.test, condition) for condition in _tested(dataset)}
    write_whole(folder / PROBABILITIES, to_npz(answers))
    write_whole(folder / SCALER, scaler.to_json().encode())
    if trained.speaker:
        write_whole(folder / SPEAKER, to_npz(asdict(trained.speaker)))
    result = {
        "validation_uar": uar(truth, trained.validation_probabilities.argmax(axis=1)),
        "temperature": fit_temperature(trained.validation_probabilities, truth),
        "members": trained.members,
        "chosen": trained.chosen,
        "histories": trained.histories,
        "seconds": trained.seconds,
    }
    write_whole(folder / RESULT, json.dumps(result).encode())


def _each_once(inputs: Inputs, part: Indices, conditions: Sequence[str]) -> NDArray[np.float32]:
    """The functionals of a part of the utterances, under one condition each, in turn."""
    n = len(conditions)
    return np.concatenate([inputs.functionals[name][part[place::n]] for place, name in enumerate(conditions)])


def _tested(dataset: Dataset) -> list[str]:
    """The conditions under which the test part is heard: clean, and those that are there to test with."""
    return [condition for condition in ("clean", *TEST_CONDITIONS) if condition in dataset.features]


def _read(dataset: Dataset, fold: Fold, folder: Path) -> FoldResult:
    """Read what `_fit` wrote."""
    with np.load(folder / PROBABILITIES) as arrays:
        answers = dict(arrays)
    components, speaker = folder / COMPONENTS, folder / SPEAKER
    return FoldResult(
        fold=fold,
        truth=dataset.targets[fold.test],
        test_probabilities=answers,
        scaler=Scaler.from_json((folder / SCALER).read_text()),
        components=np.load(components) if components.is_file() else None,
        speaker=_read_speaker(speaker) if speaker.is_file() else None,
        folder=folder,
        **json.loads((folder / RESULT).read_text()),
    )


def _read_speaker(path: Path) -> SpeakerHead:
    """Read the adaptation of a fold."""
    with np.load(path) as arrays:
        kept = dict(arrays)
    return SpeakerHead(
        kept["plain"], kept["relative"], kept["bias"], float(kept["of_head"]), float(kept["of_networks"])
    )


def with_components(inputs: Inputs, components: NDArray[np.float32]) -> Inputs:
    """The same inputs with components in the place of statistics."""
    projected = {name: project(values, components) for name, values in inputs.functionals.items()}
    return replace(inputs, functionals=projected)
