"""Storage and prediction of trained networks."""

import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import keras
import numpy as np
from numpy.typing import NDArray

from app.core.files import write_whole
from training.data.dataset import Inputs
from training.data.folds import Indices
from training.learning import backend
from training.learning.batches import assemble, of_equal_length

PREDICTED_AT_ONCE = 128
"""The maximum number of utterances in a batch of predictions. Not tuned; it limits memory only."""

History = dict[str, list[float]]
"""The values of `loss`, `uar` and, with a validation part, `val_loss` and `val_uar`, by epoch."""


class Shapes(NamedTuple):
    """The sizes of a network's inputs.

    Attributes:
        n_functionals: the number of values in an utterance's `features`.
        n_descriptors: the number of values in each frame of its `descriptors`.
    """

    n_functionals: int
    n_descriptors: int


@dataclass(frozen=True, slots=True)
class TrainedNetwork:
    """A network after training.

    Attributes:
        network: the network of the last epoch, or of the best epoch with early stopping.
        history: the history of the epochs; empty if there are none.
        seconds: the duration of the training in seconds.
    """

    network: keras.Model
    history: History
    seconds: float

    @property
    def last_kernel(self) -> NDArray[np.float32]:
        """The kernel of the last layer, shape (n_values, n_labels)."""
        kernel: NDArray[np.float32] = self.network.layers[-1].get_weights()[0]
        return kernel

    def predict(self, inputs: Inputs, indices: Indices, condition: str) -> NDArray[np.float32]:
        """Return the probabilities of utterances under a condition, shape (n, n_labels)."""
        return predict(self.network, inputs, indices, condition)


def kept(path: Path, train: Callable[[], History]) -> TrainedNetwork:
    """Train a network, or load it if it is complete.

    Args:
        path: the path of the network. A JSON file with the same stem holds history and duration. It is
            written last, so its presence means that the network is complete.
        train: a function that trains the network, saves it to the path, and returns the history.
    """
    known = path.with_suffix(".json")
    if not known.is_file():
        path.parent.mkdir(parents=True, exist_ok=True)
        started = time.monotonic()
        history = train()
        content = {"history": history, "seconds": time.monotonic() - started}
        write_whole(known, json.dumps(content).encode())
    # The run exports this checkpoint, so it also scores this checkpoint.
    return TrainedNetwork(keras.models.load_model(path, compile=False), **json.loads(known.read_text()))


def predict(
    network: keras.Model, inputs: Inputs, indices: Indices, condition: str = "clean"
) -> NDArray[np.float32]:
    """Compute the outputs of a network for utterances.

    Args:
        network: a network from `features` or `descriptors`, or both, to values of each utterance.
        inputs: the inputs of the fold.
        indices: the indices of n utterances.
        condition: the condition of the recordings.

    Returns:
        The outputs of the network, such as probabilities, shape (n, n_values).
    """
    names = [tensor.name for tensor in network.inputs]
    places = {index: place for place, index in enumerate(indices)}
    values = np.empty((len(indices), network.output_shape[-1]), np.float32)
    for batch in of_equal_length(names, inputs, indices, condition, PREDICTED_AT_ONCE):
        examples = assemble(names, inputs, batch, [condition] * len(batch))
        values[[places[index] for index in batch]] = backend.outputs(network, examples)
    return values


def shapes(inputs: Inputs) -> Shapes:
    """Return the sizes of a network's inputs."""
    return Shapes(inputs.functionals["clean"].shape[1], inputs.descriptors["clean"][0].shape[1])
