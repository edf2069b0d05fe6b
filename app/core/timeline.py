"""The timeline of a call: segments, summaries and turning points of each channel."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from app.core.pitch import Pitch
from app.core.voice import mean_loudness, typical_pitch

Probabilities = dict[str, float]

STAYS = 10.0
"""Seconds of speech for which a new emotion must lead at a turning point: about three segments. A design
choice, not tuned."""


@dataclass(frozen=True, slots=True)
class Segment:
    """A segment of speech and its probabilities.

    Attributes:
        start: the start, in seconds from the start of the recording.
        end: the end, in seconds from the start of the recording.
        probabilities: the probabilities by label, with a sum of 1.
        segments_used: the number of segments of the speaker that the adaptation uses; None if the
            probabilities are not adapted.
        loudness: the level of the speech, in dBov; None if it is unknown.
        pitch: the percentiles of F0; None if too little speech is voiced.
        decided: whether the highest probability is high enough for an answer.
    """

    start: float
    end: float
    probabilities: Probabilities
    segments_used: int | None = None
    loudness: float | None = None
    pitch: Pitch | None = None
    decided: bool = True

    @property
    def emotion(self) -> str | None:
        """The most probable label; None if the segment is undecided."""
        return leading(self.probabilities) if self.decided else None

    @property
    def duration(self) -> float:
        """The duration, in seconds."""
        return round(self.end - self.start, 2)


@dataclass(frozen=True, slots=True)
class TurningPoint:
    """A lasting change of the leading emotion of a channel.

    Attributes:
        time: the time of the change, in seconds from the start of the recording.
        channel: the index of the channel.
        before: the leading label before the change.
        after: the leading label after the change.
        speaker: the index of the speaker on the channel; None unless speakers were separated.
    """

    time: float
    channel: int
    before: str
    after: str
    speaker: int | None = None


@dataclass(frozen=True, slots=True)
class ChannelTimeline:
    """The timeline of one channel, which is one speaker in a call.

    Attributes:
        channel: the index of the channel, counted from 0.
        segments: the segments, in order of time.
        role: the name of the channel, such as `agent`; None if it has none.
        speaker: the index of the speaker on the channel, counted from 0; None unless speakers were separated.
    """

    channel: int
    segments: tuple[Segment, ...]
    role: str | None = None
    speaker: int | None = None

    @property
    def speech_duration(self) -> float:
        """The total duration of speech, in seconds."""
        return round(sum(segment.duration for segment in self.segments), 2)

    @property
    def decided(self) -> tuple[Segment, ...]:
        """The segments with an emotion."""
        return tuple(segment for segment in self.segments if segment.decided)

    @property
    def emotion(self) -> str | None:
        """The most probable label over all decided speech; None if there is none."""
        return leading(self.probabilities) if self.decided else None

    @property
    def probabilities(self) -> Probabilities:
        """The mean probability of each label over the decided speech.

        If no segment is decided, it is the mean over all speech; empty if there is no speech.
        """
        segments = self.decided or self.segments
        return weigh(segments) if segments else {}

    @property
    def shares(self) -> Probabilities:
        """The share of the speech in which each label leads; empty if there is no speech.

        The shares and `undecided` add up to 1.
        """
        if not self.segments:
            return {}
        seconds = dict.fromkeys(self.segments[0].probabilities, 0.0)
        for segment in self.decided:
            seconds[leading(segment.probabilities)] += segment.duration
        total = sum(segment.duration for segment in self.segments)
        return {label: share / total for label, share in seconds.items()}

    @property
    def loudness(self) -> float | None:
        """The mean level of the speech, in dBov; None if it is unknown."""
        return mean_loudness((segment.loudness, segment.duration) for segment in self.segments)

    @property
    def pitch(self) -> Pitch | None:
        """The typical percentiles of F0 in a segment; None if too little speech is voiced."""
        return typical_pitch((segment.pitch, segment.duration) for segment in self.segments)

    @property
    def undecided(self) -> float:
        """The share of the speech in segments without an emotion; 0 if there is no speech."""
        total = sum(segment.duration for segment in self.segments)
        return sum(segment.duration for segment in self.segments if not segment.decided) / (total or 1.0)

    @property
    def turning_points(self) -> tuple[TurningPoint, ...]:
        """The changes to an emotion that leads for the next `STAYS` seconds of decided speech."""
        points: list[TurningPoint] = []
        current: str | None = None
        segments = self.decided
        for index, segment in enumerate(segments):
            ahead = take(segments[index:], STAYS)
            if ahead is None:
                break
            after = leading(weigh(ahead))
            if current is None:
                current = after
            elif after != current and segment.emotion == after:
                points.append(TurningPoint(segment.start, self.channel, current, after, self.speaker))
                current = after
        return tuple(points)


@dataclass(frozen=True, slots=True)
class Timeline:
    """The timeline of a recording.

    Attributes:
        duration: the duration of the recording, in seconds.
        channels: the timelines of the analyzed channels, in order.
        seconds: the time that each stage of the analysis took, by its name; empty for a live call.
    """

    duration: float
    channels: tuple[ChannelTimeline, ...]
    seconds: Mapping[str, float] = field(default_factory=dict, compare=False)

    @property
    def turning_points(self) -> tuple[TurningPoint, ...]:
        """The turning points of all channels, in order of time."""
        points = [point for channel in self.channels for point in channel.turning_points]
        return tuple(sorted(points, key=lambda point: point.time))


def leading(probabilities: Mapping[str, float]) -> str:
    """Return the most probable label."""
    return max(probabilities, key=probabilities.__getitem__)


def is_decided(probabilities: Mapping[str, float], min_confidence: float) -> bool:
    """Return whether the highest probability reaches the minimum for an answer.

    Example:
        >>> is_decided({"anger": 0.55, "neutral": 0.45}, min_confidence=0.6)
        False
    """
    return max(probabilities.values()) >= min_confidence


def weigh(segments: Sequence[Segment]) -> Probabilities:
    """Return the mean of the probabilities of segments, weighted by duration.

    Args:
        segments: the segments, at least one.
    """
    durations = [segment.duration for segment in segments]
    total = sum(durations)
    return {
        label: sum(
            segment.probabilities[label] * duration
            for segment, duration in zip(segments, durations, strict=True)
        )
        / total
        for label in segments[0].probabilities
    }


def take(segments: Iterable[Segment], seconds: float) -> list[Segment] | None:
    """Return the first segments that together last at least `seconds`; None if their total is shorter."""
    taken: list[Segment] = []
    total = 0.0
    for segment in segments:
        taken.append(segment)
        total += segment.duration
        if total >= seconds:
            return taken
    return None


def merge(segments: Iterable[Segment]) -> tuple[Segment, ...]:
    """Merge neighboring segments of the same emotion, and weight their probabilities by duration.

    A merged segment extends from the first start to the last end. Therefore it includes the pauses between
    its parts. Neighboring undecided segments merge into an undecided segment.
    """
    groups: list[list[Segment]] = []
    for segment in segments:
        if groups and groups[-1][-1].emotion == segment.emotion:
            groups[-1].append(segment)
        else:
            groups.append([segment])
    return tuple(
        Segment(
            group[0].start,
            group[-1].end,
            weigh(group),
            group[0].segments_used,
            mean_loudness((segment.loudness, segment.duration) for segment in group),
            typical_pitch((segment.pitch, segment.duration) for segment in group),
            group[0].decided,
        )
        for group in groups
    )
