"""Learning steps and outputs of networks with torch, on a GPU if there is one.

Keras keeps all variables on the GPU and moves each batch there.
"""

import os
from collections.abc import Callable
from typing import Any

import keras
import torch
from keras import ops
from numpy.typing import NDArray

from training.learning.batches import Batch
from training.learning.metrics import UnweightedAverageRecall


def make_deterministic() -> None:
    """Let equal seeds give equal networks on the same machine, with all 24 bits of float32.

    CUDA reads the variable at the first matrix product. Convolutions would else round their inputs to TF32,
    and the network would answer differently in the service.
    """
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    torch.use_deterministic_algorithms(True)  # noqa: FBT003  # torch has no keyword for it
    torch.backends.cudnn.allow_tf32 = False


def device() -> str:
    """Return the name of the device that trains."""
    kind = str(ops.zeros(()).device.type)
    return str(torch.cuda.get_device_name()) if kind == "cuda" else kind.upper()


def learning_step(
    network: keras.Model,
    optimizer: keras.optimizers.Optimizer,
    cross_entropy: keras.losses.Loss,
    metric: UnweightedAverageRecall,
) -> Callable[..., Any]:
    """Return a learning step, as `training.learning.backend` describes it."""
    variables = network.trainable_variables

    def learn(examples: Batch, targets: NDArray[Any], weights: NDArray[Any]) -> Any:  # noqa: ANN401
        network.zero_grad()
        truth = ops.convert_to_tensor(targets)
        answers = network(examples, training=True)
        loss = cross_entropy(truth, answers, weights)
        loss.backward()
        with torch.no_grad():
            optimizer.apply([variable.value.grad for variable in variables], variables)
            metric.update_state(truth, answers)
        # Only the end of the epoch waits for the GPU.
        return loss.detach()

    return learn


def outputs(network: keras.Model, examples: Batch) -> Any:  # noqa: ANN401  # torch has no types
    """Return the outputs of a network for a batch, as `training.learning.backend` describes it."""
    with torch.no_grad():
        return network(examples, training=False)
