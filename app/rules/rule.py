"""Rules as values: conditions, windows and alerts."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from app.core.segments import FRAME
from app.core.timeline import Segment

Severity = Literal["info", "warning", "critical"]
Unit = Literal["seconds", "percent", "seconds before the end"]


def frames(seconds: float) -> int:
    """Convert seconds to frames of 10 ms. Rules count whole frames, so that all sums are exact."""
    return round(seconds / FRAME)


@dataclass(frozen=True, slots=True)
class Window:
    """A part of a call.

    Attributes:
        start: the start, in the unit of the window.
        end: the end, in the unit of the window; None for the end of the call.
        unit: the unit of `start` and `end`.
    """

    start: float
    end: float | None
    unit: Unit

    @property
    def is_relative(self) -> bool:
        """Whether the window depends on the duration of the call."""
        return self.unit != "seconds"

    def resolve(self, duration: int) -> tuple[int, int]:
        """Return the first frame of the window and the first frame after it.

        Args:
            duration: the duration of the call, in frames.

        Example:
            >>> Window(60, None, "seconds before the end").resolve(10_000)
            (4000, 10000)
        """
        match self.unit:
            case "seconds":
                return frames(self.start), duration if self.end is None else frames(self.end)
            case "percent":
                end = 100 if self.end is None else self.end
                return round(self.start * duration / 100), round(end * duration / 100)
            case "seconds before the end":
                return max(duration - frames(self.start), 0), duration


def join(windows: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    """Sort windows, and join those that overlap or touch, so that no speech counts twice."""
    joined: list[tuple[int, int]] = []
    for start, end in sorted(windows):
        if joined and start <= joined[-1][1]:
            joined[-1] = joined[-1][0], max(joined[-1][1], end)
        else:
            joined.append((start, end))
    return joined


@dataclass(frozen=True, slots=True)
class Speech:
    """A condition on the speech of one channel or speaker.

    Attributes:
        emotions: the emotions; empty for any speech, which includes segments without an emotion.
        probability: the minimum sum of the probabilities of the emotions; None if one of them must be the
            emotion of the segment.
        count: the minimum number of segments.
        duration: the minimum duration of the segments together, in frames.
        channel: the index of the channel; None for any channel.
        role: the role of the channel; None for any role.
        speaker: the index of the speaker; None for any speaker.
        windows: the parts of the call in which speech counts; empty for the whole call.
    """

    emotions: tuple[str, ...] = ()
    probability: float | None = None
    count: int = 1
    duration: int = 0
    channel: int | None = None
    role: str | None = None
    speaker: int | None = None
    windows: tuple[Window, ...] = ()

    @property
    def is_relative(self) -> bool:
        """Whether the condition depends on the duration of the call."""
        return any(window.is_relative for window in self.windows)

    def selects(self, channel: int, role: str | None, speaker: int | None) -> bool:
        """Return whether the condition applies to the speech of a channel or speaker."""
        return (
            self.channel in {None, channel} and self.role in {None, role} and self.speaker in {None, speaker}
        )

    def counts(self, segment: Segment) -> bool:
        """Return whether a segment has an emotion of the condition and lies in one of its windows.

        The windows must not be relative.
        """
        return has_emotion(segment, self.emotions, self.probability) and (
            not self.windows
            or any(
                frames(segment.end) > frames(window.start)
                and (window.end is None or frames(segment.start) < frames(window.end))
                for window in self.windows
            )
        )


@dataclass(frozen=True, slots=True)
class AllOf:
    """A condition that holds if all its parts hold.

    Attributes:
        parts: the parts, at least one.
    """

    parts: "tuple[Condition, ...]"


@dataclass(frozen=True, slots=True)
class AnyOf:
    """A condition that holds if one of its parts holds.

    Attributes:
        parts: the parts, at least one.
    """

    parts: "tuple[Condition, ...]"


@dataclass(frozen=True, slots=True)
class Not:
    """A condition that holds if its part did not hold until the end of the call.

    Attributes:
        part: the part.
    """

    part: "Condition"


Condition = Speech | AllOf | AnyOf | Not


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule.

    Attributes:
        name: the name, unique in its file.
        severity: the severity of its alerts.
        description: the description for people; None if it has none.
        when: the condition.
    """

    name: str
    severity: Severity
    description: str | None
    when: Condition

    @property
    def is_live(self) -> bool:
        """Whether the rule may match before the end of a call."""
        return may_hold_early(self.when)


@dataclass(frozen=True, slots=True)
class Alert:
    """A match of a rule in a call.

    Attributes:
        rule: the name of the rule.
        severity: the severity of the rule.
        description: the description of the rule.
        start: the start of the first segment that counts, in seconds from the start of the call.
        end: the time at which the rule is met, in seconds from the start of the call.
        channel: the index of the channel; None if several channels, or none, are the reason.
        role: the role of the channel; None if it has none.
        speaker: the index of the speaker; None unless speakers were separated.
    """

    rule: str
    severity: Severity
    description: str | None
    start: float
    end: float
    channel: int | None
    role: str | None
    speaker: int | None


def has_emotion(segment: Segment, emotions: tuple[str, ...], probability: float | None) -> bool:
    """Return whether a segment has one of several emotions.

    Args:
        segment: the segment.
        emotions: the emotions; empty for any speech.
        probability: the minimum sum of the probabilities of the emotions; None if one of them must be the
            emotion of the segment.
    """
    emotion = segment.emotion
    if probability is None:
        return not emotions or emotion in emotions
    return emotion is not None and sum(segment.probabilities.get(one, 0.0) for one in emotions) >= probability


def may_hold_early(condition: Condition) -> bool:
    """Return whether a condition may hold before the end of a call, and then remains true."""
    match condition:
        case Speech():
            return not condition.is_relative
        case AllOf():
            return all(map(may_hold_early, condition.parts))
        case AnyOf():
            return any(map(may_hold_early, condition.parts))
        case Not():
            return False
