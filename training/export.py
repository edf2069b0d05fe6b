"""From a Keras model to ONNX, and proof that the two give the same probabilities."""

import keras
import numpy as np
import onnx
import onnxruntime
import tensorflow as tf
import tf2onnx
from numpy.typing import NDArray

from app.core.bundle import INPUT, OUTPUT
from app.core.manifest import Facts
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
    keras.backend.clear_session()  # or the names in the graph would tell what was converted before
    signature = [tf.TensorSpec((None, *facts.input_shape), tf.float32, name=INPUT)]
    model, _ = tf2onnx.convert.from_keras(network, input_signature=signature, opset=OPSET)
    _make_canonical(model)
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


def _make_canonical(model: onnx.ModelProto) -> None:
    """Order and name what is inside by the graph alone.

    tf2onnx orders and names by sets and counters, so that two conversions of one network differ.
    Here every node comes after those it needs, from the output backwards, and a tensor is named
    by its place; the output gets its name in the bundle.
    """
    graph = model.graph
    (output,) = graph.output
    producers = {tensor: node for node in graph.node for tensor in node.output}
    constants = {constant.name: constant for constant in graph.initializer}
    names = {INPUT: INPUT, output.name: OUTPUT}
    nodes: list[onnx.NodeProto] = []

    def visit(tensor: str) -> None:
        node = producers.pop(tensor, None)
        if node is not None:
            for needed in node.input:
                visit(needed)
            nodes.append(node)
        names.setdefault(tensor, f"tensor_{len(names)}")

    visit(output.name)
    for place, node in enumerate(nodes):
        node.name = f"{node.op_type}_{place}"
        node.input[:] = [names[tensor] for tensor in node.input]
        node.output[:] = [names[tensor] for tensor in node.output]
    used = [(name, constants[tensor]) for tensor, name in names.items() if tensor in constants]
    for name, constant in used:
        constant.name = name
    output.name = OUTPUT
    for port in (*graph.input, output):
        port.type.tensor_type.shape.dim[0].dim_param = "n"
    kept = [onnx.NodeProto.FromString(node.SerializeToString()) for node in nodes]
    weights = [onnx.TensorProto.FromString(constant.SerializeToString()) for _, constant in used]
    del graph.node[:], graph.initializer[:], graph.value_info[:]
    graph.node.extend(kept)
    graph.initializer.extend(weights)
