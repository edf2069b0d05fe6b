"""The models by name.

Each module of this package is a model: `svm_linear.py` is `svm-linear`. The module defines MODEL, an
`Ensemble` of networks or a `Classifier`. To add a model, add a module. A TOML file can change the
hyperparameters of a model (`training.learning.model_file`); its path then takes the place of the name.
"""

import pkgutil
from collections.abc import Mapping, Sequence
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from app.core.manifest import Hyperparameter, HyperparameterSearch
from training.data.dataset import Inputs
from training.data.folds import Fold, Indices
from training.encoder.extractor import ENCODER
from training.errors import TrainingError, with_hint

if TYPE_CHECKING:  # imports TensorFlow, which the command line imports only to train
    from training.learning.speaker import SpeakerHead

MODELS = tuple(sorted(module.name.replace("_", "-") for module in pkgutil.iter_modules(__path__)))


class Trained(Protocol):
    """A model after training on one fold."""

    @property
    def chosen(self) -> Mapping[str, float]:
        """The settings that the validation part selected."""

    @property
    def hyperparameters(self) -> Mapping[str, Mapping[str, Hyperparameter]]:
        """The hyperparameters of each network; empty for a baseline."""

    @property
    def histories(self) -> Sequence[dict[str, list[float]]]:
        """The `loss`, `val_loss`, `uar` and `val_uar` of each epoch, for each network."""

    @property
    def members(self) -> Mapping[str, float]:
        """The fusion weight of each network that can be exported, by its file name."""

    @property
    def speaker(self) -> "SpeakerHead | None":
        """The adaptation to speakers; None if the model does not adapt."""

    @property
    def seconds(self) -> float:
        """The duration of the training in seconds, without interruptions."""

    @property
    def validated(self) -> Indices:
        """The indices of the m utterances of the validation part."""

    @property
    def validation_probabilities(self) -> NDArray[np.float64]:
        """The validation part's probabilities from models that did not learn from it, shape (m, n_labels)."""

    def predict(self, inputs: Inputs, indices: Indices, condition: str) -> NDArray[np.float64]:
        """Return the probabilities of utterances under a condition, shape (n, n_labels)."""


class Model(Protocol):
    """A model that can be trained on a fold."""

    @property
    def conditions(self) -> tuple[str, ...]:
        """The conditions of the training utterances, `clean` among them."""

    @property
    def refits(self) -> bool:
        """True if the final model is trained on the training and validation parts."""

    @property
    def fits_weights(self) -> bool:
        """True if the validation part gives the fusion weights of several networks."""

    @property
    def needs_encoder(self) -> bool:
        """True if the model requires the encoder's features."""

    @property
    def exportable(self) -> bool:
        """True if a bundle can contain the model; False for a baseline."""

    @property
    def random(self) -> bool:
        """True if the seed of the training changes the model."""

    @property
    def hyperparameters(self) -> Mapping[str, Mapping[str, Hyperparameter]]:
        """The hyperparameters of each network; empty for a baseline."""

    @property
    def search(self) -> HyperparameterSearch | None:
        """The search for hyperparameters on each fold; None if nothing is searched."""

    @property
    def takes_descriptors(self) -> bool:
        """True if the model uses descriptors; otherwise they are not read."""

    def limited(self, max_epochs: int | None) -> "Model":
        """Return the model with at most this number of epochs for each network; None keeps its own number."""

    def fit(self, inputs: Inputs, fold: Fold, seed: int, folder: Path) -> Trained:
        """Train on one fold. Store trained networks in the folder, and do not train them again."""


def load_model(name: str) -> Model:
    """Return a model.

    Args:
        name: a name in `MODELS`, or the path of a model file, which is read once.

    Raises:
        TrainingError: the file cannot be read, or its content cannot be used.
    """
    if is_file(name):
        return _read(name)[1]
    module: Any = import_module(f"{__name__}.{name.replace('-', '_')}")
    model: Model = module.MODEL
    return model


def is_file(name: str) -> bool:
    """Return whether a model is a file."""
    return name.endswith(".toml")


def base_of(name: str) -> str:
    """Return the name in `MODELS` of a model: its own, or the one that its file names.

    Raises:
        TrainingError: the file cannot be read, or names no model.
    """
    return _read(name)[0] if is_file(name) else name


@cache
def _read(path: str) -> tuple[str, Model]:
    """Return the base and the model of a file. It is read once: later changes do not change a run."""
    from training.learning.ensemble import Ensemble  # noqa: PLC0415
    from training.learning.model_file import customized, read_model_file  # noqa: PLC0415

    base, trials, tables = read_model_file(Path(path))
    if base not in MODELS:
        raise TrainingError(f"{path}: there is no model {with_hint(base, MODELS)}")
    model = load_model(base)
    if not isinstance(model, Ensemble):
        raise TrainingError(f"{path}: {base} tunes its own settings; name a model of networks")
    try:
        return base, customized(model, trials, tables)
    except TrainingError as error:
        raise TrainingError(f"{path}: {error}") from error


def check_features(name: str, feature_set: str) -> None:
    """Raise if a model cannot use a feature set.

    Raises:
        TrainingError: the model requires the encoder's features.
    """
    if load_model(name).needs_encoder and feature_set != ENCODER:
        raise TrainingError(
            f"{name} requires the features of the encoder, not {feature_set}: use --features {ENCODER}, or "
            "another --model"
        )
