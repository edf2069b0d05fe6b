"""Keras, ONNX and HTTP give the same probabilities."""

from pathlib import Path

import keras
import numpy as np
import onnxruntime
import pytest
from fastapi.testclient import TestClient

from app.core.audio import decode
from app.core.bundle import INPUT, read_bundle
from app.core.features import FeatureConfig, FeatureExtractor
from app.core.recognizer import apply_temperature
from app.main import create_app
from app.settings import Settings
from tests.recordings import corpora

FILES = ("03a01Fa", "03a01Nc", "08a05Ta", "13b09La", "16b10Wb")
PARITY = 1e-5


@pytest.fixture(scope="module")
def recordings() -> list[bytes]:
    return [(corpora() / "emodb" / "audio" / f"{name}.flac").read_bytes() for name in FILES]


@pytest.fixture(scope="module")
def scaled(german: Path, recordings: list[bytes]) -> np.ndarray[tuple[int, int], np.dtype[np.float32]]:
    extractor = FeatureExtractor(FeatureConfig("emobase"))
    features = np.stack([extractor.extract(decode(recording)) for recording in recordings])
    return read_bundle(german).scaler.transform(features)


def test_keras_onnx_and_http_agree(
    german: Path,
    runs: Path,
    recordings: list[bytes],
    scaled: np.ndarray[tuple[int, int], np.dtype[np.float32]],
) -> None:
    manifest = read_bundle(german).manifest
    (run,) = runs.iterdir()
    network = keras.models.load_model(run / f"fold-{manifest.chosen_fold}" / "network.keras", compile=False)
    by_keras = network.predict(scaled, verbose=0)

    session = onnxruntime.InferenceSession(german / "model.onnx")
    by_onnx = session.run(None, {INPUT: scaled})[0]

    settings = Settings(models_dir=german.parent, default_model="german", workers=1)
    with TestClient(create_app(settings)) as client:
        answers = [
            client.post("/v1/audio/emotions", files={"file": recording}).json()["probabilities"]
            for recording in recordings
        ]
    by_http = np.array([[answer[label] for label in manifest.labels] for answer in answers])

    np.testing.assert_allclose(by_onnx, by_keras, rtol=0, atol=PARITY)
    by_temperature = apply_temperature(by_keras, manifest.temperature)
    np.testing.assert_allclose(by_http, by_temperature, rtol=0, atol=PARITY)
    assert np.ptp(by_keras, axis=0).max() > 0.1, "answers that are all alike would prove nothing"
