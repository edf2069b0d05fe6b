"""The backend of Keras that trains: TensorFlow, or torch on a GPU with `KERAS_BACKEND=torch`.

Networks are saved in the format of Keras, which both backends read. Only the export to ONNX needs TensorFlow.
Nothing else in this package may import a backend.
"""

import os
import subprocess
import sys
from collections.abc import Callable
from typing import Any, cast

import keras
import numpy as np
from keras import ops
from numpy.typing import NDArray

from training.errors import TrainingError
from training.learning.batches import Batch
from training.learning.metrics import UnweightedAverageRecall

NAME: str = keras.backend.backend()
"""The name of the backend."""

if NAME == "tensorflow":
    from training.learning import tensorflow_backend as backend
elif NAME == "torch":
    from training.learning import torch_backend as backend  # type: ignore[no-redef]  # the same functions
else:
    raise TrainingError(
        f"Keras cannot train with {NAME} here: set KERAS_BACKEND=tensorflow, or KERAS_BACKEND=torch for a GPU"
    )

LearningStep = Callable[[Batch, NDArray[np.float32], NDArray[np.float32]], Any]
"""A function that trains on inputs, target probabilities and weights of a batch, and returns the loss as a
tensor of the backend."""


def make_deterministic() -> None:
    """Let equal seeds give equal networks, to the last bit, on the same machine."""
    backend.make_deterministic()


def trained_with() -> str:
    """Return backend and device, such as `tensorflow on CPU`."""
    return f"{NAME} on {backend.device()}"


def learning_step(
    network: keras.Model,
    optimizer: keras.optimizers.Optimizer,
    cross_entropy: keras.losses.Loss,
    metric: UnweightedAverageRecall,
) -> LearningStep:
    """Return a function that trains a network on one batch.

    Args:
        network: the network.
        optimizer: the optimizer, built for the trainable variables of the network.
        cross_entropy: the loss, a function of target probabilities, probabilities and weights.
        metric: the metric that the step updates.
    """
    return backend.learning_step(network, optimizer, cross_entropy, metric)


def outputs(network: keras.Model, examples: Batch) -> NDArray[np.float32]:
    """Compute the outputs of a network for a batch, without training.

    Args:
        network: a network with one output.
        examples: the inputs of n utterances.

    Returns:
        The outputs, float32, shape (n, n_values).
    """
    return to_numpy(backend.outputs(network, examples))


def to_numpy(values: Any) -> NDArray[np.float32]:  # noqa: ANN401  # a tensor of the backend
    """Copy a tensor from the memory of the device."""
    return cast("NDArray[np.float32]", ops.convert_to_numpy(values))


def continue_with_tensorflow(reason: str) -> None:
    """Run the command of this process again with TensorFlow, and exit. Do nothing if this is TensorFlow.

    Args:
        reason: what TensorFlow will do, for the line that the user reads.

    Raises:
        SystemExit: with the exit status of the other process.
    """
    if NAME == "tensorflow":
        return
    print(f"{reason}: starting the command again with KERAS_BACKEND=tensorflow", flush=True)
    # The first word of the original command may be a name that another folder of PATH has too. To replace the
    # process by `os.execve` instead would leave the workers and the files of joblib behind.
    command = [sys.executable, *sys.orig_argv[1:]]
    environment = os.environ | {"KERAS_BACKEND": "tensorflow"}
    sys.exit(subprocess.run(command, env=environment, check=False).returncode)  # noqa: S603  # this command
