"""Build the encoder as an ONNX graph: log-mel spectrogram to the states of each layer.

The network is the encoder of Whisper (Radford et al. 2022, arXiv 2212.04356): two convolutions of
kernel 3, sinusoidal positions, then pre-norm transformer layers with exact GELU and 8 heads. The
graph differs from the published one in form only:

- a signal is encoded at its own length, without padding to 30 s; a long one in windows of equal
  length, so that the attention stays small;
- the convolutions are matrix products over neighboring frames, which quantize like all others;
- the layers above the last one asked for are left out.

The heads use two views of the states: their statistics over the utterance, and the states
themselves, averaged over 80 ms.
"""

from dataclasses import dataclass, field

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from training.encoder.weights import Weights

N_MELS = 80
WIDTH = 512
N_HEADS = 8
HEAD_WIDTH = WIDTH // N_HEADS
WINDOW = 1_000
"""Frames of the longest window: 10 s. A segment of a call is never longer."""

POOLED = 4
"""States, 20 ms each, that are averaged to one."""

OPSET = 20
IR_VERSION = 10
INPUT = "log_mel"
STATISTICS, STATES = "statistics", "states"


def build_encoder(weights: Weights, n_layers: int) -> onnx.ModelProto:
    """Build the graph in float32.

    Args:
        weights: from `read_weights`.
        n_layers: how many of the encoder's layers are kept, from 1.

    Returns:
        A model from `log_mel`, float32 (n, n_frames, 80), at least 10 frames, to

        - `statistics`, float32 (n, n_layers * 1024): of each layer, the mean of every value over the
          states, then the standard deviations;
        - `states`, float32 (n, n_frames // 8, n_layers * 512): of each layer, the mean over 80 ms.
          (Windows lose up to one frame each to be of equal, even length.)
    """
    graph = _Graph()
    x = graph.convolution(graph.windows(), weights, "conv1", stride=1)
    x = graph.convolution(x, weights, "conv2", stride=2)
    positions = graph.constant("positions", weights["positions.weight"][: WINDOW // 2])
    length = graph.add("Shape", [x], start=1, end=2)
    x = graph.add("Add", [x, graph.slice(positions, length, axis=0)])
    statistics, pooled = [], []
    for layer in range(n_layers):
        x = graph.layer(x, weights, f"layers.{layer}")
        states = graph.joined(x)
        statistics += graph.moments(states)
        pooled.append(graph.averages(states))
    graph.add("Concat", statistics, STATISTICS, axis=1)
    graph.add("Concat", pooled, STATES, axis=2)
    inputs = [helper.make_tensor_value_info(INPUT, TensorProto.FLOAT, ("n", "n_frames", N_MELS))]
    outputs = [
        helper.make_tensor_value_info(STATISTICS, TensorProto.FLOAT, ("n", n_layers * 2 * WIDTH)),
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
    """Nodes and constants in the order in which they are needed."""

    nodes: list[onnx.NodeProto] = field(default_factory=list)
    constants: list[onnx.TensorProto] = field(default_factory=list)
    names: set[str] = field(default_factory=set)

    def constant(self, name: str, values: NDArray[np.generic]) -> str:
        """Add a constant, once."""
        if name not in self.names:
            self.names.add(name)
            self.constants.append(numpy_helper.from_array(np.ascontiguousarray(values), name))
        return name

    def add(self, kind: str, inputs: list[str], output: str = "", **attributes: float | list[int]) -> str:
        """Add a node; its output."""
        output = output or f"{kind.lower()}_{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, inputs, [output], output, None, None, None, **attributes))
        return output

    def integers(self, *values: int) -> str:
        """A constant vector of integers."""
        return self.constant("_".join(["integers", *map(str, values)]), np.array(values, np.int64))

    def slice(self, x: str, end: str, axis: int, start: int = 0, step: int = 1) -> str:
        """A part of one axis."""
        return self.add("Slice", [x, self.integers(start), end, self.integers(axis), self.integers(step)])

    def windows(self) -> str:
        """Cut the spectrogram into windows: (n, n_frames, 80) to (n * n_windows, n_window, 80)."""
        n_frames = self.add("Shape", [INPUT], start=1, end=2)
        longest, less = self.integers(WINDOW), self.integers(WINDOW - 1)
        n_windows = self.add("Div", [self.add("Add", [n_frames, less]), longest])
        two = self.integers(2)
        halves = self.add("Div", [n_frames, self.add("Mul", [n_windows, two])])
        n_window = self.add("Mul", [halves, two])
        kept = self.slice(INPUT, self.add("Mul", [n_windows, n_window]), axis=1)
        shape = self.add("Concat", [self.integers(-1), n_window, self.integers(N_MELS)], axis=0)
        return self.add("Reshape", [kept, shape])

    def joined(self, x: str) -> str:
        """The states of all windows of an utterance, one after the other: (n, n_states, 512)."""
        n = self.add("Shape", [INPUT], start=0, end=1)
        shape = self.add("Concat", [n, self.integers(-1, WIDTH)], axis=0)
        return self.add("Reshape", [x, shape])

    def moments(self, states: str) -> list[str]:
        """Mean and standard deviation over the states, (n, 512) each."""
        axis = self.integers(1)
        mean = self.add("ReduceMean", [states, axis], keepdims=1)
        centered = self.add("Sub", [states, mean])
        variance = self.add("ReduceMean", [self.add("Mul", [centered, centered]), axis], keepdims=0)
        return [self.add("Squeeze", [mean, axis]), self.add("Sqrt", [variance])]

    def averages(self, states: str) -> str:
        """The mean of each 4 states: (n, n_states // 4, 512)."""
        four = self.integers(POOLED)
        n_pooled = self.add("Div", [self.add("Shape", [states], start=1, end=2), four])
        kept = self.slice(states, self.add("Mul", [n_pooled, four]), axis=1)
        shape = self.add("Concat", [self.integers(0), n_pooled, self.integers(POOLED, WIDTH)], axis=0)
        return self.add("ReduceMean", [self.add("Reshape", [kept, shape]), self.integers(2)], keepdims=0)

    def linear(self, x: str, name: str, weight: NDArray[np.float32], bias: NDArray[np.float32]) -> str:
        """A matrix product and a bias."""
        product = self.add("MatMul", [x, self.constant(f"{name}.weight", weight)])
        return self.add("Add", [product, self.constant(f"{name}.bias", bias)])

    def norm(self, x: str, weights: Weights, name: str) -> str:
        """Layer normalization."""
        scale = self.constant(f"{name}.weight", weights[f"{name}.weight"])
        bias = self.constant(f"{name}.bias", weights[f"{name}.bias"])
        return self.add("LayerNormalization", [x, scale, bias], axis=-1, epsilon=1e-5)

    def convolution(self, x: str, weights: Weights, name: str, stride: int) -> str:
        """A convolution of kernel 3, padded by 1, and GELU: a product over each frame's neighborhood."""
        padded = self.add("Pad", [x, self.integers(0, 1, 0, 0, 1, 0)])
        ends = (self.integers(-2), self.integers(-1), self.integers(np.iinfo(np.int64).max))
        shifted = [self.slice(padded, end, 1, start, stride) for start, end in enumerate(ends)]
        kernel = weights[f"{name}.weight"]  # (n_outputs, n_inputs, 3)
        weight = kernel.transpose(2, 1, 0).reshape(-1, kernel.shape[0])
        neighborhood = self.add("Concat", shifted, axis=2)
        return self.add("Gelu", [self.linear(neighborhood, name, weight, weights[f"{name}.bias"])])

    def layer(self, x: str, weights: Weights, name: str) -> str:
        """One transformer layer."""
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
        """Self-attention of 8 heads over all states."""
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
