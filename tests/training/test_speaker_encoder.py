"""The conversion of the encoder of voices."""

from pathlib import Path

import numpy as np
import onnxruntime
import pytest
from numpy.typing import NDArray

from training.encoder.speaker_encoder import build, convert_speaker_encoder, quantize_layers
from training.errors import TrainingError

Weights = dict[str, NDArray[np.float32]]


@pytest.fixture
def weights() -> Weights:
    """Random weights of the right shapes."""
    random = np.random.default_rng(1)
    shapes: dict[str, tuple[int, ...]] = {"linear.weight": (256, 256), "linear.bias": (256,)}
    for layer in range(3):
        shapes |= {
            f"lstm.weight_ih_l{layer}": (1024, 40 if layer == 0 else 256),
            f"lstm.weight_hh_l{layer}": (1024, 256),
            f"lstm.bias_ih_l{layer}": (1024,),
            f"lstm.bias_hh_l{layer}": (1024,),
        }
    return {name: random.normal(0, 0.1, shape).astype(np.float32) for name, shape in shapes.items()}


def expected(weights: Weights, states: NDArray[np.float32]) -> NDArray[np.float32]:
    """The embedding by the definition of torch.nn.LSTM, for one signal of the shape (n_frames, 40)."""

    def sigmoid(values: NDArray[np.float32]) -> NDArray[np.float32]:
        return np.asarray(1 / (1 + np.exp(-values)), np.float32)

    for layer in range(3):
        hidden = cell = np.zeros(256, np.float32)
        outputs = []
        for state in states:
            gates = weights[f"lstm.weight_ih_l{layer}"] @ state + weights[f"lstm.bias_ih_l{layer}"]
            gates = gates + weights[f"lstm.weight_hh_l{layer}"] @ hidden + weights[f"lstm.bias_hh_l{layer}"]
            into, forget, new, out = np.split(gates, 4)
            cell = sigmoid(forget) * cell + sigmoid(into) * np.tanh(new)
            hidden = sigmoid(out) * np.tanh(cell)
            outputs.append(hidden)
        states = np.stack(outputs)
    embedding = np.maximum(weights["linear.weight"] @ states[-1] + weights["linear.bias"], 0)
    return np.asarray(embedding / np.linalg.norm(embedding), np.float32)


def run(model: bytes, spectra: NDArray[np.float32]) -> NDArray[np.float32]:
    session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
    return np.asarray(session.run(None, {"mel": spectra[np.newaxis]})[0][0])


def test_the_graph_computes_the_lstm_of_torch(weights: Weights) -> None:
    spectra = np.random.default_rng(2).random((30, 40)).astype(np.float32)
    model = build(weights)
    assert run(model.SerializeToString(), spectra) == pytest.approx(expected(weights, spectra), abs=1e-5)
    assert run(quantize_layers(model), spectra) @ expected(weights, spectra) > 0.99


def test_another_file_is_refused_and_nothing_is_written(tmp_path: Path) -> None:
    checkpoint = tmp_path / "pretrained.pt"
    checkpoint.write_bytes(b"another file")
    with pytest.raises(TrainingError, match="SHA-256"):
        convert_speaker_encoder(checkpoint, tmp_path / "output")
    with pytest.raises(TrainingError, match="cannot be read"):
        convert_speaker_encoder(tmp_path / "missing.pt", tmp_path / "output")
    assert not (tmp_path / "output").exists()
