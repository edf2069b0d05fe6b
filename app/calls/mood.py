"""The course of emotion over time: start, end, quarters, trend, peaks and volatility.

`docs/measures.md` has the definitions and their sources.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Annotated

from pydantic import Field

from app.core.timeline import Probabilities, Segment

EDGE = 30.0
"""Seconds of speech at the start and at the end of a call. Our choice: three times the speech that decides a
turning point."""

MIN_SPAN = 60.0
"""Minimum time in seconds from the first to the last segment of a trend, so that a slope per minute is no
extrapolation. Our choice."""


@dataclass(frozen=True, slots=True)
class Peak:
    """The segment in which an emotion is most probable."""

    time: Annotated[
        float, Field(description="the start of the segment, in seconds from the start of the recording")
    ]
    probability: Annotated[float, Field(description="the probability of the emotion in this segment")]


@dataclass(frozen=True, slots=True)
class Mood:
    """The course of emotion in a call. Segments without an emotion do not count."""

    start: Annotated[
        Probabilities | None,
        Field(description="the mean probabilities in the first 30 s of speech; null without speech"),
    ]
    end: Annotated[
        Probabilities | None,
        Field(description="the mean probabilities in the last 30 s of speech; null without speech"),
    ]
    quarters: Annotated[
        tuple[Probabilities | None, ...],
        Field(description="the mean probabilities in each quarter of the call; null without speech"),
    ]
    trend: Annotated[
        Probabilities | None,
        Field(
            description="the change of each probability per minute; null if the speech extends over less "
            "than 60 s"
        ),
    ]
    peaks: Annotated[
        dict[str, Peak], Field(description="the most probable segment of each emotion; empty without speech")
    ]


def mood_of(segments: Sequence[Segment], duration: float) -> Mood:
    """Measure the course of emotion in segments.

    Args:
        segments: the segments, in order of time.
        duration: the duration of the call, in seconds.
    """
    counted = [segment for segment in segments if segment.emotion is not None]
    return Mood(
        start=at_edge(counted),
        end=at_edge(reversed(counted)),
        quarters=by_quarter(counted, duration),
        trend=trend_of(counted),
        peaks=peaks_of(counted),
    )


def mean_of(parts: Iterable[tuple[Segment, float]]) -> Probabilities | None:
    """Return the mean probabilities of segments, weighted by seconds; None if the seconds add up to 0."""
    sums: Probabilities = {}
    total = 0.0
    for segment, seconds in parts:
        total += seconds
        for label, probability in segment.probabilities.items():
            sums[label] = sums.get(label, 0.0) + probability * seconds
    return {label: value / total for label, value in sums.items()} if total else None


def at_edge(segments: Iterable[Segment]) -> Probabilities | None:
    """Return the mean probabilities of the first `EDGE` seconds of speech.

    Args:
        segments: the segments in order of time, or in reverse order for the last seconds of speech. Of the
            segment that exceeds the limit, only a part counts.
    """
    parts, remaining = [], EDGE
    for segment in segments:
        if remaining <= 0:
            break
        parts.append((segment, min(segment.duration, remaining)))
        remaining -= segment.duration
    return mean_of(parts)


def by_quarter(segments: Sequence[Segment], duration: float) -> tuple[Probabilities | None, ...]:
    """Return the mean probabilities in each quarter of a call; None for a quarter without speech.

    Args:
        segments: the segments.
        duration: the duration of the call, in seconds.
    """
    edges = [duration * quarter / 4 for quarter in range(5)]
    return tuple(
        mean_of(
            (segment, seconds)
            for segment in segments
            if (seconds := min(segment.end, end) - max(segment.start, start)) > 0
        )
        for start, end in pairwise(edges)
    )


def trend_of(segments: Sequence[Segment]) -> Probabilities | None:
    """Return the slope of the probability of each label, per minute.

    Args:
        segments: the segments, in order of time.

    Returns:
        The slope of the least-squares line through the middles of the segments, weighted by duration; None if
        the segments extend over less than `MIN_SPAN`.
    """
    if not segments or segments[-1].end - segments[0].start < MIN_SPAN:
        return None
    weights = [segment.duration for segment in segments]
    minutes = [(segment.start + segment.end) / 120 for segment in segments]
    mean = sum(weight * time for weight, time in zip(weights, minutes, strict=True)) / sum(weights)
    deviations = [weight * (time - mean) for weight, time in zip(weights, minutes, strict=True)]
    variation = sum(one * (time - mean) for one, time in zip(deviations, minutes, strict=True))
    if not variation:
        return None
    return {
        label: sum(
            one * segment.probabilities[label] for one, segment in zip(deviations, segments, strict=True)
        )
        / variation
        for label in segments[0].probabilities
    }


def peaks_of(segments: Sequence[Segment]) -> dict[str, Peak]:
    """Return the first segment in which each label is most probable; empty without segments."""
    peaks = {}
    for label in segments[0].probabilities if segments else ():
        probability, start = max((segment.probabilities[label], -segment.start) for segment in segments)
        peaks[label] = Peak(-start, probability)
    return peaks


def volatility_of(segments: Sequence[Segment]) -> float | None:
    """Measure how much the probabilities of one party change from segment to segment.

    Args:
        segments: the segments of the party, in order of time.

    Returns:
        The mean total variation distance between consecutive segments, 0 to 1; None for fewer than two.
    """
    counted = [segment.probabilities for segment in segments if segment.emotion is not None]
    distances = [
        sum(abs(after[label] - before[label]) for label in before) / 2 for before, after in pairwise(counted)
    ]
    return sum(distances) / len(distances) if distances else None
