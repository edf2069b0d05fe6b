"""The conditions under which a recording is heard: clean, or through what comes between mouth and file.

A condition maps a signal to a signal. What is random in it is drawn from a generator that is
seeded by recording and condition, so that the same recording always sounds the same.

`telephone` and `noise-…` are fixed, to test with; the others are random, to train on: `voice-…` are
other voices (speed, gain, room), `line-…` other lines (noise and telephone on top), and `call-…` is
the recording itself by telephone, so that it means the same with and without.
"""

import io
from collections.abc import Callable
from functools import partial

import numpy as np
import soundfile
import soxr
from numpy.typing import NDArray
from scipy.signal import butter, fftconvolve, sosfilt

from app.core.audio import Signal

TELEPHONE_RATE = 8_000
TELEPHONE_BAND = (300.0, 3_400.0)  # Hz; ITU-T G.712
LAWS = ("ULAW", "ALAW")
TINY = 1e-30  # keeps silence from being divided by

Condition = Callable[[Signal, np.random.Generator], Signal]


def clean(signal: Signal, _random: np.random.Generator) -> Signal:
    """The recording as it is."""
    return signal


def telephone(signal: Signal, _random: np.random.Generator) -> Signal:
    """Through a telephone channel: 300 to 3400 Hz, 8 kHz, mu-law."""
    return _g711(_band_pass(_to_telephone_rate(signal)), "ULAW")


def noisy(signal: Signal, random: np.random.Generator, *, decibels: float) -> Signal:
    """With pink noise at a signal-to-noise ratio."""
    return _add_noise(signal, random, decibels, exponent=1.0)


def voice(signal: Signal, random: np.random.Generator) -> Signal:
    """As another voice might say it: faster and higher or slower and lower, nearer or farther."""
    signal = _change_speed(signal, np.exp(random.uniform(np.log(0.85), np.log(1.18))))
    if random.random() < 1 / 3:
        signal = _add_room(signal, random, seconds=random.uniform(0.1, 0.6), decibels=random.uniform(0, 12))
    return _change_gain(signal, random.uniform(-12, 6))


def line(signal: Signal, random: np.random.Generator) -> Signal:
    """As another voice over another line: `voice`, then noise, then mostly a telephone."""
    signal = voice(signal, random)
    if random.random() < 2 / 3:
        signal = _add_noise(signal, random, random.uniform(3, 30), exponent=random.uniform(0, 2))
    if random.random() < 3 / 4:
        signal = _to_telephone_rate(signal)
        if random.random() < 1 / 2:
            signal = _band_pass(signal)
        signal = _g711(signal, LAWS[random.integers(len(LAWS))])
    return signal


def call(signal: Signal, random: np.random.Generator) -> Signal:
    """Through a telephone channel whose band and law vary."""
    band = (random.uniform(200, 400), random.uniform(3_100, 3_700))
    return _g711(_band_pass(_to_telephone_rate(signal), band), LAWS[random.integers(len(LAWS))])


CONDITIONS: dict[str, Condition] = {
    "clean": clean,
    "telephone": telephone,
    **{f"noise-{decibels}": partial(noisy, decibels=decibels) for decibels in (20, 10, 5)},
    **{f"voice-{number}": voice for number in (1, 2)},
    **{f"line-{number}": line for number in (1, 2)},
    "call-1": call,
}
TEST_CONDITIONS = ("telephone", "noise-20", "noise-10", "noise-5")
AUGMENTATIONS = ("voice-1", "voice-2", "line-1", "line-2", "call-1")


def _change_speed(signal: Signal, factor: float) -> Signal:
    """Play faster, and so higher, by a factor: as from a shorter vocal tract."""
    samples = soxr.resample(signal.samples.T, signal.sampling_rate * factor, signal.sampling_rate)
    return Signal(np.ascontiguousarray(samples.T), signal.sampling_rate)


def _change_gain(signal: Signal, decibels: float) -> Signal:
    """Louder or softer; never so loud that it clips."""
    peak = max(float(np.abs(signal.samples).max()), TINY)
    return _with(signal, signal.samples * min(10 ** (decibels / 20), 1 / peak))


def _add_noise(signal: Signal, random: np.random.Generator, decibels: float, exponent: float) -> Signal:
    """Add noise whose power falls with frequency to the exponent (0 white, 1 pink, 2 brown)."""
    n_samples = signal.samples.shape[1]
    spectrum = np.fft.rfft(random.standard_normal(n_samples))
    spectrum[1:] *= np.arange(1, len(spectrum)) ** (-exponent / 2)
    spectrum[0] = 0
    noise = np.fft.irfft(spectrum, n_samples)
    power = float((signal.samples.astype(np.float64) ** 2).mean())
    scale = np.sqrt(power / 10 ** (decibels / 10) / max(float((noise**2).mean()), TINY))
    return _with(signal, signal.samples + scale * noise)


def _add_room(signal: Signal, random: np.random.Generator, seconds: float, decibels: float) -> Signal:
    """Add a room: noise that falls by 60 dB in the time given, `decibels` below the direct sound in all."""
    times = np.arange(1, int(seconds * signal.sampling_rate)) / signal.sampling_rate
    tail = random.standard_normal(times.size) * 10 ** (-3 * times / seconds)
    tail *= 10 ** (-decibels / 20) / np.sqrt((tail**2).sum())
    response = np.concatenate([[1.0], tail])[np.newaxis]
    return _with(signal, fftconvolve(signal.samples, response, axes=1)[:, : signal.samples.shape[1]])


def _to_telephone_rate(signal: Signal) -> Signal:
    samples = soxr.resample(signal.samples.T, signal.sampling_rate, TELEPHONE_RATE)
    return Signal(np.ascontiguousarray(samples.T), TELEPHONE_RATE)


def _band_pass(signal: Signal, band: tuple[float, float] = TELEPHONE_BAND) -> Signal:
    """Keep a band of frequencies, in Hz."""
    filters = butter(4, band, "bandpass", fs=signal.sampling_rate, output="sos")
    return _with(signal, sosfilt(filters, signal.samples, axis=1))


def _g711(signal: Signal, law: str) -> Signal:
    """Encode by ITU-T G.711 and decode again."""
    file = io.BytesIO()
    soundfile.write(file, np.clip(signal.samples.T, -1, 1), signal.sampling_rate, law, format="WAV")
    file.seek(0)
    samples, _ = soundfile.read(file, dtype="float32", always_2d=True)
    return Signal(np.ascontiguousarray(samples.T), signal.sampling_rate)


def _with(signal: Signal, samples: NDArray[np.floating]) -> Signal:
    """The signal with other samples."""
    return Signal(samples.astype(np.float32), signal.sampling_rate)
