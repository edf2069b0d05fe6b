import numpy as np
import pytest
from numpy.typing import NDArray

from app.core.audio import Signal
from app.core.speech import SpeechDetector, _speech
from testing.recordings import ringing, speech


@pytest.fixture(scope="module")
def detector() -> SpeechDetector:
    return SpeechDetector()


def signal(samples: NDArray[np.floating], sampling_rate: int = 16_000) -> Signal:
    return Signal(samples.astype(np.float32)[np.newaxis], sampling_rate)


def noise(seconds: float, level: float = 0.01) -> NDArray[np.float64]:
    return np.asarray(np.random.default_rng(1).standard_normal(int(seconds * 16_000)) * level)


@pytest.mark.parametrize("peak", [1.0, 0.1, 0.0045])
def test_speech_is_speech_however_soft(detector: SpeechDetector, peak: float) -> None:
    assert detector.has_speech(signal(speech() * (peak / np.abs(speech()).max())))


@pytest.mark.parametrize(
    "samples",
    [np.zeros(16_000), np.full(16_000, 0.5), noise(3), ringing(3), noise(0.25), np.zeros(1)],
    ids=["silence", "a constant", "noise", "ringing", "a blink of noise", "one sample"],
)
def test_what_is_no_speech_is_none(detector: SpeechDetector, samples: NDArray[np.floating]) -> None:
    assert not detector.has_speech(signal(samples))
    assert not detector.detect(signal(samples)).any()


@pytest.mark.parametrize("sampling_rate", [8_000, 16_000, 44_100])
def test_speech_is_found_where_it_is(detector: SpeechDetector, sampling_rate: int) -> None:
    said = speech()
    samples = np.concatenate([noise(2, 1e-3), said, noise(3, 1e-3)])
    there = np.interp(np.arange(0, len(samples), 16_000 / sampling_rate), np.arange(len(samples)), samples)
    frames = detector.detect(signal(there, sampling_rate))
    assert len(frames) == int(signal(there, sampling_rate).duration / 0.01)
    start, end = 200, 200 + len(said) // 160
    assert frames[start:end].mean() > 0.7
    assert not frames[: start - 10].any()
    assert not frames[end + 10 :].any()


def test_what_is_hardly_speech_is_speech_only_next_to_what_is() -> None:
    """A run above the lower threshold counts where some chunk of it is above the higher one."""
    doubtful = np.array([0.1, 0.45, 0.4, 0.1, 0.4, 0.6, 0.4, 0.1], np.float32)
    assert _speech(doubtful).tolist() == [False] * 4 + [True] * 3 + [False]
