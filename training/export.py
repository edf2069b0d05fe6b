"""From a Keras model to ONNX, and proof that the two give the same probabilities."""

import keras
import numpy as np
import onnx
import onnxruntime
import tensorflow as tf
import tf2onnx
from numpy.typing import NDArray

from app.core.bundle import INPUT, OUTPUT, Facts
from training.errors import TrainingError

OPSET = 17
PARITY = 1e-5


def to_onnx(network: keras.Model, facts: Facts, inputs: NDArray[np.float32]) -> bytes:
    """Convert a network, and check that nothing was lost.

    Args:
        network: maps (n, n_features) to probabilities (n, n_labels).
        facts: go into the model's metadata_props.
        inputs: standardised features to check with, shape (n, n_features).

    Returns:
        The ONNX model, with input `features` and output `probabilities`.

    Raises:
        TrainingError: a probability differs by more than 1e-5.
    """
    signature = [tf.TensorSpec((None, *facts.input_shape), tf.float32, name=INPUT)]
    model, _ = tf2onnx.convert.from_keras(network, input_signature=signature, opset=OPSET)
    _rename_output(model)
    onnx.helper.set_model_props(model, facts.to_metadata())
    content: bytes = model.SerializeToString(deterministic=True)
    session = onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])
    (converted,) = session.run([OUTPUT], {INPUT: inputs})
    difference = float(np.abs(converted - network.predict(inputs, verbose=0)).max())
    if not difference <= PARITY:
        raise TrainingError(
            f"ONNX and Keras differ by {difference:.1e}, more than {PARITY:.0e}: "
            "the network has a layer that tf2onnx does not convert faithfully"
        )
    return content


def _rename_output(model: onnx.ModelProto) -> None:
    """Give the only output its name in the bundle."""
    (output,) = model.graph.output
    for node in model.graph.node:
        node.output[:] = [OUTPUT if name == output.name else name for name in node.output]
        node.input[:] = [OUTPUT if name == output.name else name for name in node.input]
    output.name = OUTPUT
