"""The time in which parties of a call talk, talk at once, or are silent."""

from collections.abc import Sequence
from dataclasses import dataclass

from app.core.timeline import Segment


@dataclass(frozen=True, slots=True)
class TalkTime:
    """Times of a call, in seconds.

    Attributes:
        talk: the time in which at least one party talks.
        silence: the time in which nobody talks.
        longest_silence: the longest time in which nobody talks.
        overlap: the time in which at least two parties talk.
        overlaps: for each party, the time in which the party talks and another party talks too.
    """

    talk: float
    silence: float
    longest_silence: float
    overlap: float
    overlaps: tuple[float, ...]


def talk_time(parties: Sequence[Sequence[Segment]], duration: float) -> TalkTime:
    """Measure the times of a call.

    Args:
        parties: the segments of each party. The segments of one party do not overlap.
        duration: the duration of the call, in seconds.
    """
    edges = sorted(
        (time, is_start, party)
        for party, segments in enumerate(parties)
        for segment in segments
        for time, is_start in ((segment.start, True), (segment.end, False))
    )
    talk = longest_silence = overlap = since = 0.0
    overlaps = [0.0] * len(parties)
    talking: set[int] = set()
    for time, is_start, party in edges:
        passed, since = time - since, time
        if not talking:
            longest_silence = max(longest_silence, passed)
        else:
            talk += passed
        if len(talking) > 1:
            overlap += passed
            for talker in talking:
                overlaps[talker] += passed
        if is_start:
            talking.add(party)
        else:
            talking.discard(party)
    return TalkTime(
        round(talk, 2),
        round(max(duration - talk, 0.0), 2),
        round(max(longest_silence, duration - since), 2),
        round(overlap, 2),
        tuple(round(seconds, 2) for seconds in overlaps),
    )
