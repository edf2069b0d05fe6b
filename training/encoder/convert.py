"""`python -m training encoder`: convert published weights to the encoder that bundles contain.

Dynamic quantization converts the matrix products to int8, with one scale for each output and weights of 7
bits. Processors without VNNI add two products in 16 bits, which can overflow with weights of 8 bits. With
7 bits, the products are exact on every x86-64 processor. On speech, this is also the most accurate of the
four combinations (`docs/experiments.md`, "Quantization").
"""

import hashlib
import json
import tempfile
from importlib.metadata import version
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
from onnxruntime.quantization import QuantType, quantize_dynamic

from app.core.audio import decode, resample, select_channel
from app.core.files import write_whole
from app.core.log_mel import SAMPLING_RATE, log_mel_spectrogram
from training.encoder.graph import INPUT, STATES, build_encoder
from training.encoder.weights import N_LAYERS, read_weights
from training.errors import TrainingError

FOLDER = Path(__file__).parent
PROVENANCE = "provenance.json"
LARGEST_ERROR = 0.3
"""The limit of the error of a layer's states, relative to their standard deviation. Layer 4 of Whisper base
has 0.07. Not tuned."""


def encoder_path(n_layers: int, folder: Path = FOLDER) -> Path:
    """Return the path of the converted encoder."""
    return folder / f"whisper_base_{n_layers}.onnx"


def convert(weights: Path, n_layers: int, audio: Path, output: Path, sha256: str | None = None) -> None:
    """Convert the encoder to int8 and compare it with float32.

    Args:
        weights: the path of the published file; see `training.encoder.weights`.
        n_layers: the number of layers to keep.
        audio: the path of a recording of speech for the comparison.
        output: the folder of the encoder and its provenance.
        sha256: the required SHA-256 of the file of weights; None accepts the known files.

    Raises:
        TrainingError: a layer does not exist, the hash differs, or the error of int8 is too large. In these
            cases nothing is written.
        AudioError: the recording cannot be decoded.
    """
    if not 1 <= n_layers <= N_LAYERS:
        raise TrainingError(f"--layers {n_layers}: Whisper base has layers 1 to {N_LAYERS}")
    arrays = read_weights(weights, sha256)
    exact = build_encoder(arrays, n_layers).SerializeToString()
    small = quantize(exact)
    errors = compare(exact, small, audio, n_layers)
    if max(errors) > LARGEST_ERROR:
        raise TrainingError(
            f"int8 differs from float32 by {max(errors):.2f} standard deviations, more than "
            f"{LARGEST_ERROR}; nothing was written. Check the weights and the recording (--audio)"
        )
    provenance = {
        "model": "openai/whisper-base, encoder",
        "license": "MIT, whisper.LICENSE",
        "weights_sha256": hashlib.sha256(weights.read_bytes()).hexdigest(),
        "n_layers": n_layers,
        "encoder_sha256": hashlib.sha256(small).hexdigest(),
        "error_of_each_layer": [round(error, 4) for error in errors],
        "versions": {name: version(name) for name in ("numpy", "onnx", "onnxruntime")},
    }
    path = encoder_path(n_layers, output)
    write_whole(path, small)
    write_whole(output / PROVENANCE, (json.dumps(provenance, indent=2) + "\n").encode())
    listed = ", ".join(f"layer {layer}: {error:.3f}" for layer, error in enumerate(errors, start=1))
    print(f"wrote {path}, {len(small) / 1e6:.1f} MB; error of int8 in standard deviations: {listed}")


def quantize(model: bytes) -> bytes:
    """Quantize the matrix products with constant weights to int8.

    Args:
        model: the float32 graph.

    Returns:
        The int8 graph.
    """
    with tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder) / "float32.onnx", Path(folder) / "int8.onnx"
        source.write_bytes(model)
        quantize_dynamic(
            source,
            target,
            op_types_to_quantize=["MatMul"],
            weight_type=QuantType.QInt8,
            per_channel=True,
            reduce_range=True,
        )
        quantized = onnx.load(target)
    content: bytes = quantized.SerializeToString(deterministic=True)
    return content


def compare(exact: bytes, small: bytes, audio: Path, n_layers: int) -> list[float]:
    """Compare the states of two encoders.

    Args:
        exact: the encoder in float32.
        small: the encoder in int8.
        audio: the path of a recording of speech.
        n_layers: the number of layers of both encoders.

    Returns:
        The root mean square difference of each layer, relative to the standard deviation.
    """
    signal = resample(select_channel(decode(audio.read_bytes()), "mix"), SAMPLING_RATE)
    inputs = {INPUT: log_mel_spectrogram(signal)[np.newaxis]}
    states = [
        onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"]).run([STATES], inputs)[0][0]
        for model in (exact, small)
    ]
    layers = [np.split(of_model, n_layers, axis=1) for of_model in states]
    return [
        float(np.sqrt(np.mean((one - other) ** 2)) / one.std()) for one, other in zip(*layers, strict=True)
    ]
