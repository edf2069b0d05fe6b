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
        # MP3 adds up to 0.15 s at its ends.
        assert result.duration == pytest.approx(signal.duration, rel=0.2, abs=0.16)
        assert result.sampling_rate in {8_000, 16_000}


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


def test_lost_packets_are_silent() -> None:
    line, received = simulate("telephone").samples[0], simulate("packet-loss").samples[0]
    packets, lost = (one[: len(one) // 160 * 160].reshape(-1, 160) for one in (line, received))
    silent = ~lost.any(axis=1)
    assert 0 < silent.mean() < 0.1
    np.testing.assert_array_equal(lost[~silent], packets[~silent])


def test_a_room_adds_a_tail_that_decays_by_60_db_in_its_reverberation_time() -> None:
    click = np.zeros((1, 16_000), np.float32)
    click[0, 0] = 1
    tail = simulate("room", Signal(click, 16_000)).samples[0].astype(np.float64) ** 2
    assert 10 * np.log10(tail[1:].sum()) == pytest.approx(-3, abs=0.1)
    early, late = tail[800:1600].mean(), tail[4800:5600].mean()  # 0.25 s apart
    assert 10 * np.log10(early / late) == pytest.approx(30, abs=2)
    assert tail[8000:].max() < 1e-12


@pytest.mark.parametrize(("name", "kbits"), [("mp3-32", 32), ("opus-16", 16), ("telephone-gsm", 13)])
def test_a_codec_loses_detail_at_its_bit_rate(name: str, kbits: float) -> None:
    codec = CONDITIONS[name].__self__  # type: ignore[attr-defined]
    long = Signal(np.tile(SPEECH.samples, (1, 10)), 16_000)
    assert len(codec.encode(long)) * 8 / long.duration / 1000 == pytest.approx(kbits, rel=0.25)
    decoded = simulate(name)
    expected = SPEECH if decoded.sampling_rate == 16_000 else simulate("telephone")
    n = min(expected.samples.shape[1], decoded.samples.shape[1])
    assert n >= 0.98 * expected.samples.shape[1]
    assert not np.array_equal(decoded.samples[:, :n], expected.samples[:, :n])
    assert abs(level(decoded, 300, 2500) - level(SPEECH, 300, 2500)) < 2
