"""The events of a live session: the messages of the service, as dataclasses."""

from dataclasses import dataclass

from speech_emotion_client.answers import Alert, Answer, Segment, Timeline, TurningPoint
from speech_emotion_client.parsing import parse


@dataclass(frozen=True, kw_only=True)
class Event(Answer):
    """The base of all events, and the class of events that this version of the client does not know.

    Attributes:
        type: the type of the message.
        sequence: the number of the message in the session, from 1; 0 if the message has none.
    """

    type: str
    sequence: int = 0


@dataclass(frozen=True, kw_only=True)
class Limits:
    """The limits of a session.

    Attributes:
        max_seconds: the longest stream, in seconds.
        max_message_bytes: the largest message, in bytes.
        max_speed: the fastest audio, relative to real time.
        idle_seconds: the longest time without a message, in seconds.
        reconnect_seconds: the time for a new connection after a loss, in seconds.
    """

    max_seconds: float
    max_message_bytes: int
    max_speed: float
    idle_seconds: float
    reconnect_seconds: float


@dataclass(frozen=True, kw_only=True)
class Ready(Event):
    """The service is ready for audio.

    Attributes:
        session: the ID of the session.
        model: the name of the bundle.
        model_version: the SHA-256 of the bundle.
        channels: the channels that the service analyzes.
        offset: the sample, counted from 0, from which the service needs audio.
        limits: the limits of the session.
    """

    session: str
    model: str
    model_version: str | None = None
    channels: tuple[int, ...]
    offset: int
    limits: Limits


@dataclass(frozen=True, kw_only=True)
class SpeechStarted(Event):
    """A segment has begun on a channel.

    Attributes:
        channel: the index of the channel.
        role: the role of the channel; None if it has none.
        time: the start of the segment, in seconds from the start of the stream.
    """

    channel: int
    role: str | None = None
    time: float


@dataclass(frozen=True, kw_only=True)
class Interim(Segment, Event):
    """A segment of speech so far, before it is complete.

    Attributes:
        channel: the index of the channel.
        role: the role of the channel; None if it has none.
    """

    channel: int
    role: str | None = None


@dataclass(frozen=True, kw_only=True)
class SegmentEnded(Segment, Event):
    """A segment of speech is complete.

    Attributes:
        channel: the index of the channel.
        role: the role of the channel; None if it has none.
        speaker: the index of the speaker, as far as it is known now; None unless speakers are separated.
    """

    channel: int
    role: str | None = None
    speaker: int | None = None


@dataclass(frozen=True, kw_only=True)
class MoodTurned(TurningPoint, Event):
    """The leading emotion of a channel has changed.

    Attributes:
        role: the role of the channel; None if it has none.
    """

    role: str | None = None


@dataclass(frozen=True, kw_only=True)
class AlertRaised(Alert, Event):
    """A rule of the operator matches."""


@dataclass(frozen=True, kw_only=True)
class Warned(Event):
    """Something is wrong, and the session continues.

    Attributes:
        code: the kind of the warning.
        detail: the cause.
    """

    code: str
    detail: str


@dataclass(frozen=True, kw_only=True)
class Summarized(Event):
    """The timeline of the whole stream.

    Attributes:
        timeline: the same as that of a recording of the stream.
    """

    timeline: Timeline


@dataclass(frozen=True, kw_only=True)
class Closed(Event):
    """The last event.

    Attributes:
        reason: `stopped`, `lost` or `going-away`; after the last one, start a new session.
    """

    reason: str


TYPES: dict[str, type[Event]] = {
    "ready": Ready,
    "speech_started": SpeechStarted,
    "interim": Interim,
    "segment": SegmentEnded,
    "turning_point": MoodTurned,
    "alert": AlertRaised,
    "warning": Warned,
    "summary": Summarized,
    "closed": Closed,
}


def event_of(message: object) -> Event:
    """Convert a message of the service to an event.

    Raises:
        UnexpectedAnswer: the message lacks a field, or a field has another type.

    Example:
        >>> event_of({"type": "closed", "sequence": 9, "reason": "stopped"})
        Closed(type='closed', sequence=9, reason='stopped')
        >>> event_of({"type": "of a newer service", "sequence": 10})
        Event(type='of a newer service', sequence=10)
    """
    kind = message.get("type") if isinstance(message, dict) else None
    return parse(TYPES.get(str(kind), Event), message, "the message")
