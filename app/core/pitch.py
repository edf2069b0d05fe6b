"""The pitch of a voice: percentiles of the fundamental frequency (F0).

The F0 of a frame is the lag at which the frame is most similar to itself, by normalized cross-correlation
(Talkin 1995, "A robust algorithm for pitch tracking"). A second pass searches only around the pitch of the
speaker in the first pass, which avoids octave errors (De Looze & Hirst 2008). `docs/measures.md` compares the
result with those of Praat and of a network.
"""

from dataclasses import dataclass
from math import ceil
from typing import cast

import numpy as np
from numpy.typing import NDArray

from app.core.audio import Signal, resample

SAMPLING_RATE = 8_000
"""Sampling rate in Hz. The telephone has it, and F0 needs no more."""

LOWEST, HIGHEST = 60.0, 500.0
"""The range of F0 in Hz, from a low male voice to an excited female voice. Our choice."""

WINDOW, HOP = 240, 160
"""Samples that are compared with a delayed copy of themselves (30 ms), and samples between frames (20 ms)."""

VOICED = 0.6
"""Minimum similarity of a voiced frame, from 0 to 1. Values from 0.5 to 0.65 give similar results."""

OCTAVE_COST = 0.01
"""Similarity that a candidate loses for each octave below `HIGHEST`, so that the first of two equal lags
leads. This is the value of Praat (Boersma 1993)."""

BELOW, ABOVE = 0.5, 1.5
"""The second pass searches from BELOW times the first quartile to ABOVE times the third. De Looze & Hirst
take 0.75 and 1.5; with 0.5, the low end of the pitch is closer to Praat."""

AUDIBLE = 25.0
"""A voiced frame is at most this number of dB below the strongest frame. Our choice."""

MIN_FRAMES = 5
"""Minimum number of voiced frames (100 ms) for percentiles. Our choice."""

_LONGEST_LAG, _SHORTEST_LAG = ceil(SAMPLING_RATE / LOWEST), int(SAMPLING_RATE / HIGHEST)
_N_LAGS = _LONGEST_LAG + 2  # from 0, with a neighbor of the longest
_FRAME = WINDOW + _N_LAGS - 1
_FFT = 384  # at least _FRAME, so that no positive lag wraps around

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Pitch:
    """The distribution of F0 over voiced speech.

    Attributes:
        low: the 10th percentile, in Hz.
        median: the 50th percentile, in Hz.
        high: the 90th percentile, in Hz.
    """

    low: float
    median: float
    high: float


def pitch_of(signal: Signal) -> Pitch | None:
    """Measure the pitch of a signal.

    Args:
        signal: a signal of one channel, at any sampling rate.

    Returns:
        The percentiles of F0, rounded to 0.1 Hz; None if less than 100 ms are voiced.

    Example:
        >>> seconds = np.arange(16_000) / 16_000
        >>> buzz = np.sin(2 * np.pi * 200 * seconds) + np.sin(2 * np.pi * 400 * seconds)
        >>> pitch_of(Signal(buzz.astype(np.float32)[np.newaxis], 16_000))
        Pitch(low=200.0, median=200.0, high=200.0)
    """
    voiced = fundamental_frequencies(resample(signal, SAMPLING_RATE).samples[0])
    if len(voiced) < MIN_FRAMES:
        return None
    low, median, high = np.round(np.percentile(voiced, [10, 50, 90]), 1).tolist()
    return Pitch(low, median, high)


def fundamental_frequencies(samples: NDArray[np.float32]) -> Floats:
    """Estimate the F0 of the voiced frames of a signal.

    Args:
        samples: the samples at 8 kHz, float32, shape (n,).

    Returns:
        The F0 of each voiced frame in Hz, shape (n_voiced,).
    """
    if len(samples) < _FRAME:
        return np.zeros(0)
    frames = np.lib.stride_tricks.sliding_window_view(samples, _FRAME)[::HOP]
    power = np.einsum("ij,ij->i", frames, frames, dtype=np.float64)
    similarity = _similarity(frames[power > power.max() * 10 ** (-AUDIBLE / 10)])
    voiced = _strongest(similarity, _SHORTEST_LAG, _LONGEST_LAG)
    if len(voiced) < MIN_FRAMES:
        return voiced
    first, third = np.percentile(voiced, [25, 75])
    shortest = max(int(SAMPLING_RATE / (ABOVE * third)), _SHORTEST_LAG)
    longest = min(ceil(SAMPLING_RATE / (BELOW * first)), _LONGEST_LAG)
    return _strongest(similarity, shortest, longest)


def _similarity(frames: NDArray[np.float32]) -> Floats:
    """Compute the normalized cross-correlation of each frame with itself, shape (n_frames, _N_LAGS)."""
    frames = frames - frames.mean(axis=1, keepdims=True)
    squares = np.cumsum(np.pad(frames.astype(np.float64) ** 2, ((0, 0), (1, 0))), axis=1)
    energy = squares[:, WINDOW:] - squares[:, :_N_LAGS]
    spectrum = np.fft.rfft(frames[:, :WINDOW], _FFT).conj() * np.fft.rfft(frames, _FFT)
    correlation = np.fft.irfft(spectrum, _FFT)[:, :_N_LAGS]
    return correlation / np.sqrt(np.maximum(energy[:, :1] * energy, 1e-20))


def _strongest(similarity: Floats, shortest: int, longest: int) -> Floats:
    """Return the F0 in Hz of each frame with a sufficient peak of the similarity between two lags."""
    lags = np.arange(shortest, longest + 1)
    before, inner, after = (similarity[:, lags + step] for step in (-1, 0, 1))
    candidate = (inner > VOICED) & (inner >= before) & (inner >= after)
    # A parabola through each peak and its neighbors: the peak lies between samples.
    curvature = np.minimum(before - 2 * inner + after, -1e-12)
    offsets = (before - after) / (2 * curvature)
    heights = inner - (before - after) * offsets / 4
    scores = np.where(candidate, heights - OCTAVE_COST * np.log2(lags), -np.inf)
    rows = np.flatnonzero(candidate.any(axis=1))
    best = scores[rows].argmax(axis=1)
    return cast("Floats", SAMPLING_RATE / (lags[best] + offsets[rows, best]))
