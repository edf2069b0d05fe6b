"""Training and scoring of a model on one fold.

The folder of the fold holds all results. A completed fold is read from its folder, so an interrupted run
resumes with the next fold.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import accuracy_score

from app.core.files import write_whole
from app.core.manifest import Hyperparameter
from app.core.recognizer import apply_temperature
from app.core.scaler import Scaler
from training.arrays import to_npz
from training.data.conditions import TEST_CONDITIONS
from training.data.dataset import Dataset, scaler_of, standardize
from training.data.folds import Fold
from training.evaluation.cost import measured, prediction_cost
from training.evaluation.run import RESULT
from training.learning import backend
from training.learning.calibration import fit_temperature
from training.learning.scores import uar
from training.learning.speaker import SpeakerHead
from training.models import Model

SCALER = "scaler.json"
SPEAKER = "speaker.npz"
PROBABILITIES = "probabilities.npz"


@dataclass(frozen=True, slots=True)
class FoldResult:
    """The result of one fold.

    Attributes:
        fold: the fold.
        truth: the label indices of the test part, shape (n_test,).
        test_probabilities: the probabilities of the test part by condition, not calibrated, shape (n_test,
            n_labels).
        validation_uar: the UAR of the validation part.
        temperature: the temperature, fitted on the validation part; `cross_validate` replaces it if there are
            several folds.
        members: the fusion weight of each network by its file name; empty for a baseline.
        chosen: the further settings that the validation part selected.
        histories: the `loss`, `val_loss`, `uar` and `val_uar` of each epoch, for each network.
        seconds: the duration of the training in seconds.
        scaler: the scaler, fitted on the training and validation parts.
        speaker: the adaptation to speakers; None if the model does not adapt.
        folder: the folder of the networks.
        milliseconds: the measured processor time of the model for one utterance, in milliseconds; None if an
            older run did not measure it.
        hyperparameters: the hyperparameters of each network; empty for a baseline.
        trained_with: the backend of Keras and the device, or `scikit-learn`; empty if an older run did not
            record them.
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
    speaker: SpeakerHead | None
    folder: Path
    milliseconds: float | None = None
    hyperparameters: Mapping[str, Mapping[str, Hyperparameter]] = field(default_factory=dict)
    trained_with: str = ""

    @property
    def calibrated(self) -> NDArray[np.float64]:
        """The calibrated probabilities of the test part, as in the service."""
        return apply_temperature(self.test_probabilities["clean"], self.temperature)

    def recognized(self, condition: str = "clean") -> NDArray[np.int64]:
        """Return the recognized label indices of the test part, shape (n_test,)."""
        recognized: NDArray[np.int64] = self.test_probabilities[condition].argmax(axis=1)
        return recognized

    def uar(self, condition: str = "clean") -> float:
        """Return the unweighted average recall of the test part."""
        return uar(self.truth, self.recognized(condition))

    @property
    def accuracy(self) -> float:
        """The accuracy of the test part."""
        return float(accuracy_score(self.truth, self.recognized()))


def fit_fold(model: Model, dataset: Dataset, fold: Fold, seed: int, folder: Path) -> FoldResult:
    """Train a model on one fold, or load the result of a completed fold.

    Args:
        model: the model to train.
        dataset: the data, with all conditions for training and testing.
        fold: the training, validation and test parts.
        seed: the seed of the run. The number of the fold is added, so that an interrupted run gives the same
            result as an uninterrupted run.
        folder: the folder of the fold.

    Returns:
        The probabilities of the test part, and everything that the export needs.
    """
    if (folder / RESULT).is_file():
        result = read_fold(dataset.targets, fold, folder)
        if set(_tested(dataset)) <= set(result.test_probabilities):
            return result
    _fit(model, dataset, fold, seed + fold.number, folder)
    return read_fold(dataset.targets, fold, folder)


def _fit(model: Model, dataset: Dataset, fold: Fold, seed: int, folder: Path) -> None:
    """Train on one fold and write the files of the result. `result.json` is last and marks completion."""
    scaler = scaler_of(dataset, fold, model.conditions, with_descriptors=model.takes_descriptors)
    inputs = standardize(dataset, scaler)
    trained = model.fit(inputs, fold, seed, folder)
    truth = dataset.targets[trained.validated]
    answers = {condition: trained.predict(inputs, fold.test, condition) for condition in _tested(dataset)}
    examples = [dataset.features["clean"][index] for index in fold.rest[measured(len(fold.rest))]]
    write_whole(folder / PROBABILITIES, to_npz(answers))
    write_whole(folder / SCALER, scaler.to_json().encode())
    if trained.speaker:
        write_whole(folder / SPEAKER, to_npz(asdict(trained.speaker)))
    result = {
        "validation_uar": uar(truth, trained.validation_probabilities.argmax(axis=1)),
        "temperature": fit_temperature(trained.validation_probabilities, truth),
        "members": trained.members,
        "chosen": trained.chosen,
        "hyperparameters": trained.hyperparameters,
        "histories": trained.histories,
        "seconds": trained.seconds,
        "milliseconds": prediction_cost(trained.predict, examples, scaler),
        "trained_with": backend.trained_with() if trained.members else "scikit-learn",
    }
    write_whole(folder / RESULT, json.dumps(result).encode())


def _tested(dataset: Dataset) -> list[str]:
    """Return the conditions of the test part: `clean`, and the test conditions in the dataset."""
    return [condition for condition in ("clean", *TEST_CONDITIONS) if condition in dataset.features]


def read_fold(targets: NDArray[np.int64], fold: Fold, folder: Path) -> FoldResult:
    """Read the result of a completed fold.

    Args:
        targets: the label indices of all utterances.
        fold: the training, validation and test parts.
        folder: the folder of the fold.

    Raises:
        OSError: a file is missing.
    """
    with np.load(folder / PROBABILITIES) as arrays:
        answers = dict(arrays)
    speaker = folder / SPEAKER
    return FoldResult(
        fold=fold,
        truth=targets[fold.test],
        test_probabilities=answers,
        scaler=Scaler.from_json((folder / SCALER).read_text()),
        speaker=_read_speaker(speaker) if speaker.is_file() else None,
        folder=folder,
        **json.loads((folder / RESULT).read_text()),
    )


def _read_speaker(path: Path) -> SpeakerHead:
    """Read the adaptation of a fold."""
    with np.load(path) as arrays:
        return SpeakerHead(**arrays)
