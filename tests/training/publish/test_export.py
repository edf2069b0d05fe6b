"""A bundle with an encoder gives the same answers as its head on extracted features."""

import keras
import numpy as np
import onnxruntime
import pytest
from keras import ops

from app.core.audio import Signal, decode
from app.core.bundle import OUTPUT
from app.core.log_mel import HOP, log_mel_spectrogram
from testing import bundles
from testing.recordings import EXAMPLE
from training.encoder.convert import encoder_path
from training.encoder.extractor import N_LAYERS, EncoderExtractor
from training.encoder.graph import N_STATISTICS, WIDTH
from training.publish.export import to_onnx, with_encoder

N_LABELS = len(bundles.LABELS)


@pytest.fixture(scope="module")
def head() -> keras.Model:
    """A head with random weights on statistics and states."""
    keras.utils.set_random_seed(1)
    statistics = keras.Input((N_LAYERS * N_STATISTICS * WIDTH,), name="features")
    states = keras.Input((None, N_LAYERS * WIDTH), name="descriptors")
    x = ops.concatenate([statistics, ops.mean(states, axis=1)], axis=1)
    probabilities = keras.layers.Dense(N_LABELS, activation="softmax")(x)
    return keras.Model({"descriptors": states, "features": statistics}, {OUTPUT: probabilities})


@pytest.fixture(scope="module")
def joined(head: keras.Model) -> onnxruntime.InferenceSession:
    facts = bundles.facts(inputs=("log_mel",))
    content = with_encoder(to_onnx(head, facts, []), encoder_path(N_LAYERS).read_bytes(), facts)
    return onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])


@pytest.mark.parametrize("n_frames", [25, 26, 157, 158, 160, 1_203])
def test_the_bundle_and_its_head_agree_for_every_length(
    head: keras.Model, joined: onnxruntime.InferenceSession, n_frames: int
) -> None:
    samples = np.resize(decode(EXAMPLE.read_bytes()).samples[0], n_frames * HOP)
    signal = Signal(samples[np.newaxis], 16_000)
    features = EncoderExtractor().extract(signal)
    scored = head(
        {
            "features": features.functionals[np.newaxis],
            "descriptors": features.descriptors[np.newaxis].astype(np.float32),
        }
    )[OUTPUT]
    (served,) = joined.run([OUTPUT], {"log_mel": log_mel_spectrogram(signal)[np.newaxis]})
    # The head is trained on states in half precision.
    np.testing.assert_allclose(served, scored, atol=1e-3)
    assert np.ptp(served) > 0.05, "answers that are all alike would prove nothing"
