"""Recording conditions: the clean recording, and simulated voices, rooms, noise and telephone lines.

A condition maps a signal to a signal. Its random values come from a generator that the caller seeds
with the recording and the condition, so that a recording always gives the same signal.

The conditions of tests have fixed settings: telephone, noise, a room, lost packets and codecs. The others are
random and augment the training data. `voice-…` simulates another voice (speed, gain, room). `line-…` adds
noise and a telephone line to another voice. `call-…` adds a telephone line alone, so that a model learns to
give the same answer with and without the line.

`docs/experiments.md` measures the augmentation ("Augmentation, level of features, fusion" and "How
descriptors vary together"). The ranges of the random values are not tuned.
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
from training.data.codecs import TELEPHONE_RATE, Codec, mp3, opus

TELEPHONE_BAND = (300.0, 3_400.0)
"""The band of a telephone line in Hz (ITU-T G.712)."""

LAWS = ("ULAW", "ALAW")
"""The companding laws of ITU-T G.711."""

PACKET = 0.02
"""The length of a packet in seconds, as most telephones send it. Not tuned."""

TINY = 1e-30
"""The lower limit of a divisor, so that silence causes no division by zero. Not tuned."""

Samples = NDArray[np.float32]
Condition = Callable[[Signal, np.random.Generator], Signal]


def clean(signal: Signal, _random: np.random.Generator) -> Signal:
    """Return the recording unchanged."""
    return signal


def telephone(signal: Signal, _random: np.random.Generator) -> Signal:
    """Simulate a telephone line: 300 to 3400 Hz, 8 kHz, mu-law."""
    return _g711(_band_pass(_to_telephone_rate(signal)), "ULAW")


def noisy(signal: Signal, random: np.random.Generator, *, decibels: float) -> Signal:
    """Add pink noise at a signal-to-noise ratio in dB."""
    return _add_noise(signal, random, decibels, exponent=1.0)


def voice(signal: Signal, random: np.random.Generator) -> Signal:
    """Simulate another voice: change speed with pitch, the gain and, in a third of cases, the room."""
    signal = _change_speed(signal, np.exp(random.uniform(np.log(0.85), np.log(1.18))))
    if random.random() < 1 / 3:
        signal = _add_room(signal, random, seconds=random.uniform(0.1, 0.6), decibels=random.uniform(0, 12))
    return _change_gain(signal, random.uniform(-12, 6))


def line(signal: Signal, random: np.random.Generator) -> Signal:
    """Simulate another voice on another line: `voice`, then often noise, then often a telephone line."""
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
    """Simulate a telephone line with a random band and a random companding law."""
    band = (random.uniform(200, 400), random.uniform(3_100, 3_700))
    return _g711(_band_pass(_to_telephone_rate(signal), band), LAWS[random.integers(len(LAWS))])


def room(signal: Signal, random: np.random.Generator) -> Signal:
    """Add the reverberation of a room, with a reverberation time of 0.5 s, 3 dB below the direct sound."""
    return _add_room(signal, random, seconds=0.5, decibels=3)


def lossy(signal: Signal, random: np.random.Generator) -> Signal:
    """Simulate a telephone line that loses 3 % of the packets."""
    line = telephone(signal, random)
    return _with(line, lose_packets(line.samples, random, 0.03))


def lose_packets(samples: Samples, random: np.random.Generator, share: float) -> Samples:
    """Silence a share of the packets at 8 kHz, as in a receiver without loss concealment.

    Args:
        samples: the samples, float32, shape (…, n).
        random: the generator of the losses, which are the same in all channels.
        share: the share of the packets, from 0 to 1.
    """
    n_samples, n_packet = samples.shape[-1], int(PACKET * TELEPHONE_RATE)
    lost = np.repeat(random.random(-(-n_samples // n_packet)) < share, n_packet)[:n_samples]
    return np.where(lost, np.float32(0), samples)


CONDITIONS: dict[str, Condition] = {
    "clean": clean,
    "telephone": telephone,
    **{f"noise-{decibels}": partial(noisy, decibels=decibels) for decibels in (20, 10, 5)},
    **{f"voice-{number}": voice for number in (1, 2)},
    **{f"line-{number}": line for number in (1, 2)},
    "call-1": call,
    "room": room,
    "packet-loss": lossy,
    "mp3-32": mp3(32).apply,
    "opus-16": opus(16).apply,
    "vorbis": Codec("OGG", "VORBIS", level=0.7).apply,
    "telephone-mp3-16": mp3(16, TELEPHONE_RATE).apply,
    "telephone-opus-16": opus(16, TELEPHONE_RATE).apply,
    "telephone-gsm": Codec("WAV", "GSM610", TELEPHONE_RATE).apply,
}
"""The conditions by name. The signal-to-noise ratios are not tuned."""

TEST_CONDITIONS = {
    "telephone": "by telephone: 300 to 3400 Hz, 8 kHz, G.711 mu-law",
    "noise-20": "with pink noise at 20 dB SNR",
    "noise-10": "with pink noise at 10 dB SNR",
    "noise-5": "with pink noise at 5 dB SNR",
    "room": "in a room: reverberation time 0.5 s, 3 dB below the direct sound",
    "packet-loss": "by telephone, with 3 % of the packets of 20 ms lost",
    "mp3-32": "MP3, 32 kbit/s",
    "opus-16": "Opus, 16 kbit/s",
    "vorbis": "Vorbis, quality 3",
    "telephone-mp3-16": "8 kHz, MP3, 16 kbit/s",
    "telephone-opus-16": "8 kHz, Opus, 16 kbit/s",
    "telephone-gsm": "8 kHz, GSM 6.10",
}
"""The conditions of the test parts beside `clean`, with a description for the model card. Not tuned."""

AUGMENTATIONS = ("voice-1", "voice-2", "line-1", "line-2", "call-1")
"""The conditions of the training data beside `clean`. Chosen in `docs/experiments.md`, "Augmentation, level
of features, fusion", and, for `call-1`, "How descriptors vary together"."""


def _change_speed(signal: Signal, factor: float) -> Signal:
    """Multiply speed and pitch by a factor; a factor above 1 resembles a shorter vocal tract."""
    samples = soxr.resample(signal.samples.T, signal.sampling_rate * factor, signal.sampling_rate)
    return Signal(np.ascontiguousarray(samples.T), signal.sampling_rate)


def _change_gain(signal: Signal, decibels: float) -> Signal:
    """Change the gain, and limit it so that no sample clips."""
    peak = max(float(np.abs(signal.samples).max()), TINY)
    return _with(signal, signal.samples * min(10 ** (decibels / 20), 1 / peak))


def colored_noise(n_samples: int, random: np.random.Generator, exponent: float) -> NDArray[np.float64]:
    """Make noise whose power falls with frequency to the exponent (0 white, 1 pink, 2 brown)."""
    spectrum = np.fft.rfft(random.standard_normal(n_samples))
    spectrum[1:] *= np.arange(1, len(spectrum)) ** (-exponent / 2)
    spectrum[0] = 0
    return np.fft.irfft(spectrum, n_samples)


def _add_noise(signal: Signal, random: np.random.Generator, decibels: float, exponent: float) -> Signal:
    """Add noise whose power falls with frequency to the exponent (0 white, 1 pink, 2 brown)."""
    noise = colored_noise(signal.samples.shape[1], random, exponent)
    power = float((signal.samples.astype(np.float64) ** 2).mean())
    scale = np.sqrt(power / 10 ** (decibels / 10) / max(float((noise**2).mean()), TINY))
    return _with(signal, signal.samples + scale * noise)


def _add_room(signal: Signal, random: np.random.Generator, seconds: float, decibels: float) -> Signal:
    """Add reverberation: noise that decays by 60 dB in `seconds`, `decibels` below the direct sound."""
    times = np.arange(1, int(seconds * signal.sampling_rate)) / signal.sampling_rate
    tail = random.standard_normal(times.size) * 10 ** (-3 * times / seconds)
    tail *= 10 ** (-decibels / 20) / np.sqrt((tail**2).sum())
    response = np.concatenate([[1.0], tail])[np.newaxis]
    return _with(signal, fftconvolve(signal.samples, response, axes=1)[:, : signal.samples.shape[1]])


def _to_telephone_rate(signal: Signal) -> Signal:
    """Resample to 8 kHz."""
    samples = soxr.resample(signal.samples.T, signal.sampling_rate, TELEPHONE_RATE)
    return Signal(np.ascontiguousarray(samples.T), TELEPHONE_RATE)


def _band_pass(signal: Signal, band: tuple[float, float] = TELEPHONE_BAND) -> Signal:
    """Apply a Butterworth band-pass filter with limits in Hz. Its order, 4, is not tuned."""
    filters = butter(4, band, "bandpass", fs=signal.sampling_rate, output="sos")
    return _with(signal, sosfilt(filters, signal.samples, axis=1))


def _g711(signal: Signal, law: str) -> Signal:
    """Encode and decode with ITU-T G.711."""
    file = io.BytesIO()
    soundfile.write(file, np.clip(signal.samples.T, -1, 1), signal.sampling_rate, law, format="WAV")
    file.seek(0)
    samples, _ = soundfile.read(file, dtype="float32", always_2d=True)
    return Signal(np.ascontiguousarray(samples.T), signal.sampling_rate)


def _with(signal: Signal, samples: NDArray[np.floating]) -> Signal:
    """Return a signal with other samples at the same sampling rate."""
    return Signal(samples.astype(np.float32), signal.sampling_rate)
