"""A compact fingerprint of an utterance that level, codec and trimming hardly change.

The fingerprint holds correlations between the cepstral coefficients of the utterance, at the same time and
some frames later. A change of level and a linear filter only shift the coefficients (cepstral mean
normalization: Atal 1974, doi 10.1121/1.1914702), and a correlation does not depend on the position in time.
So a copy at another level, from another codec, or with shorter pauses at its ends has almost the same
fingerprint. Two different utterances can have similar fingerprints too: `training.data.duplicates` compares
their samples before it calls them copies.
"""

from typing import cast

import numpy as np
from numpy.typing import NDArray
from scipy.fft import dct

from app.core.audio import Signal, resample
from app.core.log_mel import SAMPLING_RATE, SHORTEST, mel_filters, power_spectrum

N_MELS = 24
BANDS = slice(2, 18)
"""The mel bands between 300 and 3,400 Hz, which every codec and telephone line keeps."""

PER_FRAME = 2
"""Frames of 10 ms whose mean power is one frame of the fingerprint."""

N_COEFFICIENTS = 10
"""The number of cepstral coefficients; the first one is the level of the frame. Not tuned."""

LAGS = (2, 5, 10)
"""The distances in time of the correlated coefficients, in frames of 20 ms. Not tuned."""

AUDIBLE = 1e-3
"""The power of a frame, relative to the loudest frame, above which it is part of the utterance. Pauses at
both ends do not count."""

FLOOR = 1e-4
"""The smallest power of a band, relative to the largest. It hides the background."""

SIZE = N_COEFFICIENTS * (N_COEFFICIENTS - 1) // 2 + len(LAGS) * N_COEFFICIENTS**2
"""The number of values of a fingerprint."""

Fingerprint = NDArray[np.float32]


def fingerprint(signal: Signal) -> Fingerprint | None:
    """Compute the fingerprint of an utterance.

    Args:
        signal: a signal of one channel, at any sampling rate.

    Returns:
        The fingerprint, float32, shape (345,), with a Euclidean norm of at most 1. None if the signal is
        silent, or has less than 0.2 s between its first and its last audible frame.
    """
    samples = resample(signal, SAMPLING_RATE).samples[0]
    if len(samples) < SHORTEST:
        return None
    powers = power_spectrum(samples) @ mel_filters(N_MELS)[:, BANDS]
    n_frames = len(powers) // PER_FRAME
    powers = powers[: n_frames * PER_FRAME].reshape(n_frames, PER_FRAME, -1).mean(axis=1)
    frames = powers.sum(axis=1)
    audible = np.flatnonzero(frames > frames.max() * AUDIBLE)
    if not len(audible) or audible[-1] - audible[0] < max(LAGS):
        return None
    powers = powers[audible[0] : audible[-1] + 1]
    cepstra = dct(np.log(np.maximum(powers, powers.max() * FLOOR)), norm="ortho")[:, :N_COEFFICIENTS]
    cepstra = cepstra - cepstra.mean(axis=0)
    cepstra /= cepstra.std(axis=0) + np.finfo(np.float32).tiny
    values = [(cepstra.T @ cepstra)[np.triu_indices(N_COEFFICIENTS, 1)]]
    values += [(cepstra[:-lag].T @ cepstra[lag:]).ravel() for lag in LAGS]
    joined = np.concatenate(values) / (len(cepstra) * np.sqrt(SIZE))
    return cast("Fingerprint", joined.astype(np.float32))
