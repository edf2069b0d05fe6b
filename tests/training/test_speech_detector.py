"""The conversion of Silero's network."""

from argparse import Namespace
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
from numpy.typing import NDArray

from training.__main__ import VERBS, main
from training.encoder.speech_detector import build, convert_speech_detector
from training.errors import TrainingError

Weights = dict[str, NDArray[np.float32]]
Array = NDArray[np.float32]
SHAPES = {
    "stft.forward_basis_buffer": (258, 1, 256),
    "encoder.0.weight": (128, 129, 3),
    "encoder.1.weight": (64, 128, 3),
    "encoder.2.weight": (64, 64, 3),
    "encoder.3.weight": (128, 64, 3),
    "onnx::LSTM_209": (1, 512, 128),
    "onnx::LSTM_210": (1, 512, 128),
    "onnx::LSTM_211": (1, 1024),
    "output.weight": (1, 128, 1),
    "output.bias": (1,),
}


@pytest.fixture
def weights() -> Weights:
    """Random weights of the published shapes."""
    random = np.random.default_rng(1)
    shapes = SHAPES | {f"encoder.{layer}.bias": (n,) for layer, n in enumerate((128, 64, 64, 128))}
    weights = {name: random.normal(0, 0.08, shape).astype(np.float32) for name, shape in shapes.items()}
    weights["output.weight"] *= 10
    return weights


def sigmoid(values: Array) -> Array:
    return np.asarray(1 / (1 + np.exp(-values)), np.float32)


def expected(weights: Weights, chunks: Array) -> list[float]:
    """The probabilities by the definitions of the layers, for chunks of four frames: shape (n, 4, 256)."""
    hidden = cell = np.zeros(128, np.float32)
    probabilities = []
    for frames in chunks:
        real, imaginary = np.split(frames @ weights["stft.forward_basis_buffer"][:, 0].T, 2, axis=1)
        states = np.hypot(real, imaginary)
        for layer, stride in enumerate((1, 2, 2, 1)):
            padded = np.pad(states, ((1, 1), (0, 0)))
            windows = np.lib.stride_tricks.sliding_window_view(padded, 3, axis=0)[::stride]
            states = np.einsum("nit,oit->no", windows, weights[f"encoder.{layer}.weight"])
            states = np.maximum(states + weights[f"encoder.{layer}.bias"], 0)
        (state,) = states
        gates = weights["onnx::LSTM_209"][0] @ state + weights["onnx::LSTM_210"][0] @ hidden
        gates = gates + weights["onnx::LSTM_211"].reshape(2, 512).sum(axis=0)
        into, out, forget, new = np.split(gates, 4)
        cell = sigmoid(forget) * cell + sigmoid(into) * np.tanh(new)
        hidden = sigmoid(out) * np.tanh(cell)
        output = np.maximum(hidden, 0) @ weights["output.weight"][0] + weights["output.bias"]
        probabilities.append(float(sigmoid(output)[0]))
    return probabilities


def test_the_graph_computes_the_published_layers(weights: Weights) -> None:
    chunks = np.random.default_rng(2).normal(0, 0.3, (7, 4, 256)).astype(np.float32)
    model = build(weights).SerializeToString()
    session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
    state = np.zeros((1, 1, 128), np.float32)
    (probabilities,) = session.run(["speech_probs"], {"frames": chunks, "h": state, "c": state})
    assert probabilities == pytest.approx(expected(weights, chunks), abs=1e-5)
    assert np.ptp(probabilities) > 0.01, "answers that are all alike would prove nothing"


def test_another_file_is_refused_and_nothing_is_written(tmp_path: Path) -> None:
    source = tmp_path / "other.onnx"
    source.write_bytes(b"another file")
    with pytest.raises(TrainingError, match="SHA-256"):
        convert_speech_detector(source, tmp_path / "output")
    with pytest.raises(TrainingError, match="cannot be read"):
        convert_speech_detector(tmp_path / "missing.onnx", tmp_path / "output")
    assert not (tmp_path / "output").exists()


def test_an_interruption_does_not_promise_to_resume(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupt(_options: Namespace) -> None:
        raise KeyboardInterrupt

    monkeypatch.setitem(VERBS, "speech-detector", interrupt)
    assert main(["speech-detector", "--source", str(tmp_path)]) == 130
    assert capsys.readouterr().err.strip() == "interrupted; run the same command again to start again"
