"""The events of a stream, and the messages that report them."""

from collections.abc import Callable
from dataclasses import asdict, dataclass

from app.answers import SegmentAnswer
from app.calls.options import CallOptions
from app.core.timeline import Segment, TurningPoint
from app.live.messages import (
    InterimMessage,
    JournalMessage,
    SegmentMessage,
    SpeechStartedMessage,
    TurningPointMessage,
)


@dataclass(frozen=True, slots=True)
class SpeechStarted:
    """A segment has begun on a channel, and has enough speech to become complete.

    Attributes:
        channel: the index of the channel.
        time: the start of the segment, in seconds from the start of the stream.
    """

    channel: int
    time: float


@dataclass(frozen=True, slots=True)
class SegmentRecognized:
    """A segment is complete and recognized, adapted to the segments of the channel so far.

    Attributes:
        channel: the index of the channel.
        segment: the segment.
        seconds: the time from the message that completed the segment to its answer, in seconds.
        speaker: the index of the speaker, as far as it is known; None unless speakers are separated.
    """

    channel: int
    segment: Segment
    seconds: float
    speaker: int | None = None


@dataclass(frozen=True, slots=True)
class InterimRecognized:
    """A segment is incomplete, and recognized up to now.

    Attributes:
        channel: the index of the channel.
        segment: the segment so far.
    """

    channel: int
    segment: Segment


Event = SpeechStarted | InterimRecognized | SegmentRecognized | TurningPoint
Emit = Callable[[Event], None]


def message_of(event: Event, options: CallOptions) -> JournalMessage:
    """Return the message of an event.

    Args:
        event: the event.
        options: the options of the analysis, with the roles of the channels.
    """
    role = options.role_of(event.channel)
    match event:
        case SpeechStarted():
            return SpeechStartedMessage(role=role, **asdict(event))
        case InterimRecognized():
            answer = SegmentAnswer.of(event.segment).model_dump()
            return InterimMessage(channel=event.channel, role=role, **answer)
        case SegmentRecognized():
            answer = SegmentAnswer.of(event.segment).model_dump()
            role = options.role_of(event.channel, event.speaker)
            return SegmentMessage(channel=event.channel, speaker=event.speaker, role=role, **answer)
        case TurningPoint():
            role = options.role_of(event.channel, event.speaker)
            return TurningPointMessage(role=role, **asdict(event))
