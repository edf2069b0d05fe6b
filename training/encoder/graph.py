"""Construction of the encoder as an ONNX graph, from the log-mel spectrogram to the states of each layer.

The network is the encoder of Whisper (Radford et al. 2022, arXiv 2212.04356): two convolutions of kernel
size 3, sinusoidal positions, then pre-norm transformer layers with exact GELU and 8 heads. The graph has a
different form:

- It encodes a signal at its own length, without padding to 30 s. It cuts a long signal into windows of equal
  length, which limits the cost of the attention.
- The convolutions are matrix products over neighboring frames, which are quantized like all others.
- The graph contains only the requested number of layers.

The function differs in one point: after layers 2 and 3, the graph averages each pair of states. This saves
more than a quarter of the time and costs no accuracy (`docs/experiments.md`, "Rate of the states").

The graph has two outputs for the heads: the states, averaged over 80 ms, and the statistics of these states
over the utterance.
"""

from dataclasses import dataclass, field

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from training.encoder.weights import Weights

# The sizes of Whisper base (arXiv 2212.04356).
N_MELS = 80
WIDTH = 512
N_HEADS = 8
HEAD_WIDTH = WIDTH // N_HEADS

WINDOW = 1_000
"""The number of frames in the longest window: 10 s. A segment of a call is never longer. Not tuned."""

HALVED_AFTER = (2, 3)
"""The layers after which the rate of the states is halved: from 20 ms to 40 ms, then to 80 ms. Chosen in
`docs/experiments.md`, "Rate of the states"."""

POOLED = 4
"""The number of states of the first layer, 20 ms each, in one output state."""

STEP = 2 * POOLED
"""The number of frames in one output state. The length of a window is a multiple of it."""

PERCENTILE = 0.1
"""The rank of the lower percentile, and the distance of the upper percentile from the top. Not tuned."""

N_STATISTICS = 5
"""The number of statistics of a value: mean, standard deviation, two percentiles, and root mean square of the
changes. The last three generalize better to corpora that did not train; all five are best on known corpora
(`docs/experiments.md`, "Statistics")."""

OPSET = 20
IR_VERSION = 10
INPUT = "log_mel"
STATISTICS, STATES = "statistics", "states"


def build_encoder(weights: Weights, n_layers: int) -> onnx.ModelProto:
    """Build the graph in float32.

    Args:
        weights: the weights from `read_weights`.
        n_layers: the number of layers to keep, from 1.

    Returns:
        A model from `log_mel`, float32 (n, n_frames, 80), at least 10 frames, to these outputs:

        - `states`, float32 (n, n_frames // 8, n_layers * 512): a state every 80 ms, the concatenation of the
          layers. (A window loses up to 7 frames at its end, so that its length is a multiple of 80 ms.)
        - `statistics`, float32 (n, 5 * n_layers * 512): the mean, the standard deviation, the 10th and the
          90th percentile, and the root mean square of the changes from state to state, of every value.
    """
    graph = _Graph()
    x = graph.convolution(graph.windows(), weights, "conv1", stride=1)
    x = graph.convolution(x, weights, "conv2", stride=2)
    positions = graph.constant("positions", weights["positions.weight"][: WINDOW // 2])
    length = graph.add("Shape", [x], start=1, end=2)
    x = graph.add("Add", [x, graph.slice(positions, length, axis=0)])
    pooled, remaining = [], POOLED
    for layer in range(1, n_layers + 1):
        x = graph.layer(x, weights, f"layers.{layer - 1}")
        pooled.append(graph.joined(graph.averages(x, remaining)))
        if layer in HALVED_AFTER:
            x, remaining = graph.averages(x, 2), remaining // 2
    states = graph.add("Concat", pooled, STATES, axis=2)
    statistics = [*graph.moments(states), *graph.percentiles(states), graph.changes(states)]
    graph.add("Concat", statistics, STATISTICS, axis=1)
    inputs = [helper.make_tensor_value_info(INPUT, TensorProto.FLOAT, ("n", "n_frames", N_MELS))]
    outputs = [
        helper.make_tensor_value_info(STATISTICS, TensorProto.FLOAT, ("n", n_layers * N_STATISTICS * WIDTH)),
        helper.make_tensor_value_info(STATES, TensorProto.FLOAT, ("n", "n_states", n_layers * WIDTH)),
    ]
    model = helper.make_model(
        helper.make_graph(graph.nodes, "encoder", inputs, outputs, graph.constants),
        opset_imports=[helper.make_opsetid("", OPSET)],
        ir_version=IR_VERSION,
    )
    onnx.checker.check_model(model)
    return model


@dataclass
class _Graph:
    """A graph under construction: its nodes and constants in topological order."""

    nodes: list[onnx.NodeProto] = field(default_factory=list)
    constants: list[onnx.TensorProto] = field(default_factory=list)
    names: set[str] = field(default_factory=set)

    def constant(self, name: str, values: NDArray[np.generic]) -> str:
        """Add a constant, unless it exists. Return its name."""
        if name not in self.names:
            self.names.add(name)
            self.constants.append(numpy_helper.from_array(np.ascontiguousarray(values), name))
        return name

    def add(self, kind: str, inputs: list[str], output: str = "", **attributes: float | list[int]) -> str:
        """Add a node. Return the name of its output."""
        output = output or f"{kind.lower()}_{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, inputs, [output], output, None, None, None, **attributes))
        return output

    def integers(self, *values: int) -> str:
        """Add a constant vector of integers."""
        return self.constant("_".join(["integers", *map(str, values)]), np.array(values, np.int64))

    def slice(self, x: str, end: str, axis: int, start: int = 0, step: int = 1) -> str:
        """Slice one axis."""
        return self.add("Slice", [x, self.integers(start), end, self.integers(axis), self.integers(step)])

    def windows(self) -> str:
        """Cut the spectrogram into windows: (n, n_frames, 80) to (n * n_windows, n_window, 80)."""
        n_frames = self.add("Shape", [INPUT], start=1, end=2)
        longest, less = self.integers(WINDOW), self.integers(WINDOW - 1)
        n_windows = self.add("Div", [self.add("Add", [n_frames, less]), longest])
        step = self.integers(STEP)
        n_steps = self.add("Div", [n_frames, self.add("Mul", [n_windows, step])])
        n_window = self.add("Mul", [n_steps, step])
        kept = self.slice(INPUT, self.add("Mul", [n_windows, n_window]), axis=1)
        shape = self.add("Concat", [self.integers(-1), n_window, self.integers(N_MELS)], axis=0)
        return self.add("Reshape", [kept, shape])

    def joined(self, x: str) -> str:
        """Concatenate the states of all windows of an utterance: (n, n_states, 512)."""
        n = self.add("Shape", [INPUT], start=0, end=1)
        shape = self.add("Concat", [n, self.integers(-1, WIDTH)], axis=0)
        return self.add("Reshape", [x, shape])

    def moments(self, states: str) -> list[str]:
        """Compute mean and standard deviation over the states, (n, width) each."""
        axis = self.integers(1)
        mean = self.add("ReduceMean", [states, axis], keepdims=1)
        centered = self.add("Sub", [states, mean])
        variance = self.add("ReduceMean", [self.add("Mul", [centered, centered]), axis], keepdims=0)
        return [self.add("Squeeze", [mean, axis]), self.add("Sqrt", [variance])]

    def percentiles(self, states: str) -> list[str]:
        """Compute the 10th and the 90th percentile over the states (nearest rank), (n, width) each."""
        n_states = self.add("Shape", [states], start=1, end=2)
        last = self.add("Cast", [self.add("Sub", [n_states, self.integers(1)])], to=TensorProto.FLOAT)
        share = self.constant("percentile", np.array([PERCENTILE], np.float32))
        rank = self.add("Cast", [self.add("Round", [self.add("Mul", [last, share])])], to=TensorProto.INT64)
        n_outer = self.add("Add", [rank, self.integers(1)])
        by_value = self.add("Transpose", [states], perm=[0, 2, 1])
        return [self.outer(by_value, n_outer, rank, largest=largest) for largest in (0, 1)]

    def outer(self, x: str, n_outer: str, rank: str, largest: int) -> str:
        """Select the value of a rank on the last axis, from the smallest or the largest value."""
        values = f"outer_{len(self.nodes)}"
        outputs = [values, f"{values}_places"]
        self.nodes.append(helper.make_node("TopK", [x, n_outer], outputs, values, axis=2, largest=largest))
        return self.add("Squeeze", [self.add("Gather", [values, rank], axis=2), self.integers(2)])

    def changes(self, states: str) -> str:
        """Compute the root mean square of the changes between states, (n, width); 0 for a single state."""
        # The first change is from the first state to itself, so that a single state also has a change.
        first = self.slice(states, self.integers(1), axis=1)
        before = self.add("Concat", [first, self.slice(states, self.integers(-1), axis=1)], axis=1)
        change = self.add("Sub", [states, before])
        total = self.add("ReduceSumSquare", [change, self.integers(1)], keepdims=0)
        n_changes = self.add("Sub", [self.add("Shape", [states], start=1, end=2), self.integers(1)])
        n_changes = self.add("Cast", [self.add("Max", [n_changes, self.integers(1)])], to=TensorProto.FLOAT)
        return self.add("Sqrt", [self.add("Div", [total, n_changes])])

    def averages(self, states: str, n_averaged: int) -> str:
        """Average neighboring states: (n, n_states, 512) to (n, n_states // n_averaged, 512)."""
        if n_averaged == 1:
            return states
        shape = self.integers(0, -1, n_averaged, WIDTH)
        return self.add("ReduceMean", [self.add("Reshape", [states, shape]), self.integers(2)], keepdims=0)

    def linear(self, x: str, name: str, weight: NDArray[np.float32], bias: NDArray[np.float32]) -> str:
        """Add a matrix product and a bias."""
        product = self.add("MatMul", [x, self.constant(f"{name}.weight", weight)])
        return self.add("Add", [product, self.constant(f"{name}.bias", bias)])

    def norm(self, x: str, weights: Weights, name: str) -> str:
        """Add a layer normalization."""
        scale = self.constant(f"{name}.weight", weights[f"{name}.weight"])
        bias = self.constant(f"{name}.bias", weights[f"{name}.bias"])
        return self.add("LayerNormalization", [x, scale, bias], axis=-1, epsilon=1e-5)

    def convolution(self, x: str, weights: Weights, name: str, stride: int) -> str:
        """Add a convolution of kernel size 3, as a matrix product over neighboring frames, and GELU."""
        padded = self.add("Pad", [x, self.integers(0, 1, 0, 0, 1, 0)])
        ends = (self.integers(-2), self.integers(-1), self.integers(np.iinfo(np.int64).max))
        shifted = [self.slice(padded, end, 1, start, stride) for start, end in enumerate(ends)]
        kernel = weights[f"{name}.weight"]  # (n_outputs, n_inputs, 3)
        weight = kernel.transpose(2, 1, 0).reshape(-1, kernel.shape[0])
        neighborhood = self.add("Concat", shifted, axis=2)
        return self.add("Gelu", [self.linear(neighborhood, name, weight, weights[f"{name}.bias"])])

    def layer(self, x: str, weights: Weights, name: str) -> str:
        """Add a transformer layer."""
        attended = self.attention(self.norm(x, weights, f"{name}.norm1"), weights, name)
        x = self.add("Add", [x, attended])
        y = self.norm(x, weights, f"{name}.norm2")
        for part in ("fc1", "fc2"):
            full = f"{name}.{part}"
            y = self.linear(y, full, weights[f"{full}.weight"].T, weights[f"{full}.bias"])
            if part == "fc1":
                y = self.add("Gelu", [y])
        return self.add("Add", [x, y])

    def attention(self, x: str, weights: Weights, name: str) -> str:
        """Add self-attention with 8 heads over all states."""
        weight, bias = weights[f"{name}.qkv.weight"].copy(), weights[f"{name}.qkv.bias"].copy()
        weight[:WIDTH] *= HEAD_WIDTH**-0.5  # the usual scale of the scores, applied to the query
        bias[:WIDTH] *= HEAD_WIDTH**-0.5
        joint = self.linear(x, f"{name}.qkv", weight.T, bias)
        heads = self.integers(0, 0, 3 * N_HEADS, HEAD_WIDTH)
        joint = self.add("Transpose", [self.add("Reshape", [joint, heads])], perm=[0, 2, 1, 3])
        parts = self.integers(*[N_HEADS] * 3)
        split = [f"{part}_{len(self.nodes)}" for part in ("query", "key", "value")]
        self.nodes.append(helper.make_node("Split", [joint, parts], split, name=split[0], axis=1))
        scores = self.add("MatMul", [split[0], self.add("Transpose", [split[1]], perm=[0, 1, 3, 2])])
        mixed = self.add("MatMul", [self.add("Softmax", [scores], axis=-1), split[2]])
        merged = self.integers(0, 0, WIDTH)
        mixed = self.add("Reshape", [self.add("Transpose", [mixed], perm=[0, 2, 1, 3]), merged])
        return self.linear(mixed, f"{name}.out", weights[f"{name}.out.weight"].T, weights[f"{name}.out.bias"])
