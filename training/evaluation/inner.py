"""A view into the network of a bundle: its inner layers, and its answers to changed values.

The ONNX graph is read from the bundle and changed in memory: inner tensors become outputs, or an inner tensor
becomes the input. The weights stay those of the bundle.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
from numpy.typing import NDArray
from onnx import TensorProto, helper

from app.core.audio import decode, resample, select_channel
from app.core.bundle import MODEL, OUTPUT, read_bundle
from app.core.errors import AudioError
from app.core.inputs import InputExtractor
from app.core.log_mel import SAMPLING_RATE
from training.encoder.graph import STATES, STATISTICS

FEATURES = "features"
TRAINED = frozenset({"Conv", "GRU", "Gemm", "LSTM", "MatMul"})
"""The operations of ONNX that contain weights of a layer."""

CHUNK = 256
"""The number of utterances that the network answers at once, to bound the memory. Not tuned."""


@dataclass(frozen=True, slots=True)
class InnerValues:
    """The values inside the network for one utterance.

    Attributes:
        probabilities: the probability of each label without the temperature, float32, shape (n_labels,).
        hidden: the last hidden layer of each network in the bundle, joined, float32, shape (n_hidden,); the
            logarithm of the probabilities if there is no hidden layer.
        pooled: the fixed-size description of the utterance that the networks classify, float32, shape
            (n_values,): the statistics of the encoder, or the standardized functionals of openSMILE; no
            values if the network takes neither.
    """

    probabilities: NDArray[np.float32]
    hidden: NDArray[np.float32]
    pooled: NDArray[np.float32]


class InnerNetwork:
    """The network of a bundle, with its inner layers as outputs.

    Not thread-safe, since openSMILE is not: use an instance only in the thread that created it.

    Attributes:
        hidden: the names of the last hidden layers in the graph; empty if there is none.
    """

    def __init__(self, folder: Path) -> None:
        """Load a bundle.

        Args:
            folder: the folder of the bundle.

        Raises:
            BundleError: the bundle is damaged.
        """
        bundle = read_bundle(folder)
        self._inputs = InputExtractor(bundle)
        model = onnx.load(folder / MODEL)
        self.hidden = hidden_layers(model.graph, len(bundle.manifest.labels))
        self._has_statistics = _is_computed(model.graph, STATISTICS)
        shown = [*self.hidden, *([STATISTICS] if self._has_statistics else [])]
        model.graph.output.extend(helper.make_empty_tensor_value_info(name) for name in shown)
        self._outputs = [OUTPUT, *shown]
        self._session = start(model)

    def look(self, recording: bytes) -> InnerValues:
        """Run the network on one utterance.

        Args:
            recording: the content of the file.

        Raises:
            AudioError: the recording cannot be analyzed.
        """
        signal = resample(select_channel(decode(recording), "mix"), SAMPLING_RATE)
        inputs = dict(self._inputs.extract(signal))
        probabilities, *shown = [value[0] for value in self._session.run(self._outputs, inputs)]
        if self._has_statistics:
            *shown, pooled = shown
        else:
            pooled = inputs[FEATURES][0] if FEATURES in inputs else np.zeros(0, np.float32)
        floor = np.finfo(np.float32).tiny
        hidden = [value.ravel() for value in shown] or [np.log(np.maximum(probabilities, floor))]
        return InnerValues(probabilities, np.concatenate(hidden), pooled)


def look_at(bundle: Path, recording: Path) -> InnerValues | str:
    """Run the network of a bundle on one recording.

    Args:
        bundle: the folder of the bundle, which each process loads once.
        recording: the recording.

    Returns:
        The values, or the reason if the recording cannot be analyzed.
    """
    try:
        return _network(bundle).look(recording.read_bytes())
    except AudioError as error:
        return str(error)


@cache
def _network(bundle: Path) -> InnerNetwork:
    """Return the network of a bundle."""
    return InnerNetwork(bundle)


def hidden_layers(graph: Any, n_labels: int) -> list[str]:  # noqa: ANN401  # onnx is untyped
    """Find the last hidden layer of each network in a graph.

    The layer is the input of a product with a weight of n_labels columns, and contains a trained layer
    between this product and the inputs of the networks. The statistics and the states of the encoder count as
    inputs of the networks.

    Args:
        graph: the ONNX graph, its nodes in topological order.
        n_labels: the number of labels.

    Returns:
        The names of the layers, in the order of the graph.
    """
    shapes = {constant.name: tuple(constant.dims) for constant in graph.initializer}
    trained: set[str] = set()
    found = []
    for node in graph.node:
        is_answer = node.op_type in {"MatMul", "Gemm"} and shapes.get(node.input[1], ())[-1:] == (n_labels,)
        if is_answer and node.input[0] in trained:
            found.append(node.input[0])
        if node.op_type in TRAINED or trained.intersection(node.input):
            trained.update(set(node.output) - {STATISTICS, STATES})
    return list(dict.fromkeys(found))


def pooled_network(
    folder: Path,
) -> Callable[[NDArray[np.float32]], NDArray[np.float32]] | None:
    """Return the part of a network that classifies the pooled values of utterances.

    Args:
        folder: the folder of a bundle that `read_bundle` has accepted.

    Returns:
        A function from pooled values, float32, shape (n, n_values), to probabilities, float32, shape
        (n, n_labels). None if the network also uses other values, such as a sequence of frames.
    """
    model = onnx.load(folder / MODEL)
    port = STATISTICS if _is_computed(model.graph, STATISTICS) else FEATURES
    needed, nodes = {OUTPUT}, []
    for node in reversed(model.graph.node):
        if needed.intersection(node.output) and port not in node.output:
            nodes.append(node)
            needed.update(node.input)
    constants = [constant for constant in model.graph.initializer if constant.name in needed]
    if port not in needed or needed & ({one.name for one in model.graph.input} - {port}):
        return None
    head = helper.make_model(
        helper.make_graph(
            nodes[::-1],
            "head",
            [helper.make_tensor_value_info(port, TensorProto.FLOAT, ("n", "n_values"))],
            [helper.make_tensor_value_info(OUTPUT, TensorProto.FLOAT, ("n", "n_labels"))],
            constants,
        ),
        opset_imports=model.opset_import,
        ir_version=model.ir_version,
    )
    session = start(head, n_threads=0)

    def answer(values: NDArray[np.float32]) -> NDArray[np.float32]:
        chunks = (values[first : first + CHUNK] for first in range(0, len(values), CHUNK))
        return np.concatenate([session.run([OUTPUT], {port: chunk})[0] for chunk in chunks])

    return answer


def start(model: Any, n_threads: int = 1) -> Any:  # noqa: ANN401  # onnx and onnxruntime are untyped
    """Start a session of ONNX Runtime, on one core like the service, or on all cores with 0 threads."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = n_threads
    return onnxruntime.InferenceSession(
        model.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )


def _is_computed(graph: Any, name: str) -> bool:  # noqa: ANN401
    """Return whether a node of the graph has this output."""
    return any(name in node.output for node in graph.node)


def stack(values: Sequence[InnerValues]) -> InnerValues:
    """Join the values of n utterances into arrays of shape (n, …)."""
    return InnerValues(
        np.stack([one.probabilities for one in values]),
        np.stack([one.hidden for one in values]),
        np.stack([one.pooled for one in values]),
    )
