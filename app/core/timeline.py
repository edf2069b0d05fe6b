"""The answer about a call: on each channel who felt what, and when."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

Probabilities = dict[str, float]

STAYS = 10.0
"""Seconds of speech over which an emotion has to lead for a turn to be one."""


@dataclass(frozen=True, slots=True)
class Segment:
    """A stretch of speech and what is heard in it.

    Attributes:
        start: in seconds from the start of the recording.
        end: in the same.
        probabilities: by label, adding up to 1.
        segments_used: how many segments of the speaker the adaptation rests on; None if the answer
            is not adapted.
    """

    start: float
    end: float
    probabilities: Probabilities
    segments_used: int | None = None

    @property
    def emotion(self) -> str:
        """The most probable label."""
        return leading(self.probabilities)

    @property
    def duration(self) -> float:
        """In seconds."""
        return round(self.end - self.start, 2)


@dataclass(frozen=True, slots=True)
class TurningPoint:
    """Where the leading emotion of a channel changes, and stays changed.

    Attributes:
        time: in seconds from the start of the recording.
        channel: whose emotion it is.
        before: the label that led.
        after: the label that leads from here on.
    """

    time: float
    channel: int
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class ChannelTimeline:
    """One channel: in a call, one speaker.

    Attributes:
        channel: its index from 0.
        segments: in order of time.
    """

    channel: int
    segments: tuple[Segment, ...]

    @property
    def speech_duration(self) -> float:
        """Seconds of speech."""
        return round(sum(segment.duration for segment in self.segments), 2)

    @property
    def probabilities(self) -> Probabilities:
        """The mean over all speech, by label; empty where nobody speaks."""
        return weigh(self.segments) if self.segments else {}

    @property
    def shares(self) -> Probabilities:
        """The share of the speech in whose segments a label leads; empty where nobody speaks."""
        if not self.segments:
            return {}
        seconds = dict.fromkeys(self.segments[0].probabilities, 0.0)
        for segment in self.segments:
            seconds[segment.emotion] += segment.duration
        total = sum(seconds.values())
        return {label: share / total for label, share in seconds.items()}

    @property
    def turning_points(self) -> tuple[TurningPoint, ...]:
        """Where the leading emotion changes and leads the next `STAYS` seconds of speech."""
        points: list[TurningPoint] = []
        current: str | None = None
        for index, segment in enumerate(self.segments):
            ahead = take(self.segments[index:], STAYS)
            if ahead is None:
                break
            after = leading(weigh(ahead))
            if current is None:
                current = after
            elif after != current and segment.emotion == after:
                points.append(TurningPoint(segment.start, self.channel, current, after))
                current = after
        return tuple(points)


@dataclass(frozen=True, slots=True)
class Timeline:
    """A recording, channel by channel.

    Attributes:
        duration: in seconds.
        channels: those that were analysed, in order.
    """

    duration: float
    channels: tuple[ChannelTimeline, ...]

    @property
    def turning_points(self) -> tuple[TurningPoint, ...]:
        """Those of all channels, in order of time."""
        points = [point for channel in self.channels for point in channel.turning_points]
        return tuple(sorted(points, key=lambda point: point.time))


def leading(probabilities: Probabilities) -> str:
    """The most probable label."""
    return max(probabilities, key=probabilities.__getitem__)


def weigh(segments: Sequence[Segment]) -> Probabilities:
    """The mean of probabilities, each weighted by its duration.

    Args:
        segments: at least one.
    """
    total = sum(segment.duration for segment in segments)
    return {
        label: sum(segment.probabilities[label] * segment.duration for segment in segments) / total
        for label in segments[0].probabilities
    }


def take(segments: Iterable[Segment], seconds: float) -> list[Segment] | None:
    """The first segments with as much speech; None where there is less."""
    taken: list[Segment] = []
    for segment in segments:
        taken.append(segment)
        if sum(one.duration for one in taken) >= seconds:
            return taken
    return None


def merge(segments: Iterable[Segment]) -> tuple[Segment, ...]:
    """Make one of neighbours of the same emotion, their probabilities weighted by duration.

    A merged segment reaches from the first start to the last end, so that it holds the pauses
    between its parts.
    """
    groups: list[list[Segment]] = []
    for segment in segments:
        if groups and groups[-1][-1].emotion == segment.emotion:
            groups[-1].append(segment)
        else:
            groups.append([segment])
    return tuple(
        Segment(group[0].start, group[-1].end, weigh(group), group[0].segments_used) for group in groups
    )
