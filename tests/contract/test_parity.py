"""Keras, ONNX and HTTP give the same probabilities."""

import json
from pathlib import Path

import keras
import numpy as np
import onnxruntime
import pytest
from fastapi.testclient import TestClient
from numpy.typing import NDArray

from app.core.audio import decode
from app.core.bundle import read_bundle
from app.core.features import FeatureConfig, FeatureExtractor
from app.core.recognizer import apply_temperature
from app.core.scaler import Scaler
from app.main import create_app
from app.settings import Settings
from testing.recordings import corpora
from tests.conftest import some_of_emodb
from training.__main__ import main
from training.models import load_model

FILES = ("03a01Fa", "03a01Nc", "08a05Ta", "13b09La", "16b10Wb")
PARITY = 1e-5

pytestmark = pytest.mark.usefixtures("unoptimized_graphs")


@pytest.fixture(scope="module")
def fused_runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("fused-runs")


@pytest.fixture(scope="module")
def fused(
    tmp_path_factory: pytest.TempPathFactory,
    fused_runs: Path,
    feature_cache: Path,
    unoptimized_graphs: None,  # noqa: ARG001  # before the training
) -> Path:
    """A small bundle of `fusion-clean`: all networks of all folds, on functionals and descriptors."""
    small = tmp_path_factory.mktemp("small") / "small.toml"
    small.write_text('model = "fusion-clean"\n[sequence-cnn]\nwidth = 16\nrefits = false\n')
    voices = some_of_emodb(tmp_path_factory.mktemp("voices"), ("03", "08", "13", "16"), 2)
    models = tmp_path_factory.mktemp("fused-models")
    arguments = ["train", "--name", "fused", "--corpus", f"csv={voices}", "--features", "emobase", "--calls"]
    arguments += ["--model", str(small), "--folds", "2", "--max-epochs", "1", "--export", "all-folds"]
    arguments += ["--models", str(models), "--runs", str(fused_runs), "--cache", str(feature_cache)]
    assert main([*arguments, "--test-conditions"]) == 0
    return models / "fused"


@pytest.fixture(scope="module")
def fused_run(fused: Path, fused_runs: Path) -> Path:
    """The folder of the run of `fused`, with a folder for each fold."""
    assert fused.is_dir()
    (run,) = fused_runs.iterdir()
    return run


@pytest.fixture(scope="module")
def recordings() -> list[bytes]:
    return [(corpora() / "emodb" / "audio" / f"{name}.flac").read_bytes() for name in FILES]


def combine_networks(run: Path, recordings: list[bytes]) -> NDArray[np.float64]:
    """Compute the probabilities without the exported graph.

    Each network has its own scaler. The result is the weighted mean of the logarithms of all networks.
    """
    load_model("fusion-clean")  # this import registers the custom layers with Keras
    extractor = FeatureExtractor(FeatureConfig("emobase"))
    features = [extractor.extract(decode(recording)) for recording in recordings]
    logarithms = []
    for fold in sorted(run.iterdir()):
        members = json.loads((fold / "result.json").read_text())["members"]
        functionals, descriptors = Scaler.from_json((fold / "scaler.json").read_text()).split(988)
        for file, weight in members.items():
            network = keras.models.load_model(fold / file, compile=False)
            inputs = [
                {
                    "features": functionals.transform(values.functionals)[np.newaxis],
                    "descriptors": descriptors.transform(values.descriptors)[np.newaxis],
                }
                for values in features
            ]
            names = [port.name for port in network.inputs]
            answers = [network({name: values[name] for name in names})[0] for values in inputs]
            logarithms.append(weight * np.log(answers))
    mean = np.exp(np.sum(logarithms, axis=0) / len(list(run.iterdir())))
    probabilities: NDArray[np.float64] = mean / mean.sum(axis=1, keepdims=True)
    return probabilities


def test_a_bundle_can_combine_the_networks_of_all_folds(fused: Path) -> None:
    manifest = read_bundle(fused).manifest
    assert manifest.chosen_folds == ("1", "2")
    assert "it has learned from every voice here" in (fused / "MODEL_CARD.md").read_text().replace("\n", " ")


def test_keras_onnx_and_http_agree(fused: Path, fused_run: Path, recordings: list[bytes]) -> None:
    bundle = read_bundle(fused)
    manifest = bundle.manifest
    assert manifest.features is not None
    assert manifest.features.level == "functionals and descriptors"
    assert manifest.chosen_folds == ("1", "2")
    by_keras = combine_networks(fused_run, recordings)

    extractor = FeatureExtractor(FeatureConfig("emobase"))
    functionals, descriptors = bundle.scaler.split(manifest.features.n_functionals)
    session = onnxruntime.InferenceSession(fused / "model.onnx")
    features = [extractor.extract(decode(recording)) for recording in recordings]
    by_onnx = np.concatenate(
        [
            session.run(
                None,
                {
                    "features": functionals.transform(values.functionals)[np.newaxis],
                    "descriptors": descriptors.transform(values.descriptors)[np.newaxis],
                },
            )[0]
            for values in features
        ]
    )

    settings = Settings(models_dir=fused.parent, default_model="fused", workers=1)
    with TestClient(create_app(settings)) as client:
        answers = [
            client.post("/v1/audio/emotions", files={"file": recording}).json()["probabilities"]
            for recording in recordings
        ]
    by_http = np.array([[answer[label] for label in manifest.labels] for answer in answers])

    np.testing.assert_allclose(by_onnx, by_keras, rtol=0, atol=PARITY)
    calibrated = apply_temperature(by_keras, manifest.temperature)
    np.testing.assert_allclose(by_http, calibrated, rtol=0, atol=PARITY)
    assert np.ptp(by_keras, axis=0).max() > 0.1, "answers that are all alike would prove nothing"
