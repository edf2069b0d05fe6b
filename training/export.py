"""From trained folds to one ONNX graph, and proof that the two give the same probabilities.

The graph holds every network of the folds that are exported. Each fold has its own scaler, a
bundle has one, so that the graph goes over from the bundle's scale to that of each fold.
"""

from collections.abc import Mapping, Sequence

import keras
import numpy as np
import onnx
import onnxruntime
import tensorflow as tf
import tf2onnx
from keras import layers, ops
from numpy.typing import NDArray

from app.core.bundle import OUTPUT
from app.core.manifest import Facts
from app.core.scaler import Scaler
from training.errors import TrainingError
from training.fit import FoldResult

OPSET = 17
PARITY = 1e-5


def combine(results: Sequence[FoldResult], scaler: Scaler) -> keras.Model:
    """Put the networks of folds into one, which answers the geometric mean of their answers.

    Args:
        results: of the folds; every fold counts alike.
        scaler: that the inputs are standardised by.

    Returns:
        A network from `features` or `descriptors`, or both, to `probabilities`.
    """
    networks = [
        (result.scaler, keras.models.load_model(result.folder / file, compile=False), temperature)
        for result in results
        for file, temperature in result.members.items()
    ]
    return combine_networks(networks, scaler)


def combine_networks(networks: Sequence[tuple[Scaler, keras.Model, float]], scaler: Scaler) -> keras.Model:
    """Put networks into one.

    Args:
        networks: each with the scaler of its inputs and its temperature.
        scaler: that the inputs are standardised by.
    """
    inputs: dict[str, keras.KerasTensor] = {}
    logits = []
    for number, (own_scaler, network, temperature) in enumerate(networks):
        network.name = f"network_{number}"
        for port in network.inputs:
            inputs.setdefault(port.name, keras.Input(port.shape[1:], name=port.name))
        rescaled = [_rescale(inputs[port.name], scaler, own_scaler) for port in network.inputs]
        answers = network(dict(zip([port.name for port in network.inputs], rescaled, strict=True)))
        logits.append(ops.log(ops.maximum(answers, np.finfo(np.float32).tiny)) / temperature)
    mean = ops.mean(ops.stack(logits), axis=0)
    return keras.Model(dict(sorted(inputs.items())), layers.Activation("softmax", name="probabilities")(mean))


def _rescale(values: keras.KerasTensor, scaler: Scaler, own_scaler: Scaler) -> keras.KerasTensor:
    """From the scale of one scaler to that of another."""
    if own_scaler is scaler:
        return values
    n_features = values.shape[-1]
    # Functionals come first in a scaler, descriptors last.
    part = slice(None, n_features) if values.name == "features" else slice(-n_features, None)
    factor = (scaler.scale / own_scaler.scale)[part].astype(np.float32)
    offset = ((scaler.mean - own_scaler.mean) / own_scaler.scale)[part].astype(np.float32)
    return values * factor + offset


def to_onnx(
    network: keras.Model, facts: Facts, examples: Sequence[Mapping[str, NDArray[np.float32]]]
) -> bytes:
    """Convert a network, and check that nothing was lost.

    Args:
        network: maps inputs of `facts.input_shapes` to probabilities (n, n_labels).
        facts: go into the model's metadata_props.
        examples: standardised features to check with.

    Returns:
        The ONNX model, with the inputs' names and output `probabilities`.

    Raises:
        TrainingError: a probability differs by more than 1e-5.
    """
    keras.backend.clear_session()  # or the names in the graph would tell what was converted before
    signature = [
        {
            name: tf.TensorSpec((None, *shape), tf.float32, name=name)
            for name, shape in sorted(facts.input_shapes.items())
        }
    ]
    model, _ = tf2onnx.convert.from_keras(network, input_signature=signature, opset=OPSET)
    _make_canonical(model)
    onnx.helper.set_model_props(model, facts.to_metadata())
    content: bytes = model.SerializeToString(deterministic=True)
    session = onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])
    for example in examples:
        (converted,) = session.run([OUTPUT], dict(example))
        difference = float(np.abs(converted - network(dict(example), training=False)).max())
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
    names = {port.name: port.name for port in graph.input} | {output.name: OUTPUT, "": ""}
    nodes: list[onnx.NodeProto] = []

    def visit(tensor: str) -> None:
        node = producers.pop(tensor, None)
        if node is not None:
            for needed in node.input:
                visit(needed)
            nodes.append(node)
            # A node with several outputs, as an LSTM is, is visited once.
            for other in node.output:
                producers.pop(other, None)
                names.setdefault(other, f"tensor_{len(names)}")
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
    graph.doc_string = ""  # counts the networks of the process
    for port in (*graph.input, output):
        port.type.tensor_type.shape.dim[0].dim_param = "n"
        for dimension in list(port.type.tensor_type.shape.dim)[1:]:
            if not dimension.HasField("dim_value"):
                dimension.dim_param = "n_frames"
    kept = [onnx.NodeProto.FromString(node.SerializeToString()) for node in nodes]
    weights = [onnx.TensorProto.FromString(constant.SerializeToString()) for _, constant in used]
    del graph.node[:], graph.initializer[:], graph.value_info[:]
    graph.node.extend(kept)
    graph.initializer.extend(weights)
