"""Learning steps and outputs of networks with TensorFlow."""

from collections.abc import Callable
from typing import Any

import keras
import tensorflow as tf

from training.learning.batches import Batch
from training.learning.metrics import UnweightedAverageRecall

GRAPH = "graph_of_outputs"
"""The attribute of a network that keeps its graph."""


def make_deterministic() -> None:
    """Let equal seeds give equal networks, to the last bit, on the same machine."""
    tf.config.experimental.enable_op_determinism()


def device() -> str:
    """Return the name of the device that trains."""
    return "GPU" if tf.config.list_physical_devices("GPU") else "CPU"


def learning_step(
    network: keras.Model,
    optimizer: keras.optimizers.Optimizer,
    cross_entropy: keras.losses.Loss,
    metric: UnweightedAverageRecall,
) -> Callable[..., Any]:
    """Compile a learning step, as `training.learning.backend` describes it.

    The `fit` method of Keras takes three times as long for batches of different lengths.
    """

    def learn(examples: dict[str, tf.Tensor], targets: tf.Tensor, weights: tf.Tensor) -> tf.Tensor:
        with tf.GradientTape() as tape:
            answers = network(examples, training=True)
            loss = cross_entropy(targets, answers, weights)
        gradients = tape.gradient(loss, network.trainable_variables)
        optimizer.apply(gradients, network.trainable_variables)
        metric.update_state(targets, answers)
        return loss

    # With this signature, TensorFlow compiles the step once for all sizes of batches.
    examples = {tensor.name: tf.TensorSpec(tensor.shape, tensor.dtype) for tensor in network.inputs}
    compiled = tf.function(learn, [examples, tf.TensorSpec(network.output_shape), tf.TensorSpec([None])])
    return lambda *batch: compiled(*tf.nest.map_structure(tf.constant, batch))


def outputs(network: keras.Model, examples: Batch) -> Any:  # noqa: ANN401  # TensorFlow has no types
    """Return the outputs of a network for a batch, as `training.learning.backend` describes it.

    One graph serves batches of all sizes and lengths. Keras would trace the network again for new sizes, up
    to three times, which takes longer than most predictions.
    """
    if not hasattr(network, GRAPH):
        signature = {port.name: tf.TensorSpec(port.shape, tf.float32, port.name) for port in network.inputs}
        graph = tf.function(lambda batch: network(batch, training=False), input_signature=[signature])
        setattr(network, GRAPH, graph)
    return getattr(network, GRAPH)(examples)
