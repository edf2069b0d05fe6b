from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from app.core.audio import Signal, decode
from app.core.bundle import Bundle, read_bundle
from app.core.errors import AudioUndecodable, BundleError
from app.core.manifest import Level
from app.core.recognizer import EmotionRecognizer
from testing import bundles
from testing.recordings import EXAMPLE, speech, tone


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    return read_bundle(bundles.write(tmp_path_factory.mktemp("models")))


def with_features(bundle: Bundle, **changes: object) -> Bundle:
    assert bundle.manifest.features is not None
    features = bundle.manifest.features.model_copy(update=changes)
    return replace(bundle, manifest=bundle.manifest.model_copy(update={"features": features}))


def test_speech_gets_a_probability_for_each_label(bundle: Bundle) -> None:
    recognition = EmotionRecognizer(bundle).recognize(Signal(speech()[np.newaxis], 16_000))
    assert recognition.speech
    assert recognition.probabilities is not None
    assert tuple(recognition.probabilities) == bundles.LABELS
    assert sum(recognition.probabilities.values()) == pytest.approx(1, abs=1e-12)
    assert recognition.emotion == max(bundles.LABELS, key=recognition.probabilities.__getitem__)
    assert recognition.duration == len(speech()) / 16_000


@pytest.mark.parametrize("level", ["descriptors", "functionals and descriptors"])
def test_the_network_receives_the_levels_that_it_needs(tmp_path: Path, bundle: Bundle, level: Level) -> None:
    signal = Signal(speech()[np.newaxis], 16_000)
    other = EmotionRecognizer(read_bundle(bundles.write(tmp_path, level=level))).recognize(signal)
    assert other.probabilities is not None
    assert sum(other.probabilities.values()) == pytest.approx(1, abs=1e-12)
    assert other.probabilities != EmotionRecognizer(bundle).recognize(signal).probabilities


@pytest.mark.parametrize("level", [0.0, 0.5, 5e-4])
def test_a_signal_without_speech_gets_no_probabilities(bundle: Bundle, level: float) -> None:
    # Zeros, a constant, and a signal with a constant level of -66 dBFS.
    samples = np.full((1, 16_000), level, np.float32)
    if level == 5e-4:
        samples[:, ::2] *= -1
    recognition = EmotionRecognizer(bundle).recognize(Signal(samples, 16_000))
    assert (recognition.speech, recognition.emotion, recognition.probabilities) == (False, None, None)
    assert recognition.duration == 1.0


def test_temperature_softens_the_probabilities_and_keeps_their_order(tmp_path: Path, bundle: Bundle) -> None:
    with_temperature = read_bundle(bundles.write(tmp_path, temperature=2.0))
    signal = decode(EXAMPLE.read_bytes())
    plain = EmotionRecognizer(bundle).recognize(signal).probabilities
    softened = EmotionRecognizer(with_temperature).recognize(signal).probabilities
    assert plain is not None
    assert softened is not None
    # p^(1/T), normalized, is the softmax of the logits over T.
    roots = np.sqrt(list(plain.values()))
    np.testing.assert_allclose(list(softened.values()), roots / roots.sum(), rtol=1e-6)


def test_temperature_also_softens_the_scores_for_the_speaker(tmp_path: Path) -> None:
    signal = decode(EXAMPLE.read_bytes())
    bundle = bundles.write(tmp_path / "plain", inputs=("log_mel",), adapts=True)
    with_temperature = bundles.write(tmp_path / "soft", inputs=("log_mel",), adapts=True, temperature=2.0)
    plain = EmotionRecognizer(read_bundle(bundle)).recognize(signal).scores
    softened = EmotionRecognizer(read_bundle(with_temperature)).recognize(signal).scores
    assert plain is not None
    assert softened is not None
    np.testing.assert_allclose(np.array(softened.logits), np.array(plain.logits) / 2, rtol=1e-6)
    np.testing.assert_allclose(np.array(softened.offsets), np.array(plain.offsets) / 2, rtol=1e-6)


def test_a_signal_that_is_too_short_for_opensmile_is_refused(bundle: Bundle) -> None:
    with pytest.raises(AudioUndecodable, match="too short"):
        EmotionRecognizer(bundle).recognize_speech(Signal(tone(0.01)[np.newaxis], 16_000))


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"feature_set": "GeMAPS"}, "unknown feature set"),
        ({"names_sha256": "0" * 64}, "feature names"),
        ({"feature_set": "eGeMAPSv02"}, "feature names"),
    ],
)
def test_a_bundle_with_other_features_than_the_installation_is_refused(
    bundle: Bundle, changes: dict[str, object], reason: str
) -> None:
    with pytest.raises(BundleError, match=reason):
        EmotionRecognizer(with_features(bundle, **changes))
