"""The log-mel spectrogram of a signal, as the Whisper encoder expects it.

The definition follows openai/whisper, `whisper/audio.py` (Radford et al. 2022, arXiv 2212.04356), without
the padding to 30 s. The mel scale is that of Slaney (Auditory Toolbox, 1998): linear up to 1 kHz,
logarithmic above. All filters have the same area.
"""

from functools import cache
from typing import cast

import numpy as np
from numpy.typing import NDArray

from app.core.audio import Signal
from app.core.errors import AudioTooShort

SAMPLING_RATE = 16_000
"""Hz."""

N_MELS = 80
WINDOW = 400  # samples; 25 ms
HOP = 160  # samples; 10 ms
SHORTEST = 1_600  # samples
RANGE = 8.0
"""Dynamic range in decades below the loudest value. Lower values are raised to this floor."""

SMALLEST = 1e-10  # avoids the logarithm of zero in silence
BREAK_HZ, BREAK_MEL = 1_000.0, 15.0  # the point at which Slaney's scale changes from linear to logarithmic
LOG_STEP = np.log(6.4) / 27  # step per mel above that point


def log_mel_spectrogram(signal: Signal) -> NDArray[np.float32]:
    """Compute the log-mel spectrogram of a signal.

    Args:
        signal: a signal of one channel, at 16 kHz, at least 0.1 s long.

    Returns:
        The spectrogram, float32, shape (n_samples // 160, 80): one frame every 10 ms, values about −1 to 2.

    Raises:
        ValueError: the signal has another sampling rate, or more than one channel.
        AudioTooShort: the signal is shorter than 0.1 s.
    """
    if signal.n_channels != 1 or signal.sampling_rate != SAMPLING_RATE:
        raise ValueError(f"one channel at {SAMPLING_RATE} Hz is needed: select and resample first")
    samples = signal.samples[0]
    if len(samples) < SHORTEST:
        raise AudioTooShort(f"The recording has {len(samples)} samples at 16 kHz; at least 0.1 s are needed.")
    log_power = np.log10(np.maximum(power_spectrum(samples) @ mel_filters(N_MELS), SMALLEST))
    log_power = np.maximum(log_power, log_power.max() - RANGE)
    return cast("NDArray[np.float32]", ((log_power + 4) / 4).astype(np.float32))


def power_spectrum(samples: NDArray[np.float32]) -> NDArray[np.float32]:
    """Compute the power of each frequency in frames of 25 ms, one every 10 ms.

    Args:
        samples: the samples at 16 kHz, shape (n_samples,), at least 201.

    Returns:
        The power, float32, shape (n_samples // 160, 201).
    """
    padded = np.pad(samples, WINDOW // 2, mode="reflect")
    n_frames = len(samples) // HOP
    frames = np.lib.stride_tricks.sliding_window_view(padded, WINDOW)[: n_frames * HOP : HOP]
    spectrum = np.fft.rfft(frames * _window(), axis=1)
    return cast("NDArray[np.float32]", spectrum.real**2 + spectrum.imag**2)


@cache
def _window() -> NDArray[np.float32]:
    """Return a periodic Hann window."""
    return np.hanning(WINDOW + 1)[:-1].astype(np.float32)


@cache
def mel_filters(n_mels: int) -> NDArray[np.float32]:
    """Return the triangular filters of the mel bands from 0 to 8 kHz, shape (201, n_mels)."""
    edges = _to_hz(np.linspace(0, _to_mel(SAMPLING_RATE / 2), n_mels + 2))
    frequencies = np.linspace(0, SAMPLING_RATE / 2, WINDOW // 2 + 1)[:, np.newaxis]
    low, center, high = edges[:-2], edges[1:-1], edges[2:]
    rising, falling = (frequencies - low) / (center - low), (high - frequencies) / (high - center)
    triangles = np.maximum(0, np.minimum(rising, falling))
    return cast("NDArray[np.float32]", (triangles * 2 / (high - low)).astype(np.float32))


def _to_mel(hz: float) -> float:
    """Convert a frequency above 1 kHz to Slaney's mel scale."""
    return float(BREAK_MEL + np.log(hz / BREAK_HZ) / LOG_STEP)


def _to_hz(mel: NDArray[np.float64]) -> NDArray[np.float64]:
    """Convert values on Slaney's mel scale to Hz."""
    linear, logarithmic = mel * BREAK_HZ / BREAK_MEL, BREAK_HZ * np.exp(LOG_STEP * (mel - BREAK_MEL))
    return np.where(mel < BREAK_MEL, linear, logarithmic)
