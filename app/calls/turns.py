"""The turns of a conversation: who holds the floor, who interrupts whom, and how fast parties respond.

A party is a row of the timeline: a channel, or a speaker of a channel. `docs/measures.md` has the definitions
and their sources.
"""

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Annotated

from pydantic import Field

from app.core.timeline import Segment

PAUSE = 1.0
"""Seconds of silence that end a turn: the standard maximum silence of conversation (Jefferson 1989)."""

BACKCHANNEL = 1.0
"""Seconds below which a turn does not take the floor: mostly a backchannel such as "mhm" (Yngve 1970). The
limit is our choice."""

TERMINAL = 0.5
"""Seconds before the end of a turn in which another party may begin without an interruption. Most overlaps
end within a beat or two, that is, a syllable or two (Schegloff 2000). The number is our choice."""


@dataclass(frozen=True, slots=True)
class Turn:
    """A turn of one party.

    Attributes:
        start: the start, in seconds from the start of the recording.
        end: the end, in seconds from the start of the recording.
        party: the index of the party.
    """

    start: float
    end: float
    party: int

    @property
    def duration(self) -> float:
        """The duration with the pauses inside, in seconds."""
        return round(self.end - self.start, 2)


@dataclass(frozen=True, slots=True)
class Interruption:
    """An interruption: a party begins while another party talks, and the other party stops first."""

    time: Annotated[
        float,
        Field(
            description="the start of the turn that interrupts, in seconds from the start of the recording"
        ),
    ]
    by: Annotated[int, Field(description="the index in `channels` of the party that interrupts")]
    of: Annotated[int, Field(description="the index in `channels` of the party that is interrupted")]


def find_turns(parties: Sequence[Sequence[Segment]]) -> list[Turn]:
    """Join the segments of each party to turns.

    Args:
        parties: the segments of each party, in order of time.

    Returns:
        The turns of all parties, in order of their start.
    """
    starts = [[segment.start for segment in segments] for segments in parties]
    return sorted(
        (turn for party in range(len(parties)) for turn in _join(party, parties[party], starts)),
        key=lambda turn: turn.start,
    )


def longest_monologues(parties: Sequence[Sequence[Segment]], turns: Sequence[Turn]) -> list[float]:
    """Find the longest time that each party talks while the others give backchannels at most.

    Args:
        parties: the segments of each party, in order of time.
        turns: the turns of the parties.

    Returns:
        The duration of the longest monologue of each party, in seconds; 0 without speech.
    """
    starts: list[list[float]] = [[] for _ in parties]
    for turn in turns:
        if turn.duration >= BACKCHANNEL:
            starts[turn.party].append(turn.start)
    return [
        max((turn.duration for turn in _join(party, segments, starts)), default=0.0)
        for party, segments in enumerate(parties)
    ]


def find_interruptions(turns: Sequence[Turn]) -> list[Interruption]:
    """Find the interruptions.

    Args:
        turns: the turns of all parties, in order of their start.
    """
    return [
        Interruption(turn.start, turn.party, other.party)
        for turn, before in _with_turns_before(turns)
        for other in before
        if other.party != turn.party
        and round(other.end - turn.start, 2) >= TERMINAL
        and other.end < turn.end
        and turn.duration >= BACKCHANNEL
    ]


def response_latencies(turns: Sequence[Turn]) -> list[tuple[int, float]]:
    """Measure the silence between the turn of a party and the response of another party.

    A turn that begins while another party talks has no latency. A turn that follows another turn of the same
    party has none either.

    Args:
        turns: the turns of all parties, in order of their start.

    Returns:
        The index of the party that responds, and the latency in seconds, for each response.
    """
    latencies = []
    for turn, before in _with_turns_before(turns):
        last = max(before, key=lambda other: (other.end, other.party == turn.party), default=turn)
        if last.party != turn.party and last.end <= turn.start:
            latencies.append((turn.party, round(turn.start - last.end, 2)))
    return latencies


def _with_turns_before(turns: Sequence[Turn]) -> Iterator[tuple[Turn, tuple[Turn, ...]]]:
    """Yield each turn with the latest turn of each party that starts earlier."""
    latest: dict[int, Turn] = {}
    for _, group in groupby(turns, key=lambda turn: turn.start):
        together = list(group)
        before = tuple(latest.values())
        for turn in together:
            yield turn, before
        latest |= {turn.party: turn for turn in together}


def _join(party: int, segments: Sequence[Segment], starts: Sequence[Sequence[float]]) -> Iterator[Turn]:
    """Join the segments of a party over short pauses in which no other party starts.

    Args:
        party: the index of the party.
        segments: the segments of the party, in order of time.
        starts: for each party, the times at which speech of the party starts, in order.
    """
    if not segments:
        return
    others = [times for other, times in enumerate(starts) if other != party]
    start, end = segments[0].start, segments[0].end
    for segment in segments[1:]:
        other_began = any(bisect_left(times, end) < bisect_left(times, segment.start) for times in others)
        if other_began or round(segment.start - end, 2) >= PAUSE:
            yield Turn(start, end, party)
            start = segment.start
        end = segment.end
    yield Turn(start, end, party)
