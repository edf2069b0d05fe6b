"""The measures of a call and of its parties. `docs/measures.md` of the service defines each of them."""

from dataclasses import dataclass, field


@dataclass(frozen=True, kw_only=True, slots=True)
class PitchRange:
    """The fundamental frequency of a voice.

    Attributes:
        low: the 10th percentile, in Hz.
        median: the 50th percentile, in Hz.
        high: the 90th percentile, in Hz.
        range: the interval from `low` to `high`, in semitones.
    """

    low: float
    median: float
    high: float
    range: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Peak:
    """The most probable segment of an emotion.

    Attributes:
        time: the start of the segment, in seconds from the start of the recording.
        probability: the probability of the emotion in this segment.
    """

    time: float
    probability: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Mood:
    """The course of the emotion of a party, or of all parties.

    Attributes:
        start: the mean probabilities in the first 30 s of speech; None without speech.
        end: the mean probabilities in the last 30 s of speech; None without speech.
        quarters: the mean probabilities in each quarter of the call; None without speech.
        trend: the change of each probability per minute; None with too little speech.
        peaks: the most probable segment of each emotion; empty without speech.
    """

    start: dict[str, float] | None = None
    end: dict[str, float] | None = None
    quarters: tuple[dict[str, float] | None, ...] = ()
    trend: dict[str, float] | None = None
    peaks: dict[str, Peak] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True, slots=True)
class Recovery:
    """A period of lasting anger.

    Attributes:
        anger: the start of the period, in seconds from the start of the recording.
        peak: the end of the segment in which anger is most probable.
        neutral: the start of the lasting return to neutral; None without a return.
        seconds: `neutral` minus `peak`; None without a return.
    """

    anger: float
    peak: float
    neutral: float | None = None
    seconds: float | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Interruption:
    """An interruption: a party begins while another party talks, and the other party stops first.

    Attributes:
        time: the start of the turn that interrupts, in seconds from the start of the recording.
        by: the index in `channels` of the party that interrupts.
        of: the index in `channels` of the party that is interrupted.
    """

    time: float
    by: int
    of: int


@dataclass(frozen=True, kw_only=True, slots=True)
class PartyMeasures:
    """The measures of one party of a call. None stands for a value that does not exist.

    Attributes:
        talk_time: the duration of the speech, in seconds.
        talk_share: the share of the speech of all parties.
        overlap: the seconds in which another party talks too.
        turns: the number of turns.
        turns_per_minute: the number of turns per minute of the call.
        longest_monologue: the duration of the longest monologue, in seconds.
        interruptions: the number of times that the party interrupts another.
        interrupted: the number of times that the party is interrupted.
        response_latency: the median silence before the responses of the party, in seconds.
        loudness: the mean level of the speech, in dBov.
        pitch: the typical pitch of a segment.
        emotion: the course of the emotion of the party.
        volatility: the mean change of the probabilities from segment to segment, 0 to 1.
        recoveries: the periods of lasting anger.
    """

    talk_time: float
    talk_share: float | None = None
    overlap: float | None = None
    turns: int
    turns_per_minute: float | None = None
    longest_monologue: float
    interruptions: int | None = None
    interrupted: int | None = None
    response_latency: float | None = None
    loudness: float | None = None
    pitch: PitchRange | None = None
    emotion: Mood = field(default_factory=Mood)
    volatility: float | None = None
    recoveries: tuple[Recovery, ...] | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class CallMeasures:
    """The measures of all parties of a call together. None stands for a value that does not exist.

    Attributes:
        talk_time: the seconds in which at least one party talks.
        silence: the seconds in which nobody talks.
        longest_silence: the longest uninterrupted silence, in seconds.
        overlap: the seconds in which at least two parties talk.
        turns: the number of turns of all parties.
        turns_per_minute: the number of turns per minute of the call.
        longest_monologue: the duration of the longest monologue, in seconds.
        interruptions: the interruptions, in order of time.
        response_latency: the median silence before a response, in seconds.
        emotion: the course of the emotion of all parties together.
    """

    talk_time: float
    silence: float
    longest_silence: float
    overlap: float | None = None
    turns: int
    turns_per_minute: float | None = None
    longest_monologue: float
    interruptions: tuple[Interruption, ...] | None = None
    response_latency: float | None = None
    emotion: Mood = field(default_factory=Mood)
