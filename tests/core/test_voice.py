import numpy as np
import pytest
from numpy.typing import NDArray

from app.core.audio import Signal
from app.core.loudness import loudness_of
from app.core.pitch import Pitch
from app.core.voice import mean_loudness, typical_pitch


def sine(amplitude: float, seconds: float = 1.0, sampling_rate: int = 16_000) -> NDArray[np.float32]:
    time = np.arange(int(seconds * sampling_rate)) / sampling_rate
    return (amplitude * np.sin(2 * np.pi * 200 * time)).astype(np.float32)


@pytest.mark.parametrize("sampling_rate", [8_000, 11_025, 48_000])
@pytest.mark.parametrize(("amplitude", "level"), [(1.0, -3.0), (0.1, -23.0), (0.001, -63.0)])
def test_the_level_of_a_sine(amplitude: float, level: float, sampling_rate: int) -> None:
    signal = Signal(sine(amplitude, sampling_rate=sampling_rate)[np.newaxis], sampling_rate)
    assert loudness_of(signal) == level


def test_pauses_do_not_count() -> None:
    spoken = np.concatenate([sine(0.1), sine(0.001, 2.0), sine(0.1)])
    assert loudness_of(Signal(spoken[np.newaxis], 16_000)) == -23.0


@pytest.mark.parametrize("n_samples", [0, 100, 16_000])
def test_zeros_have_no_level(n_samples: int) -> None:
    assert loudness_of(Signal(np.zeros((1, n_samples), np.float32), 16_000)) is None


def test_an_empty_party_has_no_voice() -> None:
    assert mean_loudness([]) is None
    assert mean_loudness([(None, 1.0)]) is None
    assert typical_pitch([(None, 1.0)]) is None


def test_a_long_segment_decides_the_typical_pitch() -> None:
    low, high = Pitch(90.0, 100.0, 110.0), Pitch(180.0, 200.0, 220.0)
    assert typical_pitch([(low, 5.0), (high, 2.0), (high, 2.0)]) == low
    assert typical_pitch([(low, 1.0), (high, 2.0), (high, 2.0)]) == high
