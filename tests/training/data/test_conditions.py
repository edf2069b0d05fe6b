import numpy as np
import pytest

from app.core.audio import Signal
from testing.recordings import speech, tone
from training.data.conditions import AUGMENTATIONS, CONDITIONS, TEST_CONDITIONS

SPEECH = Signal(speech()[np.newaxis], 16_000)


def simulate(name: str, signal: Signal = SPEECH, seed: int = 1) -> Signal:
    return CONDITIONS[name](signal, np.random.default_rng(seed))


def level(signal: Signal, low: float, high: float) -> float:
    """Return the power density between two frequencies in Hz, in dB."""
    power = np.abs(np.fft.rfft(signal.samples[0].astype(np.float64), norm="forward")) ** 2
    frequencies = np.fft.rfftfreq(signal.samples.shape[1], 1 / signal.sampling_rate)
    return float(10 * np.log10(power[(frequencies >= low) & (frequencies < high)].mean() + 1e-12))


@pytest.mark.parametrize("name", [*TEST_CONDITIONS, *AUGMENTATIONS])
def test_every_condition_gives_a_signal_that_can_be_analyzed(name: str) -> None:
    for signal in (
        SPEECH,
        Signal(tone(0.5)[np.newaxis], 16_000),
        Signal(np.zeros((1, 8_000), np.float32), 8_000),
    ):
        result = simulate(name, signal)
        assert result.samples.dtype == np.float32
        assert np.isfinite(result.samples).all()
        assert result.duration == pytest.approx(signal.duration, rel=0.2)
        assert result.sampling_rate in {8_000, signal.sampling_rate}


@pytest.mark.parametrize("name", ["telephone", "call-1"])
def test_the_telephone_limits_the_band_and_the_resolution(name: str) -> None:
    telephone = simulate(name)
    assert telephone.sampling_rate == 8_000
    inside = level(telephone, 500, 2500) - level(SPEECH, 500, 2500)
    outside = level(telephone, 50, 150) - level(SPEECH, 50, 150)
    assert abs(inside) < 2
    assert outside < -10
    # Mu-law and A-law have 256 values.
    assert len(np.unique(telephone.samples)) <= 256


@pytest.mark.parametrize("decibels", [20, 10, 5])
def test_noise_has_the_stated_signal_to_noise_ratio(decibels: int) -> None:
    noise = simulate(f"noise-{decibels}").samples.astype(np.float64) - SPEECH.samples
    ratio = 10 * np.log10((SPEECH.samples.astype(np.float64) ** 2).sum() / (noise**2).sum())
    assert ratio == pytest.approx(decibels, abs=0.01)
    # The level of pink noise decreases by 3 dB per octave.
    pink = Signal(noise.astype(np.float32), 16_000)
    assert level(pink, 500, 1000) - level(pink, 2000, 4000) == pytest.approx(6, abs=1.5)


@pytest.mark.parametrize("name", AUGMENTATIONS)
def test_the_seed_determines_an_augmentation(name: str) -> None:
    np.testing.assert_array_equal(simulate(name).samples, simulate(name).samples)
    others = [simulate(name, seed=seed).samples for seed in range(2, 6)]
    assert not any(np.array_equal(simulate(name).samples, other) for other in others)


def test_a_change_of_speed_changes_the_pitch() -> None:
    voices = [simulate("voice-1", Signal(tone(1)[np.newaxis], 16_000), seed) for seed in range(8)]
    factors = [16_000 / voice.samples.shape[1] for voice in voices]
    for voice, factor in zip(voices, factors, strict=True):
        spectrum = np.abs(np.fft.rfft(voice.samples[0]))
        peak = np.argmax(spectrum) * 16_000 / voice.samples.shape[1]
        # The fundamental of the tone is 140 Hz. The harmonics are multiples of it.
        assert min(peak / (140 * factor) % 1, -peak / (140 * factor) % 1) < 0.05
    assert min(factors) < 0.95
    assert max(factors) > 1.05
