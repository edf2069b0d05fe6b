"""Export of trained folds to one ONNX graph, with a check that both give the same probabilities.

The graph contains every network of the exported folds. Each fold has its own scaler, and the bundle has one
scaler. So the graph converts from the scale of the bundle to the scale of each fold.
"""

from collections.abc import Mapping, Sequence

import keras
import numpy as np
import onnx
import onnx.compose
import onnx.utils
import onnx.version_converter
import onnxruntime
import tensorflow as tf
import tf2onnx
from keras import ops
from numpy.typing import NDArray

from app.core.bundle import OUTPUT, SPEAKER_OUTPUTS
from app.core.manifest import Facts
from app.core.scaler import Scaler
from training.encoder.graph import INPUT, STATES, STATISTICS
from training.errors import TrainingError
from training.evaluation.fold import FoldResult
from training.learning.network import MAX_DEVIATION
from training.learning.speaker import SpeakerHead

OPSET = 17

PARITY = 1e-5
"""The maximum difference between the outputs of ONNX and Keras. Not tuned."""


def combine(results: Sequence[FoldResult], input_scaler: Scaler) -> keras.Model:
    """Combine the networks of folds into one network, which returns the mean of their probabilities.

    The mean is the weighted geometric mean.

    Args:
        results: the results of the folds, which have equal weight. A model that adapts to speakers permits
            one fold only.
        input_scaler: the scaler that standardizes the inputs before they reach the combined network;
            `identity_scaler` if nothing standardizes them.

    Returns:
        A network from `features` or `descriptors`, or both, to `probabilities`. If the model adapts to
        speakers, the network also returns `speaker_logits` and `speaker_offsets`.

    Raises:
        TrainingError: there are several folds of a model that adapts to speakers.
    """
    networks = [
        (result.scaler, keras.models.load_model(result.folder / file, compile=False), weight)
        for result in results
        for file, weight in result.members.items()
    ]
    heads = [(result.scaler, result.speaker) for result in results if result.speaker]
    if len(heads) > 1:
        raise TrainingError(
            "a bundle that adapts to speakers contains one fold or all data: give --export all-data"
        )
    return combine_networks(networks, input_scaler, *heads)


def combine_networks(
    networks: Sequence[tuple[Scaler, keras.Model, float]],
    input_scaler: Scaler,
    head: tuple[Scaler, SpeakerHead] | None = None,
) -> keras.Model:
    """Combine networks into one network.

    Args:
        networks: the networks, each with the scaler of its training and its fusion weight.
        input_scaler: the scaler that standardizes the inputs before they reach the combined network.
        head: the adaptation to speakers, with the scaler of its training; None if the model does not adapt.
    """
    inputs: dict[str, keras.KerasTensor] = {}
    answers = []
    for number, (trained_scaler, network, _) in enumerate(networks):
        network.name = f"network_{number}"
        for port in network.inputs:
            inputs.setdefault(port.name, keras.Input(port.shape[1:], name=port.name))
        rescaled = [_rescale(inputs[port.name], input_scaler, trained_scaler) for port in network.inputs]
        answers.append(network(dict(zip([port.name for port in network.inputs], rescaled, strict=True))))
    mean = _log_mean(answers, [weight for *_, weight in networks])
    outputs = {OUTPUT: ops.softmax(mean)}
    if head:
        trained_scaler, adaptation = head
        statistics = _rescale(inputs["features"], input_scaler, trained_scaler)
        outputs |= dict(zip(SPEAKER_OUTPUTS, _speaker_scores(adaptation, statistics, mean), strict=True))
    return keras.Model(dict(sorted(inputs.items())), outputs)


def _speaker_scores(
    head: SpeakerHead, statistics: keras.KerasTensor, log_mean: keras.KerasTensor
) -> tuple[keras.KerasTensor, keras.KerasTensor]:
    """Return the outputs of `SpeakerHead.scores`."""
    logits = log_mean - ops.logsumexp(log_mean, axis=1, keepdims=True)
    clipped = ops.clip(statistics, -MAX_DEVIATION, MAX_DEVIATION)
    return logits, ops.matmul(clipped, head.kernel)


def _log_mean(answers: Sequence[keras.KerasTensor], weights: Sequence[float]) -> keras.KerasTensor:
    """Return the logarithm of the weighted geometric mean of probabilities, not normalized."""
    total = sum(weights)
    return sum(
        (weight / total) * ops.log(ops.maximum(answer, np.finfo(np.float32).tiny))
        for answer, weight in zip(answers, weights, strict=True)
    )


def _rescale(values: keras.KerasTensor, before: Scaler, after: Scaler) -> keras.KerasTensor:
    """Convert values that one scaler standardized into the values that another scaler gives."""
    if after is before:
        return values
    factor, offset = before.scale / after.scale, (before.mean - after.mean) / after.scale
    # A scaler contains the functionals first, then the descriptors.
    part = slice(None, values.shape[-1]) if values.name == "features" else slice(-values.shape[-1], None)
    return values * factor[part].astype(np.float32) + offset[part].astype(np.float32)


def with_encoder(head: bytes, encoder: bytes, facts: Facts) -> bytes:
    """Join the encoder and a head into one graph, whose input is the log-mel spectrogram.

    Args:
        head: the head from `to_onnx`, on the encoder's statistics, its states, or both.
        encoder: the quantized encoder.
        facts: the facts of the bundle, for the model's metadata_props.
    """
    front = onnx.load_from_string(encoder)
    (opset,) = (entry.version for entry in front.opset_import if entry.domain == "")
    back = onnx.version_converter.convert_version(onnx.load_from_string(head), opset)
    back.ir_version = front.ir_version
    needed = {STATISTICS: "features", STATES: "descriptors"}
    taken = {port.name for port in back.graph.input}
    needed = {theirs: ours for theirs, ours in needed.items() if ours in taken}
    front = onnx.utils.Extractor(front).extract_model([INPUT], list(needed))
    outputs = [port.name for port in back.graph.output]
    model = onnx.compose.merge_models(front, back, io_map=list(needed.items()), outputs=outputs)
    del model.metadata_props[:]
    onnx.helper.set_model_props(model, facts.to_metadata())
    content: bytes = model.SerializeToString(deterministic=True)
    return content


def to_onnx(
    network: keras.Model, facts: Facts, examples: Sequence[Mapping[str, NDArray[np.float32]]]
) -> bytes:
    """Convert a network to ONNX, and check the outputs.

    Args:
        network: the network from `combine`.
        facts: the facts of the bundle, for the model's metadata_props.
        examples: the inputs of the check.

    Returns:
        The ONNX model, with the names of the network's inputs and outputs.

    Raises:
        TrainingError: an output of ONNX and Keras differs by more than 1e-5.
    """
    keras.backend.clear_session()  # resets the counter in the names of the graph
    signature = [
        {
            port.name: tf.TensorSpec((None, *port.shape[1:]), tf.float32, name=port.name)
            for port in network.inputs
        }
    ]
    model, _ = tf2onnx.convert.from_keras(network, input_signature=signature, opset=OPSET)
    outputs = sorted(network.output)  # TensorFlow orders a dictionary by its keys
    _make_canonical(model, outputs)
    onnx.helper.set_model_props(model, facts.to_metadata())
    content: bytes = model.SerializeToString(deterministic=True)
    session = onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])
    for example in examples:
        expected = network(dict(example), training=False)
        for name, converted in zip(outputs, session.run(outputs, dict(example)), strict=True):
            difference = float(np.abs(converted - expected[name]).max())
            if not difference <= PARITY * max(1.0, float(np.abs(converted).max())):
                raise TrainingError(
                    f"ONNX and Keras differ by {difference:.1e} in {name}, more than {PARITY:.0e}: "
                    "replace the layer that tf2onnx does not convert exactly"
                )
    return content


def _make_canonical(model: onnx.ModelProto, outputs: Sequence[str]) -> None:
    """Give nodes and tensors an order and names that depend on the graph alone.

    tf2onnx uses sets and counters for order and names, so two conversions of one network differ. This
    function sorts the nodes topologically, from the outputs backward, and names each tensor by its position.
    The outputs get their names in the bundle.
    """
    graph = model.graph
    producers = {tensor: node for node in graph.node for tensor in node.output}
    constants = {constant.name: constant for constant in graph.initializer}
    ports = list(graph.output)
    names = {port.name: port.name for port in graph.input} | {"": ""}
    names |= {port.name: name for port, name in zip(ports, outputs, strict=True)}
    nodes: list[onnx.NodeProto] = []

    def visit(tensor: str) -> None:
        node = producers.pop(tensor, None)
        if node is not None:
            for needed in node.input:
                visit(needed)
            nodes.append(node)
            # A node with several outputs, such as an LSTM, is visited once.
            for other in node.output:
                producers.pop(other, None)
                names.setdefault(other, f"tensor_{len(names)}")
        names.setdefault(tensor, f"tensor_{len(names)}")

    for port in ports:
        visit(port.name)
    for place, node in enumerate(nodes):
        node.name = f"{node.op_type}_{place}"
        node.input[:] = [names[tensor] for tensor in node.input]
        node.output[:] = [names[tensor] for tensor in node.output]
    used = [(name, constants[tensor]) for tensor, name in names.items() if tensor in constants]
    for name, constant in used:
        constant.name = name
    _describe_ports(graph, outputs)
    kept = [onnx.NodeProto.FromString(node.SerializeToString()) for node in nodes]
    weights = [onnx.TensorProto.FromString(constant.SerializeToString()) for _, constant in used]
    del graph.node[:], graph.initializer[:], graph.value_info[:]
    graph.node.extend(kept)
    graph.initializer.extend(weights)


def _describe_ports(graph: onnx.GraphProto, outputs: Sequence[str]) -> None:
    """Name the outputs and the axes of variable length."""
    for port, name in zip(graph.output, outputs, strict=True):
        port.name = name
    graph.doc_string = ""  # the original text contains a counter of the process
    for port in (*graph.input, *graph.output):
        port.type.tensor_type.shape.dim[0].dim_param = "n"
        for dimension in list(port.type.tensor_type.shape.dim)[1:]:
            if not dimension.HasField("dim_value"):
                dimension.dim_param = "n_frames"
