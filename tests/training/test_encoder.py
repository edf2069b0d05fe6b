import json
import struct
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
from numpy.typing import NDArray

from app.core.audio import decode
from app.core.log_mel import log_mel_spectrogram
from testing.recordings import EXAMPLE
from training.__main__ import main
from training.encoder.convert import FOLDER, PROVENANCE, encoder_path
from training.encoder.extractor import N_LAYERS, EncoderExtractor
from training.encoder.graph import HALVED_AFTER, N_STATISTICS, WIDTH, build_encoder
from training.encoder.weights import Weights, read_weights

N_MELS, HIDDEN = 80, 2_048


@pytest.fixture(scope="module")
def weights() -> Weights:
    """Small random weights in the shapes of Whisper base."""
    random = np.random.default_rng(1)
    shapes: dict[str, tuple[int, ...]] = {"conv1": (WIDTH, N_MELS, 3), "conv2": (WIDTH, WIDTH, 3)}
    for layer in range(6):
        shapes_of_layer: dict[str, tuple[int, ...]] = {
            "qkv": (3 * WIDTH, WIDTH),
            "out": (WIDTH, WIDTH),
            "fc1": (HIDDEN, WIDTH),
            "fc2": (WIDTH, HIDDEN),
        }
        shapes_of_layer |= {"norm1": (WIDTH,), "norm2": (WIDTH,)}
        shapes |= {f"layers.{layer}.{name}": shape for name, shape in shapes_of_layer.items()}
    arrays = {f"{name}.weight": random.normal(0, 0.02, shape) for name, shape in shapes.items()}
    arrays |= {f"{name}.bias": random.normal(0, 0.02, shape[:1]) for name, shape in shapes.items()}
    arrays["positions.weight"] = random.normal(0, 0.02, (1_500, WIDTH))
    for layer in range(6):
        arrays[f"layers.{layer}.qkv.bias"][WIDTH : 2 * WIDTH] = 0  # the keys of Whisper have no bias
        for norm in ("norm1", "norm2"):
            arrays[f"layers.{layer}.{norm}.weight"] += 1
    return {name: array.astype(np.float16).astype(np.float32) for name, array in arrays.items()}


def encode_with_numpy(mel: NDArray[np.float32], weights: Weights, n_layers: int) -> list[NDArray[np.float64]]:
    """Return the states of each layer, computed with NumPy as in the paper."""

    def convolve(x: NDArray[np.float64], name: str, stride: int) -> NDArray[np.float64]:
        padded = np.pad(x, ((1, 1), (0, 0)))
        windows = np.stack([padded[start : start + 3] for start in range(0, len(x), stride)])
        return gelu(np.einsum("tki,oik->to", windows, weights[f"{name}.weight"]) + weights[f"{name}.bias"])

    def linear(x: NDArray[np.float64], name: str) -> NDArray[np.float64]:
        return np.asarray(x @ weights[f"{name}.weight"].T + weights[f"{name}.bias"])

    def norm(x: NDArray[np.float64], name: str) -> NDArray[np.float64]:
        scaled = (x - x.mean(1, keepdims=True)) / np.sqrt(x.var(1, keepdims=True) + 1e-5)
        return np.asarray(scaled * weights[f"{name}.weight"] + weights[f"{name}.bias"])

    def gelu(x: NDArray[np.float64]) -> NDArray[np.float64]:
        from scipy.special import erf  # noqa: PLC0415

        return np.asarray(x * (1 + erf(x / np.sqrt(2))) / 2)

    x = convolve(convolve(mel.astype(np.float64), "conv1", 1), "conv2", 2)
    x = x + weights["positions.weight"][: len(x)]
    states = []
    for layer in range(n_layers):
        query, key, value = np.split(
            linear(norm(x, f"layers.{layer}.norm1"), f"layers.{layer}.qkv"), 3, axis=1
        )
        heads = [part.reshape(len(x), 8, 64).transpose(1, 0, 2) for part in (query, key, value)]
        scores = heads[0] @ heads[1].transpose(0, 2, 1) / 8
        powers = np.exp(scores - scores.max(-1, keepdims=True))
        mixed = (powers / powers.sum(-1, keepdims=True)) @ heads[2]
        x = x + linear(mixed.transpose(1, 0, 2).reshape(len(x), WIDTH), f"layers.{layer}.out")
        y = gelu(linear(norm(x, f"layers.{layer}.norm2"), f"layers.{layer}.fc1"))
        x = x + linear(y, f"layers.{layer}.fc2")
        states.append(x)
        if layer + 1 in HALVED_AFTER:
            x = x.reshape(-1, 2, WIDTH).mean(axis=1)
    return states


def pooled_states(layers: list[NDArray[np.float64]]) -> NDArray[np.float64]:
    """Return means over 80 ms, with the layers side by side."""
    n_states = len(layers[0]) // 4
    return np.concatenate([layer.reshape(n_states, -1, WIDTH).mean(axis=1) for layer in layers], axis=1)


def statistics_of(states: NDArray[np.floating]) -> NDArray[np.floating]:
    """Return moments, percentiles (nearest rank) and the size of the changes from state to state."""
    ordered, rank = np.sort(states, axis=0), round(0.1 * (len(states) - 1))
    changes = np.sqrt((np.diff(states, axis=0) ** 2).sum(axis=0) / max(len(states) - 1, 1))
    moments = [states.mean(axis=0), states.std(axis=0)]
    return np.concatenate([*moments, ordered[rank], ordered[-1 - rank], changes])


def test_the_graph_gives_the_states_and_statistics_of_the_paper(weights: Weights) -> None:
    session = onnxruntime.InferenceSession(build_encoder(weights, 4).SerializeToString())
    mel = np.random.default_rng(2).normal(0, 0.5, (90, N_MELS)).astype(np.float32)
    statistics, states = session.run(["statistics", "states"], {"log_mel": mel[np.newaxis]})
    expected = encode_with_numpy(mel[:88], weights, 4)  # whole multiples of 80 ms
    pooled = pooled_states(expected)
    np.testing.assert_allclose(states[0], pooled, atol=1e-4)
    np.testing.assert_allclose(statistics[0], statistics_of(pooled), atol=1e-4)


@pytest.mark.parametrize("n_frames", [10, 16, 31])
def test_statistics_of_the_shortest_signals_are_finite(weights: Weights, n_frames: int) -> None:
    session = onnxruntime.InferenceSession(build_encoder(weights, 1).SerializeToString())
    mel = np.random.default_rng(2).normal(0, 0.5, (1, n_frames, N_MELS)).astype(np.float32)
    statistics, states = session.run(["statistics", "states"], {"log_mel": mel})
    np.testing.assert_allclose(statistics[0], statistics_of(states[0]), atol=1e-5)


def test_a_long_signal_is_encoded_in_windows(weights: Weights) -> None:
    session = onnxruntime.InferenceSession(build_encoder(weights, 1).SerializeToString())
    mel = np.random.default_rng(3).normal(0, 0.5, (1, 2_001, N_MELS)).astype(np.float32)
    (statistics,) = session.run(["statistics"], {"log_mel": mel})
    windows = [encode_with_numpy(mel[0, start : start + 664], weights, 1)[0] for start in (0, 664, 1_328)]
    states = pooled_states([np.concatenate(windows)])
    np.testing.assert_allclose(statistics[0], statistics_of(states), atol=1e-4)


def to_ctranslate2(weights: Weights) -> bytes:
    """Return the weights in the format of CTranslate2."""
    names = {"conv1": "conv1", "conv2": "conv2", "positions": "position_encodings"}
    names_in_layer = {"norm1": "self_attention/layer_norm", "qkv": "self_attention/linear_0"}
    names_in_layer |= {
        "out": "self_attention/linear_1",
        "norm2": "ffn/layer_norm",
        "fc1": "ffn/linear_0",
        "fc2": "ffn/linear_1",
    }
    variables = []
    for name, array in weights.items():
        *prefix, module, kind = name.split(".")
        module_name = names[module] if not prefix else f"layer_{prefix[1]}/{names_in_layer[module]}"
        if "norm" in module:
            kind = {"weight": "gamma", "bias": "beta"}[kind]
        variables.append((f"encoder/{module_name}/{'encodings' if module == 'positions' else kind}", array))
    variables.append(("decoder/layer_norm/beta", np.zeros(3, np.float32)))

    def text(value: str) -> bytes:
        return struct.pack("<H", len(value) + 1) + value.encode() + b"\0"

    content = struct.pack("<I", 6) + text("WhisperSpec") + struct.pack("<II", 3, len(variables))
    for name, array in variables:
        data = array.astype(np.float16).tobytes()
        shape = struct.pack(f"<B{array.ndim}I", array.ndim, *array.shape)
        content += text(name) + shape + struct.pack("<BI", 4, len(data)) + data
    return content


def to_safetensors(weights: Weights) -> bytes:
    """Return the weights in the format of Hugging Face."""
    module_names = {"norm1": "self_attn_layer_norm", "out": "self_attn.out_proj", "norm2": "final_layer_norm"}
    tensors: dict[str, NDArray[np.float32]] = {}
    for name, array in weights.items():
        *prefix, module, kind = name.split(".")
        if module == "qkv":
            for part, values in zip("qkv", np.split(array, 3), strict=True):
                if (part, kind) != ("k", "bias"):
                    tensors[f"{'.'.join(prefix)}.self_attn.{part}_proj.{kind}"] = values
        else:
            module_name = "embed_positions" if module == "positions" else module_names.get(module, module)
            tensors[".".join([*prefix, module_name, kind])] = array
    header, data = {}, b""
    for name, array in tensors.items():
        offsets = [len(data), len(data) + array.nbytes]
        header[f"model.encoder.{name}"] = {"dtype": "F32", "shape": array.shape, "data_offsets": offsets}
        data += np.ascontiguousarray(array, np.float32).tobytes()
    text = json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + data


@pytest.mark.parametrize(
    ("name", "write"), [("model.bin", to_ctranslate2), ("model.safetensors", to_safetensors)]
)
def test_both_formats_give_the_same_weights(
    weights: Weights, name: str, write: "type[object]", tmp_path: Path
) -> None:
    import hashlib  # noqa: PLC0415

    content = write(weights)  # type: ignore[call-arg]
    (tmp_path / name).write_bytes(content)  # type: ignore[arg-type]
    read = read_weights(tmp_path / name, hashlib.sha256(content).hexdigest())  # type: ignore[arg-type]
    assert set(read) == set(weights)
    for key, array in weights.items():
        np.testing.assert_array_equal(read[key], array, err_msg=key)


@pytest.mark.parametrize(
    ("content", "arguments", "reason"),
    [
        (b"other", [], "its SHA-256 is"),
        (
            b"other",
            ["--sha256", "d9298a10d1b0735837dc4bd85dac641b0f3cef27a47e5d53a54f2f3f5b2fcffa"],
            "neither a CTranslate2",
        ),
        (b"other", ["--layers", "7"], "has layers 1 to 6"),
        (None, [], "cannot be read"),
    ],
)
def test_bad_weights_are_reported_and_nothing_is_written(
    content: bytes | None,
    arguments: list[str],
    reason: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    if content is not None:
        (tmp_path / "model.bin").write_bytes(content)
    paths = ["--weights", str(tmp_path / "model.bin"), "--output", str(tmp_path / "out")]
    assert main(["encoder", *paths, *arguments]) == 1
    assert reason in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_the_shipped_encoder_matches_its_provenance() -> None:
    import hashlib  # noqa: PLC0415

    provenance = json.loads((FOLDER / PROVENANCE).read_text())
    assert provenance["n_layers"] == N_LAYERS
    assert provenance["encoder_sha256"] == hashlib.sha256(encoder_path(N_LAYERS).read_bytes()).hexdigest()
    assert max(provenance["error_of_each_layer"]) < 0.2
    assert "OpenAI" in (FOLDER / "whisper.LICENSE").read_text()


def test_the_extractor_gives_statistics_and_states() -> None:
    signal = decode(EXAMPLE.read_bytes())
    features = EncoderExtractor().extract(signal)
    n_frames = len(log_mel_spectrogram(signal))
    assert features.functionals.shape == (N_STATISTICS * N_LAYERS * WIDTH,)
    assert features.descriptors.shape == (n_frames // 8, N_LAYERS * WIDTH)
    assert np.isfinite(features.functionals).all()
