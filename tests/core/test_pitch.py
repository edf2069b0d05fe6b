import numpy as np
import parselmouth
import pytest
from numpy.typing import NDArray

from app.core.audio import Signal, resample
from app.core.pitch import pitch_of
from testing.recordings import speech, tone


def voice(f0: NDArray[np.float64], sampling_rate: int) -> Signal:
    """Return a voice whose F0 follows a curve, from harmonics that fall by 6 dB an octave."""
    phase = 2 * np.pi * np.cumsum(f0) / sampling_rate
    samples = np.sum([np.sin(k * phase) / k for k in range(1, 11)], axis=0)
    return Signal((0.1 * samples)[np.newaxis].astype(np.float32), sampling_rate)


def semitones(first: float, second: float) -> float:
    return float(12 * np.log2(first / second))


@pytest.mark.parametrize("sampling_rate", [8_000, 16_000, 44_100])
@pytest.mark.parametrize("f0", [70.0, 121.3, 233.1, 420.0])
def test_a_constant_pitch(f0: float, sampling_rate: int) -> None:
    pitch = pitch_of(voice(np.full(sampling_rate, f0), sampling_rate))
    assert pitch is not None
    assert (pitch.low, pitch.median, pitch.high) == pytest.approx((f0,) * 3, rel=0.005)


def test_the_percentiles_of_a_rising_pitch() -> None:
    pitch = pitch_of(voice(np.linspace(100, 200, 48_000), 16_000))
    assert pitch is not None
    assert (pitch.low, pitch.median, pitch.high) == pytest.approx((110, 150, 190), rel=0.02)


def test_a_pitch_without_its_fundamental_as_on_the_telephone() -> None:
    time = np.arange(16_000) / 8_000
    samples = np.sum([np.sin(2 * np.pi * 110 * k * time) for k in range(3, 20)], axis=0)
    pitch = pitch_of(Signal((0.01 * samples)[np.newaxis].astype(np.float32), 8_000))
    assert pitch is not None
    assert pitch.median == pytest.approx(110, rel=0.01)


@pytest.mark.parametrize("samples", [np.zeros(16_000), np.random.default_rng(0).normal(0, 0.1, 16_000)])
def test_silence_and_noise_have_no_pitch(samples: NDArray[np.float64]) -> None:
    assert pitch_of(Signal(samples[np.newaxis].astype(np.float32), 16_000)) is None


@pytest.mark.parametrize("n_samples", [0, 1, 374, 750, 1_600])
def test_a_short_signal_has_no_pitch(n_samples: int) -> None:
    assert pitch_of(Signal(tone()[np.newaxis, :n_samples], 16_000)) is None


@pytest.mark.parametrize("name", ["03a01Fa", "03a01Nc", "03a01Wa"])
def test_the_pitch_of_speech_is_that_of_praat(name: str) -> None:
    signal = Signal(speech(name)[np.newaxis], 16_000)
    track = parselmouth.Sound(signal.samples[0].astype(np.float64), 16_000).to_pitch_ac(
        time_step=0.01, pitch_floor=60, pitch_ceiling=500
    )
    found = track.selected_array["frequency"]
    expected = np.percentile(found[found > 0], [10, 50, 90])
    for recording in (signal, resample(signal, 8_000)):
        pitch = pitch_of(recording)
        assert pitch is not None
        differences = [
            semitones(*pair) for pair in zip((pitch.low, pitch.median, pitch.high), expected, strict=True)
        ]
        assert np.abs(differences).max() < 1.5
