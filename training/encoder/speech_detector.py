"""`python -m training speech-detector`: convert Silero's network to the speech detector of the service.

The published graph has a convolution for the spectrum, four more convolutions, an LSTM layer and one output.
A chunk has only four frames of the spectrum, so that a convolution over them is a small matrix product. ONNX
Runtime computes these products more than twice as fast as the convolutions. The weights stay the same, and
the probabilities differ by rounding alone.
"""

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from app.core.files import write_whole
from app.core.speech import FRAMES_OF_CHUNK, MEMORY, OUTPUTS, WINDOW
from training.errors import TrainingError

Weights = Mapping[str, NDArray[np.float32]]

SHA256 = "9ccdacc4719d8aa7e45a77536bfabec45a03ba1f2fad5e241ab4060b24238a85"
"""The hash of `silero_vad/data/silero_vad_16k_sequence.onnx` in the package silero-vad 6.2.3."""

STRIDES = (1, 2, 2, 1)
"""The strides of the convolutions after the spectrum. Each has three taps and a frame of zeros around."""

LSTM = ("onnx::LSTM_209", "onnx::LSTM_210", "onnx::LSTM_211")
"""The names of the kernels and the bias of the LSTM layer in the published file."""

OPSET = 18
IR_VERSION = 10


def convert_speech_detector(source: Path, output: Path) -> None:
    """Convert the published network.

    Args:
        source: the path of `silero_vad_16k_sequence.onnx`.
        output: the folder of the detector, `silero_vad.onnx`.

    Raises:
        TrainingError: the file is another one, or cannot be read. In these cases nothing is written.
    """
    path = output / "silero_vad.onnx"
    content = build(_read(source)).SerializeToString(deterministic=True)
    write_whole(path, content)
    print(f"wrote {path}, {len(content) / 1e6:.1f} MB, SHA-256 {hashlib.sha256(content).hexdigest()}")


def build(weights: Weights) -> onnx.ModelProto:
    """Build the network.

    Args:
        weights: the arrays by their names in the published file.

    Returns:
        A model from `frames`, float32 (n, 4, 256), and the state `h` and `c`, float32 (1, 1, 128), to the
        probability of speech in each chunk, float32 (n,), and the new state.
    """
    graph = _Graph()
    spectrum = weights["stft.forward_basis_buffer"][:, 0].T
    states = graph.add("MatMul", [graph.reshape("frames", -1, WINDOW), graph.constant(spectrum)])
    # The first half of the products is the real part, the second half the imaginary part.
    parts = graph.reshape(states, -1, 2, spectrum.shape[1] // 2)
    states = graph.add("ReduceL2", [parts, graph.constant(np.array([1]))], keepdims=0)
    n_frames = FRAMES_OF_CHUNK
    states = graph.reshape(states, -1, n_frames * (spectrum.shape[1] // 2))
    for layer, stride in enumerate(STRIDES):
        kernel, bias = (weights[f"encoder.{layer}.{name}"] for name in ("weight", "bias"))
        matrix = convolution_matrix(kernel, n_frames, stride)
        n_frames = matrix.shape[1] // len(bias)
        inputs = [states, graph.constant(matrix), graph.constant(np.tile(bias, n_frames))]
        states = graph.add("Relu", [graph.add("Gemm", inputs)])
    sequence = graph.add("Unsqueeze", [states, graph.constant(np.array([1]))])
    kernels = [graph.constant(weights[name]) for name in LSTM]
    graph.add("LSTM", [sequence, *kernels, "", "h", "c"], ["hidden", *OUTPUTS[1:]], hidden_size=MEMORY[-1])
    states = graph.add("Relu", [graph.reshape("hidden", -1, MEMORY[-1])])
    dense = [graph.constant(weights["output.weight"][0]), graph.constant(weights["output.bias"])]
    probabilities = graph.add("Sigmoid", [graph.add("Gemm", [states, *dense])])
    graph.reshape(probabilities, -1, output=OUTPUTS[0])
    return graph.model()


def convolution_matrix(kernel: NDArray[np.float32], n_frames: int, stride: int) -> NDArray[np.float32]:
    """Return the matrix that computes a convolution with three taps over a few frames.

    Args:
        kernel: the kernel, shape (n_outputs, n_inputs, 3).
        n_frames: the number of frames of the input. A frame of zeros is on each side of them.
        stride: the frames between two taps.

    Returns:
        The matrix, shape (n_frames * n_inputs, n_frames of the output * n_outputs).
    """
    n_outputs, n_inputs, n_taps = kernel.shape
    n_after = (n_frames + 2 - n_taps) // stride + 1
    matrix = np.zeros((n_frames, n_inputs, n_after, n_outputs), np.float32)
    for after in range(n_after):
        for tap in range(n_taps):
            frame = after * stride + tap - 1
            if 0 <= frame < n_frames:
                matrix[frame, :, after] = kernel[:, :, tap].T
    return matrix.reshape(n_frames * n_inputs, n_after * n_outputs)


class _Graph:
    """The nodes and constants of a graph, with generated names."""

    def __init__(self) -> None:
        self._nodes: list[onnx.NodeProto] = []
        self._constants: list[onnx.TensorProto] = []

    def constant(self, array: NDArray[np.generic]) -> str:
        """Add a constant, and return its name."""
        name = f"constant_{len(self._constants)}"
        self._constants.append(numpy_helper.from_array(np.array(array, order="C"), name))
        return name

    def add(
        self,
        kind: str,
        inputs: list[str],
        outputs: list[str] | None = None,
        **attributes: Any,  # noqa: ANN401  # the type depends on the attribute
    ) -> str:
        """Add a node, and return the name of its first output."""
        outputs = outputs or [f"value_{len(self._nodes)}"]
        self._nodes.append(helper.make_node(kind, inputs, outputs, **attributes))
        return outputs[0]

    def reshape(self, value: str, *shape: int, output: str | None = None) -> str:
        """Reshape a value, and return the name of the result."""
        return self.add("Reshape", [value, self.constant(np.array(shape))], [output] if output else None)

    def model(self) -> onnx.ModelProto:
        """Return the model."""

        def port(name: str, *shape: str | int) -> onnx.ValueInfoProto:
            return helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)

        probabilities, *states = OUTPUTS
        graph = helper.make_graph(
            self._nodes,
            "speech_detector",
            [port("frames", "n", FRAMES_OF_CHUNK, WINDOW), port("h", *MEMORY), port("c", *MEMORY)],
            [port(probabilities, "n"), *(port(state, *MEMORY) for state in states)],
            self._constants,
        )
        model = helper.make_model(
            graph,
            opset_imports=[helper.make_opsetid("", OPSET)],
            ir_version=IR_VERSION,
            producer_name="training",
        )
        onnx.checker.check_model(model, full_check=True)
        return model


def _read(source: Path) -> Weights:
    """Read the weights of the published file."""
    try:
        content = source.read_bytes()
    except OSError as error:
        raise TrainingError(f"--source: {source} cannot be read ({error.strerror})") from error
    sha256 = hashlib.sha256(content).hexdigest()
    if sha256 != SHA256:
        raise TrainingError(
            f"--source: {source} has the SHA-256 {sha256}; the file of silero-vad 6.2.3 has {SHA256}"
        )
    constants = onnx.load_from_string(content).graph.initializer
    return {constant.name: numpy_helper.to_array(constant) for constant in constants}
