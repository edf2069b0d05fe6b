"""`python -m training speaker-encoder`: convert the weights of Resemblyzer to the encoder of the service.

The network has three LSTM layers of 256 units and one dense layer (Wan et al. 2018, arXiv 1710.10467). With
`--corpus`, `training.voices` first trains its weights further. The second and the third layer are
quantized to int8, with one scale for each output and weights of 7 bits, as in `training.encoder.convert`. The
first layer stays in float32, since its input, the power of mel bands, has a range that int8 cannot represent:
with int8 there, the cosine to the exact embedding falls from 0.999 to 0.83.
"""

import hashlib
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper
from onnxruntime.quantization import QuantType, quantize_dynamic

from app.core.files import write_whole
from app.core.speaker_encoder import INPUT, N_MELS, SIZE
from training.errors import TrainingError

Weights = Mapping[str, NDArray[np.float32]]

SHA256 = "39373b86598fa3da9fcddee6142382efe09777e8d37dc9c0561f41f0070f134e"
"""The hash of `resemblyzer/pretrained.pt` in the package Resemblyzer 0.1.4."""

N_LAYERS = 3
OUTPUT = "embedding"
OPSET = 20
IR_VERSION = 10


def convert_speaker_encoder(
    checkpoint: Path, output: Path, train: Callable[[Weights], Weights] | None = None
) -> None:
    """Convert the published weights, or weights that were trained further.

    Args:
        checkpoint: the path of `pretrained.pt`.
        output: the folder of the encoder, `speaker_encoder.onnx`.
        train: the further training of the weights; None keeps the published weights.

    Raises:
        TrainingError: the file is another one, or torch is not installed. In these cases nothing is written.
    """
    path = output / "speaker_encoder.onnx"
    weights = _read(checkpoint)
    content = quantize_layers(build(train(weights) if train else weights))
    write_whole(path, content)
    print(f"wrote {path}, {len(content) / 1e6:.1f} MB, SHA-256 {hashlib.sha256(content).hexdigest()}")


def build(weights: Weights) -> onnx.ModelProto:
    """Build the network in float32.

    Args:
        weights: the arrays by the names of torch: `lstm.weight_ih_l0` to `lstm.bias_hh_l2`, `linear.weight`
            and `linear.bias`.

    Returns:
        A model from `mel`, float32 (n, n_frames, 40), to `embedding`, float32 (n, 256), of length 1.
    """
    nodes, constants = [helper.make_node("Transpose", [INPUT], ["states_0"], perm=[1, 0, 2])], []

    def constant(name: str, array: NDArray[np.generic]) -> str:
        constants.append(numpy_helper.from_array(np.array(array, order="C"), name))
        return name

    constant("axis", np.array([1], np.int64))
    constant("last", np.array(-1, np.int64))
    for layer in range(N_LAYERS):
        kernels = [
            constant(f"{name}_{layer}", _reordered(weights[f"lstm.weight_{name}_l{layer}"])[np.newaxis])
            for name in ("ih", "hh")
        ]
        biases = [_reordered(weights[f"lstm.bias_{name}_l{layer}"]) for name in ("ih", "hh")]
        inputs = [f"states_{layer}", *kernels, constant(f"bias_{layer}", np.concatenate(biases)[np.newaxis])]
        nodes += [
            helper.make_node("LSTM", inputs, [f"lstm_{layer}"], hidden_size=SIZE, name=f"lstm_{layer}"),
            helper.make_node("Squeeze", [f"lstm_{layer}", "axis"], [f"states_{layer + 1}"]),
        ]
    constant("kernel", weights["linear.weight"].T)
    constant("bias", weights["linear.bias"])
    nodes += [
        helper.make_node("Gather", [f"states_{N_LAYERS}", "last"], ["state"], axis=0),
        helper.make_node("MatMul", ["state", "kernel"], ["product"]),
        helper.make_node("Add", ["product", "bias"], ["sum"]),
        helper.make_node("Relu", ["sum"], ["positive"]),
        helper.make_node("LpNormalization", ["positive"], [OUTPUT], axis=1, p=2),
    ]
    graph = helper.make_graph(
        nodes,
        "speaker_encoder",
        [helper.make_tensor_value_info(INPUT, TensorProto.FLOAT, ["n", "n_frames", N_MELS])],
        [helper.make_tensor_value_info(OUTPUT, TensorProto.FLOAT, ["n", SIZE])],
        constants,
    )
    model = helper.make_model(
        graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=IR_VERSION, producer_name="training"
    )
    onnx.checker.check_model(model)
    return model


def quantize_layers(model: onnx.ModelProto) -> bytes:
    """Quantize all layers but the first to int8."""
    with tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder) / "float32.onnx", Path(folder) / "int8.onnx"
        onnx.save(model, source)
        quantize_dynamic(
            source,
            target,
            op_types_to_quantize=["LSTM"],
            nodes_to_quantize=[f"lstm_{layer}" for layer in range(1, N_LAYERS)],
            weight_type=QuantType.QInt8,
            per_channel=True,
            reduce_range=True,
        )
        quantized = onnx.load(target)
    content: bytes = quantized.SerializeToString(deterministic=True)
    return content


def _reordered(array: NDArray[np.float32]) -> NDArray[np.float32]:
    """Reorder the gates: torch has input, forget, cell, output; ONNX has input, output, forget, cell."""
    into, forget, cell, out = np.split(array, 4)
    return np.concatenate([into, out, forget, cell])


def _read(checkpoint: Path) -> Weights:
    """Read the weights of a known file."""
    try:
        sha256 = hashlib.sha256(checkpoint.read_bytes()).hexdigest()
    except OSError as error:
        raise TrainingError(f"--checkpoint: {checkpoint} cannot be read ({error.strerror})") from error
    if sha256 != SHA256:
        raise TrainingError(
            f"--checkpoint: {checkpoint} has the SHA-256 {sha256}; the file of Resemblyzer 0.1.4 has {SHA256}"
        )
    try:
        import torch  # noqa: PLC0415  # only this command needs it
    except ImportError as error:
        raise TrainingError("--checkpoint: install torch to read this file, for this command only") from error
    state = torch.load(checkpoint, map_location="cpu", weights_only=True)["model_state"]
    return {name: tensor.numpy() for name, tensor in state.items()}
