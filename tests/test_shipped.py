"""The bundles in `models/`, served as `make serve` serves them."""

import json
import os
import subprocess
import sys
import sysconfig
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from fastapi.testclient import TestClient

from app.core.audio import Signal, decode
from app.core.bundle import read_bundle
from app.core.manifest import Manifest
from app.core.recognizer import EmotionRecognizer
from app.main import create_app
from app.settings import Settings
from testing.programs import program
from testing.recordings import EXAMPLE, ROOT, corpora, encode, speech
from training.data.labels import EMOTIONS

MODELS = ("multilingual", "opensmile")


@pytest.fixture(scope="module")
def client() -> Iterator[TestClient]:
    with TestClient(create_app(Settings(models_dir=ROOT / "models", workers=1))) as client:
        yield client


def manifest_of(name: str) -> Manifest:
    return read_bundle(ROOT / "models" / name).manifest


@pytest.mark.parametrize("model", MODELS)
def test_each_bundle_answers_an_utterance(client: TestClient, model: str) -> None:
    answer = client.post(f"/v1/audio/emotions?model={model}", files={"file": EXAMPLE.read_bytes()}).json()
    assert answer["model"] == model
    assert tuple(answer["probabilities"]) == EMOTIONS
    assert sum(answer["probabilities"].values()) == pytest.approx(1)


@pytest.mark.parametrize(("model", "adapts"), [("multilingual", True), ("opensmile", False)])
def test_each_bundle_answers_a_call(client: TestClient, model: str, *, adapts: bool) -> None:
    pause = np.zeros(16_000, np.float32)
    parts = [part for name in ("03a01Fa", "03a01Nc") for part in (pause, speech(name))]
    call = encode(np.concatenate(parts))
    answer = client.post(
        f"/v1/audio/timeline?model={model}", content=call, headers={"Content-Type": "audio/wav"}
    )
    (channel,) = answer.json()["channels"]
    used = {segment["segments_used"] for segment in channel["segments"]}
    assert used == ({len(channel["segments"])} if adapts else {None})


def test_the_default_bundle_needs_no_opensmile() -> None:
    manifest = manifest_of("multilingual")
    assert set(manifest.input_shapes) == {"log_mel"}
    assert manifest.features is None
    assert manifest.adapts_to_speaker
    assert (ROOT / "models" / "multilingual" / "model.onnx").stat().st_size < 32_000_000


def test_the_opensmile_bundle_has_the_design_of_the_paper() -> None:
    manifest = manifest_of("opensmile")
    assert set(manifest.input_shapes) == {"features"}
    assert manifest.model == "paper-cnn"
    best = max(manifest.scores.folds, key=lambda fold: fold.validation_uar)
    assert manifest.chosen_folds == (best.fold,)


def test_clear_emotions_are_recognized() -> None:
    # The bundle was trained on these recordings. The test checks the path of the data, not the accuracy.
    recognizer = EmotionRecognizer(read_bundle(ROOT / "models" / "multilingual"))
    names = {"03a01Wa": "anger", "08a05Ta": "sadness", "03a01Nc": "neutral"}
    for name, emotion in names.items():
        recording = (corpora() / "emodb" / "audio" / f"{name}.flac").read_bytes()
        assert recognizer.recognize(decode(recording)).emotion == emotion


def test_an_utterance_longer_than_a_window_is_answered() -> None:
    recognizer = EmotionRecognizer(read_bundle(ROOT / "models" / "multilingual"))
    long = np.tile(speech("03a01Wa"), 9)
    assert len(long) > 12 * 16_000
    recognition = recognizer.recognize(Signal(long[np.newaxis], 16_000))
    assert recognition.emotion == "anger"


PROGRAM = """
import json, sys
from pathlib import Path
from app.core.audio import decode
from app.core.bundle import read_bundle
from app.core.recognizer import EmotionRecognizer
recognizer = EmotionRecognizer(read_bundle(Path("models/multilingual")))
for path in sys.argv[1:]:
    print(json.dumps(recognizer.recognize_speech(decode(Path(path).read_bytes())).probabilities))
"""


def test_another_processor_gives_the_same_answers() -> None:
    # Haswell has AVX2, but no AVX-512 or VNNI: ONNX Runtime uses other int8 kernels than on newer processors.
    # QEMU is slow, so the recordings are short.
    names = ("12a02Ac", "12a02Wc")
    paths = [str(corpora() / "emodb" / "audio" / f"{name}.flac") for name in names]
    # QEMU needs the interpreter itself. A virtual environment only has a link to it.
    packages = os.pathsep.join([str(ROOT), sysconfig.get_paths()["purelib"]])
    command = [program("qemu-x86_64"), "-cpu", "Haswell", str(Path(sys.executable).resolve()), "-S"]
    emulated = subprocess.run(
        [*command, "-c", PROGRAM, *paths],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": packages},
        capture_output=True,
        text=True,
        check=True,
    )
    recognizer = EmotionRecognizer(read_bundle(ROOT / "models" / "multilingual"))
    for path, line in zip(paths, emulated.stdout.splitlines(), strict=True):
        expected = recognizer.recognize_speech(decode(Path(path).read_bytes())).probabilities
        assert json.loads(line) == pytest.approx(expected, abs=1e-3)
