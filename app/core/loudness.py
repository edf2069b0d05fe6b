"""The level of speech in a segment, similar to the active speech level of ITU-T P.56.

The pauses within a segment do not count: a frame counts only if its power is at most `MARGIN` below the mean.
"""

import math

import numpy as np

from app.core.audio import Signal

FRAME_SECONDS = 0.02
"""Duration of a frame, in seconds. Our choice."""

MARGIN = 15.9
"""The margin of P.56 between the level of the speech and the threshold of activity, in dB. P.56 compares an
envelope with a threshold relative to the result; this module compares frames with the mean of all frames."""


def loudness_of(signal: Signal) -> float | None:
    """Measure the level of the speech in a signal.

    Args:
        signal: a signal of one channel, at any sampling rate.

    Returns:
        The mean power of the frames with speech, in dBov, rounded to 0.1 dB. 0 dBov is the power of a
        full-scale square wave (ITU-T G.100.1). None if there is no complete frame, or only zeros.

    Example:
        >>> loudness_of(Signal(np.full((1, 1600), 0.1, np.float32), 16_000))
        -20.0
    """
    size = round(FRAME_SECONDS * signal.sampling_rate)
    n_frames = signal.samples.shape[1] // size
    frames = signal.samples[0, : n_frames * size].reshape(n_frames, size)
    powers = np.einsum("ij,ij->i", frames, frames, dtype=np.float64)
    if not powers.any():
        return None
    active = powers >= powers.mean() * 10 ** (-MARGIN / 10)
    return round(10 * math.log10(powers[active].mean() / size), 1)
