"""The measures of a call: of each party, and of all parties together.

A party is a row of the timeline: a channel, or a speaker of a channel. The answers of the service contain
these types as they are. `docs/measures.md` defines each measure.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from math import log2
from statistics import median
from typing import Annotated

from pydantic import Field

from app.calls.mood import Mood, mood_of, volatility_of
from app.calls.recovery import Recovery, recoveries_of
from app.calls.talk import TalkTime, talk_time
from app.calls.turns import (
    Interruption,
    Turn,
    find_interruptions,
    find_turns,
    longest_monologues,
    response_latencies,
)
from app.core.pitch import Pitch
from app.core.timeline import Timeline

SEMITONES = 12  # in an octave
TurnsPerMinute = Annotated[
    float | None, Field(description="the number of turns per minute of the call; null without audio")
]


@dataclass(frozen=True, slots=True)
class PitchRange:
    """The fundamental frequency of a voice."""

    low: Annotated[float, Field(description="the 10th percentile of the fundamental frequency, in Hz")]
    median: Annotated[float, Field(description="the 50th percentile, in Hz")]
    high: Annotated[float, Field(description="the 90th percentile, in Hz")]
    range: Annotated[float, Field(description="the interval from `low` to `high`, in semitones")]

    @classmethod
    def of(cls, pitch: Pitch) -> "PitchRange":
        """Compute the range of a pitch."""
        return cls(pitch.low, pitch.median, pitch.high, round(SEMITONES * log2(pitch.high / pitch.low), 2))


@dataclass(frozen=True, slots=True)
class PartyMeasures:
    """The measures of one party of a call."""

    talk_time: Annotated[float, Field(description="the duration of the speech, in seconds")]
    talk_share: Annotated[
        float | None,
        Field(description="the share of the speech of all parties; null without speech or with one party"),
    ]
    overlap: Annotated[
        float | None,
        Field(description="the seconds in which another party talks too; null with one party"),
    ]
    turns: Annotated[int, Field(description="the number of turns")]
    turns_per_minute: TurnsPerMinute
    longest_monologue: Annotated[
        float, Field(description="the duration of the longest monologue, in seconds; 0 without speech")
    ]
    interruptions: Annotated[
        int | None,
        Field(description="the number of times that the party interrupts another; null with one party"),
    ]
    interrupted: Annotated[
        int | None,
        Field(description="the number of times that the party is interrupted; null with one party"),
    ]
    response_latency: Annotated[
        float | None,
        Field(
            description="the median silence before the responses of the party, in seconds; null without any"
        ),
    ]
    loudness: Annotated[
        float | None, Field(description="the mean level of the speech, in dBov; null if it is unknown")
    ]
    pitch: Annotated[
        PitchRange | None,
        Field(description="the typical pitch of a segment; null if too little speech is voiced"),
    ]
    emotion: Annotated[Mood, Field(description="the course of the emotion of the party")]
    volatility: Annotated[
        float | None,
        Field(
            description="the mean change of the probabilities from segment to segment, 0 to 1; null for "
            "fewer than two segments"
        ),
    ]
    recoveries: Annotated[
        tuple[Recovery, ...] | None,
        Field(
            description="the periods of lasting anger; null without speech, or if the model has no labels "
            "`anger` and `neutral`"
        ),
    ]


@dataclass(frozen=True, slots=True)
class CallMeasures:
    """The measures of all analyzed parties of a call together."""

    talk_time: Annotated[float, Field(description="the seconds in which at least one party talks")]
    silence: Annotated[float, Field(description="the seconds in which nobody talks")]
    longest_silence: Annotated[
        float, Field(description="the longest uninterrupted silence of the call, in seconds")
    ]
    overlap: Annotated[
        float | None,
        Field(description="the seconds in which at least two parties talk; null with one party"),
    ]
    turns: Annotated[int, Field(description="the number of turns of all parties")]
    turns_per_minute: TurnsPerMinute
    longest_monologue: Annotated[
        float, Field(description="the duration of the longest monologue of all parties, in seconds")
    ]
    interruptions: Annotated[
        tuple[Interruption, ...] | None,
        Field(description="the interruptions in order of time; null with one party"),
    ]
    response_latency: Annotated[
        float | None,
        Field(description="the median silence before a response, in seconds; null without a response"),
    ]
    emotion: Annotated[Mood, Field(description="the course of the emotion of all parties together")]


@dataclass(frozen=True, slots=True)
class Measures:
    """The measures of a call and of its parties.

    Attributes:
        call: the measures of all parties together.
        parties: the measures of each party, in the order of the timeline.
    """

    call: CallMeasures
    parties: tuple[PartyMeasures, ...]


def measure(timeline: Timeline) -> Measures:
    """Measure a call.

    Args:
        timeline: the complete timeline of the call, without merged segments.

    Example:
        >>> from app.core.timeline import Segment
        >>> speech = (Segment(0.0, 2.0, {"anger": 0.7, "neutral": 0.3}),)
        >>> measure(Timeline(8.0, (ChannelTimeline(0, speech),))).call.silence
        6.0
    """
    parties = [channel.segments for channel in timeline.channels]
    turns = find_turns(parties)
    conversation = _Conversation(
        timeline,
        talk_time(parties, timeline.duration),
        turns,
        longest_monologues(parties, turns),
        find_interruptions(turns) if len(parties) > 1 else None,
        response_latencies(turns),
    )
    return Measures(
        _measure_call(conversation),
        tuple(_measure_party(conversation, party) for party in range(len(parties))),
    )


@dataclass(frozen=True, slots=True)
class _Conversation:
    """The parts of a conversation from which the measures follow.

    Attributes:
        timeline: the timeline of the call.
        talk: the times in which parties talk.
        turns: the turns of all parties, in order of their start.
        monologues: the longest monologue of each party, in seconds.
        interruptions: the interruptions; None with one party.
        latencies: the party and the latency of each response.
    """

    timeline: Timeline
    talk: TalkTime
    turns: Sequence[Turn]
    monologues: Sequence[float]
    interruptions: Sequence[Interruption] | None
    latencies: Sequence[tuple[int, float]]

    def per_minute(self, number: int) -> float | None:
        """Divide a number by the duration of the call."""
        return round(number * 60 / self.timeline.duration, 2) if self.timeline.duration else None

    def latency_of(self, parties: Collection[int]) -> float | None:
        """Return the median latency of the responses of some parties."""
        latencies = [seconds for party, seconds in self.latencies if party in parties]
        return round(median(latencies), 2) if latencies else None


def _measure_call(conversation: _Conversation) -> CallMeasures:
    """Measure all parties together."""
    timeline, talk, interruptions = conversation.timeline, conversation.talk, conversation.interruptions
    segments = sorted(
        (segment for channel in timeline.channels for segment in channel.segments),
        key=lambda segment: segment.start,
    )
    return CallMeasures(
        talk_time=talk.talk,
        silence=talk.silence,
        longest_silence=talk.longest_silence,
        overlap=None if interruptions is None else talk.overlap,
        turns=len(conversation.turns),
        turns_per_minute=conversation.per_minute(len(conversation.turns)),
        longest_monologue=max(conversation.monologues, default=0.0),
        interruptions=None if interruptions is None else tuple(interruptions),
        response_latency=conversation.latency_of(range(len(timeline.channels))),
        emotion=mood_of(segments, timeline.duration),
    )


def _measure_party(conversation: _Conversation, party: int) -> PartyMeasures:
    """Measure one party."""
    timeline, interruptions = conversation.timeline, conversation.interruptions
    channel = timeline.channels[party]
    speech = round(sum(one.speech_duration for one in timeline.channels), 2)
    n_turns = sum(turn.party == party for turn in conversation.turns)
    alone = interruptions is None
    return PartyMeasures(
        talk_time=channel.speech_duration,
        talk_share=None if alone or not speech else channel.speech_duration / speech,
        overlap=None if alone else conversation.talk.overlaps[party],
        turns=n_turns,
        turns_per_minute=conversation.per_minute(n_turns),
        longest_monologue=conversation.monologues[party],
        interruptions=None if interruptions is None else sum(one.by == party for one in interruptions),
        interrupted=None if interruptions is None else sum(one.of == party for one in interruptions),
        response_latency=conversation.latency_of([party]),
        loudness=channel.loudness,
        pitch=None if channel.pitch is None else PitchRange.of(channel.pitch),
        emotion=mood_of(channel.segments, timeline.duration),
        volatility=volatility_of(channel.segments),
        recoveries=recoveries_of(channel),
    )
