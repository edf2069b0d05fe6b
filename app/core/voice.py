"""Loudness and pitch over several segments, weighted by duration."""

import math
from bisect import bisect_left
from collections.abc import Iterable
from itertools import accumulate

from app.core.pitch import Pitch


def mean_loudness(parts: Iterable[tuple[float | None, float]]) -> float | None:
    """Return the level of the mean power of segments.

    Args:
        parts: the level in dBov, or None, and the duration in seconds of each segment.

    Returns:
        The level in dBov, rounded to 0.1 dB; None if no level is known.

    Example:
        >>> mean_loudness([(-20.0, 1.0), (-10.0, 1.0), (None, 5.0)])
        -12.6
    """
    known = [(10 ** (level / 10), seconds) for level, seconds in parts if level is not None]
    total = sum(seconds for _, seconds in known)
    if not total:
        return None
    return round(10 * math.log10(sum(power * seconds for power, seconds in known) / total), 1)


def typical_pitch(parts: Iterable[tuple[Pitch | None, float]]) -> Pitch | None:
    """Return the median over segments of each percentile of F0.

    The median resists the octave errors of single segments.

    Args:
        parts: the pitch, or None, and the duration in seconds of each segment.

    Returns:
        The percentiles in Hz; None if no pitch is known.

    Example:
        >>> typical_pitch([(Pitch(90, 100, 120), 2.0), (Pitch(95, 110, 140), 3.0), (None, 9.0)])
        Pitch(low=95, median=110, high=140)
    """
    known = [(pitch, seconds) for pitch, seconds in parts if pitch is not None]
    if not known:
        return None
    return Pitch(
        _weighted_median([(pitch.low, seconds) for pitch, seconds in known]),
        _weighted_median([(pitch.median, seconds) for pitch, seconds in known]),
        _weighted_median([(pitch.high, seconds) for pitch, seconds in known]),
    )


def _weighted_median(values: list[tuple[float, float]]) -> float:
    """Return the smallest value whose cumulative weight is at least half of the total."""
    ordered = sorted(values)
    cumulative = list(accumulate(weight for _, weight in ordered))
    return ordered[bisect_left(cumulative, cumulative[-1] / 2)][0]
