import numpy as np
import pytest
from numpy.typing import NDArray

from app.core.audio import Signal, decode
from app.core.speech import CHUNK, SpeechDetector, State, _speech
from testing.recordings import EXAMPLE, ringing, speech


@pytest.fixture(scope="module")
def detector() -> SpeechDetector:
    return SpeechDetector()


def signal(samples: NDArray[np.floating], sampling_rate: int = 16_000) -> Signal:
    return Signal(samples.astype(np.float32)[np.newaxis], sampling_rate)


def noise(seconds: float, level: float = 0.01) -> NDArray[np.float64]:
    return np.asarray(np.random.default_rng(1).standard_normal(int(seconds * 16_000)) * level)


@pytest.mark.parametrize("peak", [1.0, 0.1, 0.0045])
def test_loud_and_soft_speech_is_detected(detector: SpeechDetector, peak: float) -> None:
    assert detector.has_speech(signal(speech() * (peak / np.abs(speech()).max())))


@pytest.mark.parametrize(
    "samples",
    [np.zeros(16_000), np.full(16_000, 0.5), noise(3), ringing(3), noise(0.25), np.zeros(1)],
    ids=["silence", "a constant", "noise", "ringing", "a blink of noise", "one sample"],
)
def test_noise_and_silence_contain_no_speech(detector: SpeechDetector, samples: NDArray[np.floating]) -> None:
    assert not detector.has_speech(signal(samples))
    assert not detector.detect(signal(samples)).any()


@pytest.mark.parametrize("sampling_rate", [8_000, 16_000, 44_100])
def test_speech_is_found_at_its_position(detector: SpeechDetector, sampling_rate: int) -> None:
    utterance = speech()
    samples = np.concatenate([noise(2, 1e-3), utterance, noise(3, 1e-3)])
    resampled = np.interp(
        np.arange(0, len(samples), 16_000 / sampling_rate), np.arange(len(samples)), samples
    )
    frames = detector.detect(signal(resampled, sampling_rate))
    assert len(frames) == int(signal(resampled, sampling_rate).duration / 0.01)
    start, end = 200, 200 + len(utterance) // 160
    assert frames[start:end].mean() > 0.7
    assert not frames[: start - 10].any()
    assert not frames[end + 10 :].any()


def test_doubtful_chunks_count_only_next_to_clear_speech() -> None:
    """A run above the lower threshold counts only if one of its chunks is above the higher threshold."""
    doubtful = np.array([0.1, 0.45, 0.4, 0.1, 0.4, 0.6, 0.4, 0.1], np.float32)
    assert _speech(doubtful).tolist() == [False] * 4 + [True] * 3 + [False]


def test_the_probabilities_are_those_of_the_published_network(detector: SpeechDetector) -> None:
    """The values are those of `silero_vad_16k_sequence.onnx` of silero-vad 6.2.3 for the first 12 chunks."""
    published = [0.841157, 0.961279, 0.99326, 0.999184, 0.999564, 0.999949]
    published += [0.999969, 0.999947, 0.197012, 0.930894, 0.993597, 0.999819]
    signal = decode(EXAMPLE.read_bytes())
    assert signal.sampling_rate == 16_000
    chunks = signal.samples[0, : 12 * CHUNK].reshape(12, CHUNK)
    first, state = detector.probabilities(chunks[:5], State())
    rest, _ = detector.probabilities(chunks[5:], state)
    assert np.concatenate([first, rest]) == pytest.approx(published, abs=1e-4)
