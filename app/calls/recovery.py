"""Periods of lasting anger, and the time until the party is neutral again.

Recovery time is a part of affective chronometry (Davidson 1998, doi 10.1080/026999398379628). A change
lasts if it is a turning point of `app.core.timeline`.
"""

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

from pydantic import Field

from app.core.timeline import STAYS, ChannelTimeline, Segment, leading, take, weigh

ANGER, NEUTRAL = "anger", "neutral"


@dataclass(frozen=True, slots=True)
class Recovery:
    """A period of lasting anger, and the return to neutral. Times are in seconds from the start."""

    anger: Annotated[float, Field(description="the start of the period")]
    peak: Annotated[float, Field(description="the end of the segment in which anger is most probable")]
    neutral: Annotated[
        float | None, Field(description="the start of the lasting return to neutral; null without a return")
    ]
    seconds: Annotated[float | None, Field(description="`neutral` minus `peak`; null without a return")]


def recoveries_of(channel: ChannelTimeline) -> tuple[Recovery, ...] | None:
    """Find the periods of lasting anger of a party, and the times of their lasting return to neutral.

    Args:
        channel: the timeline of the party.

    Returns:
        The periods, in order of time; None without speech, or if the labels lack anger or neutral.
    """
    segments = [segment for segment in channel.segments if segment.emotion is not None]
    if not segments or not {ANGER, NEUTRAL} <= segments[0].probabilities.keys():
        return None
    starts = [segment.start for segment in segments]
    recoveries = []
    anger: float | None = None
    for time, emotion in _lasting_emotions(channel, segments):
        if emotion == ANGER and anger is None:
            anger = time
        elif emotion == NEUTRAL and anger is not None:
            angry = segments[bisect_left(starts, anger) : bisect_left(starts, time)]
            recoveries.append(_recovery(anger, angry, time))
            anger = None
    if anger is not None:
        recoveries.append(_recovery(anger, segments[bisect_left(starts, anger) :], None))
    return tuple(recoveries)


def _lasting_emotions(channel: ChannelTimeline, segments: Sequence[Segment]) -> list[tuple[float, str]]:
    """Return the time and the emotion of the first lasting emotion and of each turning point."""
    points = channel.turning_points
    if points:
        first = points[0].before
    else:
        ahead = take(segments, STAYS)
        if ahead is None:
            return []
        first = leading(weigh(ahead))
    return [(segments[0].start, first), *((point.time, point.after) for point in points)]


def _recovery(anger: float, segments: Sequence[Segment], neutral: float | None) -> Recovery:
    """Describe a period of anger from its segments."""
    peak = max(segments, key=lambda segment: segment.probabilities[ANGER]).end
    return Recovery(anger, peak, neutral, None if neutral is None else round(neutral - peak, 2))
