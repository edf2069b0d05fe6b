"""Readers of the weights of Whisper's encoder in the published formats.

Both readers return the same names and arrays, so that the graph does not depend on the source:

    conv1, conv2         weight (512, n_inputs, 3), bias (512,)
    positions            weight (1500, 512)
    layers.<k>.norm1     weight, bias (512,), before the attention
    layers.<k>.qkv       weight (1536, 512), bias (1536,), for query, key and value
    layers.<k>.out       weight (512, 512), bias (512,)
    layers.<k>.norm2     weight, bias (512,), before the feed-forward network
    layers.<k>.fc1, fc2  weight, bias

The source of CTranslate2 defines its format in `python/ctranslate2/specs/model_spec.py`.
"""

import hashlib
import json
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from training.errors import TrainingError

Weights = dict[str, NDArray[np.float32]]

N_LAYERS = 6
"""The number of layers of the encoder of Whisper base (arXiv 2212.04356)."""

KNOWN_SHA256 = {
    "d01c3014881c9c6f3133c182f3d2887eb6ca1c789a7538c5c007196857a0a6a9": "CTranslate2, model.bin",
}
"""The files whose conversion was checked."""

_DTYPES = {0: np.float32, 4: np.float16}
_CTRANSLATE2 = {
    "conv1": "conv1",
    "conv2": "conv2",
    "position_encodings/encodings": "positions.weight",
    "self_attention/layer_norm": "norm1",
    "self_attention/linear_0": "qkv",
    "self_attention/linear_1": "out",
    "ffn/layer_norm": "norm2",
    "ffn/linear_0": "fc1",
    "ffn/linear_1": "fc2",
}
_SAFETENSORS = {
    "conv1": "conv1",
    "conv2": "conv2",
    "embed_positions": "positions",
    "self_attn_layer_norm": "norm1",
    "self_attn.out_proj": "out",
    "final_layer_norm": "norm2",
    "fc1": "fc1",
    "fc2": "fc2",
}


def read_weights(path: Path, sha256: str | None = None) -> Weights:
    """Read the encoder's weights.

    Args:
        path: the path of `model.bin` of a CTranslate2 conversion, or of `model.safetensors` of
            openai/whisper-base.
        sha256: the required SHA-256 of the file; None accepts `KNOWN_SHA256`.

    Returns:
        The arrays by name, float32.

    Raises:
        TrainingError: the file cannot be read, has another hash, or does not contain the encoder.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise TrainingError(f"{path}: cannot be read ({error.strerror})") from error
    found = hashlib.sha256(content).hexdigest()
    if found not in ({sha256} if sha256 else KNOWN_SHA256):
        wanted = sha256 or " or ".join(KNOWN_SHA256)
        raise TrainingError(
            f"{path}: its SHA-256 is {found}, not {wanted}. Download the file again, or give the hash of a "
            "file that you trust with --sha256"
        )
    try:
        weights = dict(_safetensors(content) if path.suffix == ".safetensors" else _ctranslate2(content))
    except (struct.error, ValueError, KeyError, UnicodeDecodeError) as error:
        raise TrainingError(f"{path}: neither a CTranslate2 model nor safetensors ({error})") from error
    _check(path, weights)
    return weights


def _ctranslate2(content: bytes) -> Iterator[tuple[str, NDArray[np.float32]]]:
    """Yield the encoder's variables from the binary format of CTranslate2, version 6."""
    place = 0

    def take(form: str) -> int:
        nonlocal place
        (value,) = struct.unpack_from("<" + form, content, place)
        place += struct.calcsize("<" + form)
        return int(value)

    def text() -> str:
        nonlocal place
        length = take("H")
        place += length
        return content[place - length : place - 1].decode()

    take("I"), text(), take("I")
    for _ in range(take("I")):
        name = text()
        shape = tuple(take("I") for _ in range(take("B")))
        dtype, n_bytes = take("B"), take("I")
        data, place = content[place : place + n_bytes], place + n_bytes
        if name.startswith("encoder/") and dtype in _DTYPES:
            known = _translate(name.removeprefix("encoder/"))
            if known:
                yield known, np.frombuffer(data, _DTYPES[dtype]).reshape(shape).astype(np.float32)


def _translate(name: str) -> str | None:
    """Return the name of a CTranslate2 variable in the result, or None if the encoder does not need it."""
    prefix = ""
    if name.startswith("layer_") and not name.startswith("layer_norm"):
        layer, _, name = name.partition("/")
        prefix = f"layers.{layer.removeprefix('layer_')}."
    if name in _CTRANSLATE2:
        return prefix + _CTRANSLATE2[name]
    module, _, kind = name.rpartition("/")
    kinds = {"weight": "weight", "bias": "bias", "gamma": "weight", "beta": "bias"}
    return f"{prefix}{_CTRANSLATE2[module]}.{kinds[kind]}" if module in _CTRANSLATE2 else None


def _safetensors(content: bytes) -> Iterator[tuple[str, NDArray[np.float32]]]:
    """Yield the encoder's tensors from a safetensors file with the names of Hugging Face's Whisper."""
    (length,) = struct.unpack_from("<Q", content)
    header: dict[str, Any] = json.loads(content[8 : 8 + length])
    dtypes = {"F32": np.float32, "F16": np.float16}

    def tensor(name: str) -> NDArray[np.float32]:
        entry = header[f"model.encoder.{name}"]
        start, stop = (8 + length + offset for offset in entry["data_offsets"])
        values = np.frombuffer(content[start:stop], dtypes[entry["dtype"]])
        return values.reshape(entry["shape"]).astype(np.float32)

    for theirs, ours in list(_SAFETENSORS.items())[:3]:
        for kind in ("weight",) if ours == "positions" else ("weight", "bias"):
            yield f"{ours}.{kind}", tensor(f"{theirs}.{kind}")
    for layer in range(N_LAYERS):
        for theirs, ours in list(_SAFETENSORS.items())[3:]:
            for kind in ("weight", "bias"):
                yield f"layers.{layer}.{ours}.{kind}", tensor(f"layers.{layer}.{theirs}.{kind}")
        parts = [f"layers.{layer}.self_attn.{part}_proj" for part in "qkv"]
        yield f"layers.{layer}.qkv.weight", np.concatenate([tensor(f"{part}.weight") for part in parts])
        # The key projection of Whisper has no bias.
        bias = [tensor(f"{part}.bias") for part in (parts[0], parts[2])]
        yield f"layers.{layer}.qkv.bias", np.concatenate([bias[0], np.zeros_like(bias[0]), bias[1]])


def _check(path: Path, weights: Weights) -> None:
    """Raise unless every array of Whisper base is present with the right shape."""
    width, hidden = 512, 2048
    layer = {"norm1": (width,), "qkv": (3 * width, width), "out": (width, width), "norm2": (width,)}
    layer |= {"fc1": (hidden, width), "fc2": (width, hidden)}
    shapes: dict[str, tuple[int, ...]] = {"conv1": (width, 80, 3), "conv2": (width, width, 3)}
    shapes |= {f"layers.{k}.{name}": shape for k in range(N_LAYERS) for name, shape in layer.items()}
    wanted = {f"{name}.weight": shape for name, shape in shapes.items()}
    wanted |= {f"{name}.bias": shape[:1] for name, shape in shapes.items()}
    wanted["positions.weight"] = (1500, width)
    for name, shape in wanted.items():
        if name not in weights:
            raise TrainingError(f"{path}: contains no {name}, so it is not the encoder of Whisper base")
        if weights[name].shape != shape:
            raise TrainingError(f"{path}: {name} has the shape {weights[name].shape}, not {shape}")
