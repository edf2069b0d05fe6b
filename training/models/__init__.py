"""The models by name.

A model is a file here, and is named like it: `svm_linear.py` is `svm-linear`. The file defines
MODEL, an `Ensemble` of networks or a `Classifier`; nothing else has to know of it.
"""

import pkgutil
from collections.abc import Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from training.dataset import Inputs
from training.folds import Fold, Indices

if TYPE_CHECKING:  # it brings TensorFlow, which the command line loads only to train
    from training.speaker import SpeakerHead

MODELS = tuple(sorted(module.name.replace("_", "-") for module in pkgutil.iter_modules(__path__)))


class Trained(Protocol):
    """A model after training on one fold."""

    @property
    def chosen(self) -> Mapping[str, float]:
        """What the validation part chose."""

    @property
    def histories(self) -> Sequence[dict[str, list[float]]]:
        """loss, val_loss, uar and val_uar of each epoch, for each network."""

    @property
    def members(self) -> Mapping[str, float]:
        """The weight of each network that can be exported, by its file."""

    @property
    def speaker(self) -> "SpeakerHead | None":
        """The adaptation to speakers."""

    @property
    def seconds(self) -> float:
        """That training took, however often it was interrupted."""

    @property
    def validated(self) -> Indices:
        """Indices of the m utterances that validated."""

    @property
    def validation_probabilities(self) -> NDArray[np.float64]:
        """Of these, from what did not learn from them, shape (m, n_labels)."""

    def predict(self, inputs: Inputs, indices: Indices, condition: str) -> NDArray[np.float64]:
        """Probabilities of utterances under a condition, shape (n, n_labels)."""


class Model(Protocol):
    """Something that can be trained on a fold."""

    @property
    def conditions(self) -> tuple[str, ...]:
        """All conditions under which training utterances are heard, clean among them."""

    @property
    def refits(self) -> bool:
        """Whether what answers is trained on all that is not held out."""

    @property
    def needs_encoder(self) -> bool:
        """Whether the model learns from the encoder's features alone."""

    @property
    def takes_descriptors(self) -> bool:
        """Whether the model takes descriptors; otherwise they need not be read."""

    def limited(self, max_epochs: int | None) -> "Model":
        """The same with no network trained longer than that; None leaves it as it is."""

    def fit(self, inputs: Inputs, fold: Fold, seed: int, folder: Path) -> Trained:
        """Train on one fold; what takes long is kept in the folder, and not done twice."""


def load_model(name: str) -> Model:
    """The model of a name in `MODELS`."""
    module: Any = import_module(f"{__name__}.{name.replace('-', '_')}")
    model: Model = module.MODEL
    return model
