"""The messages of the live protocol, as JSON objects with a `type`."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from app.answers import AlertAnswer, ProblemDocument, SegmentAnswer, TimelineAnswer, TurningPointAnswer
from app.calls.metadata import Metadata
from app.calls.options import NumberOfSpeakers, Role, SpeakerOrder
from app.core.containers.header import MAX_CHANNELS, MAX_SAMPLING_RATE, MIN_SAMPLING_RATE
from app.core.containers.headerless import Encoding

MAX_REFERENCE_LENGTH = 128


class _FromClient(BaseModel):
    model_config = ConfigDict(extra="ignore")


class Callback(_FromClient):
    """Webhooks for messages of the session. The service signs them as those of jobs."""

    url: str = Field(max_length=2000, description="the address that receives the webhooks")
    events: set[Literal["segment", "turning_point", "alert", "summary"]] = Field(
        default={"summary"}, description="the types of the messages to send"
    )


class Start(_FromClient):
    """The first message of a client: the format of the audio."""

    type: Literal["start"]
    encoding: Encoding = Field(description="the encoding of a sample; `linear16` is little-endian")
    sampling_rate: int = Field(
        ge=MIN_SAMPLING_RATE, le=MAX_SAMPLING_RATE, description="the sampling rate, in Hz"
    )
    channels: int = Field(default=1, ge=1, le=MAX_CHANNELS, description="the number of interleaved channels")
    roles: list[Role] | None = Field(
        default=None,
        description="a name for each channel, such as `agent`, or for each of its `speakers`, which the "
        "messages repeat",
    )
    speakers: NumberOfSpeakers | None = Field(
        default=None, description="the number of speakers to separate on each channel, or `auto`; null: one"
    )
    speaker_order: SpeakerOrder = Field(
        default="first",
        description="the order of the speakers: by their first words, or by their share of the speech",
    )
    analyze: list[int] | None = Field(
        default=None, description="the channels to analyze, counted from 0; null: every permitted channel"
    )
    interim_interval: float | None = Field(
        default=3.0, ge=0.5, description="the seconds of speech between two interim answers; null: none"
    )
    model: str | None = Field(default=None, description="the model to use; null: the default model")
    min_confidence: float | None = Field(
        default=None,
        ge=0,
        le=1,
        description="the highest probability below which a segment has no emotion; null: the default of the "
        "service",
    )
    keep: bool = Field(
        default=False, description="whether the timeline is kept as the result of a job with the session's ID"
    )
    callback: Callback | None = Field(default=None, description="the webhooks of the session; null: none")
    reference: str | None = Field(
        default=None,
        max_length=MAX_REFERENCE_LENGTH,
        description="the ID of the call at the client, which the list of sessions repeats",
    )
    metadata: Metadata = Field(
        default={},
        repr=False,
        description="data of the client about the call, which the summary, the list of sessions and webhooks "
        "repeat",
    )


class Reconnect(_FromClient):
    """The first message of a new connection that continues a session, in the place of `start`."""

    type: Literal["reconnect"]
    session: str = Field(max_length=64, description="the ID of the session, from `ready`")
    after: int = Field(
        default=0, ge=0, description="the `sequence` of the last message that the client received"
    )


class Pause(_FromClient):
    """Ignore audio until `resume`. The time of the stream stops."""

    type: Literal["pause"]


class Resume(_FromClient):
    """Continue after `pause`."""

    type: Literal["resume"]


class Stop(_FromClient):
    """The stream is complete. The service answers with the summary and closes the connection."""

    type: Literal["stop"]


ClientMessage = Start | Reconnect | Pause | Resume | Stop
CLIENT_MESSAGE: TypeAdapter[ClientMessage] = TypeAdapter(
    Annotated[ClientMessage, Field(discriminator="type")]
)


class SessionLimits(BaseModel):
    """The limits of a session."""

    max_seconds: float = Field(description="the maximum duration of the stream, in seconds")
    max_message_bytes: int = Field(description="the maximum size of a message, in bytes")
    max_speed: float = Field(description="the maximum speed of the audio, relative to real time")
    idle_seconds: float = Field(description="the maximum time without a message, in seconds")
    reconnect_seconds: float = Field(description="the time for a new connection after a loss, in seconds")


class Ready(BaseModel):
    """The service is ready for audio."""

    type: Literal["ready"] = "ready"
    session: str = Field(description="the ID of the session")
    model: str = Field(description="the name of the bundle")
    model_version: str = Field(description="the SHA-256 of the bundle")
    channels: list[int] = Field(description="the channels that the service analyzes")
    offset: int = Field(description="the sample, counted from 0, from which the client sends audio")
    limits: SessionLimits


class JournalMessage(BaseModel):
    """A message of the session. A client receives each of them once, also if it reconnects."""

    type: str
    sequence: int = Field(default=0, description="the number of the message in the session, from 1")


class _ChannelMessage(JournalMessage):
    channel: int = Field(description="the index of the channel")
    role: str | None = Field(default=None, description="the role of the channel, if `start` named it")


class SpeechStartedMessage(_ChannelMessage):
    """A segment has begun on a channel, and has enough speech. Its `segment` follows."""

    type: Literal["speech_started"] = "speech_started"
    time: float = Field(description="the start of the segment, in seconds from the start of the stream")


class InterimMessage(SegmentAnswer, _ChannelMessage):
    """A segment of speech so far, before it is complete."""

    type: Literal["interim"] = "interim"


class SegmentMessage(SegmentAnswer, _ChannelMessage):
    """A segment of speech is complete."""

    type: Literal["segment"] = "segment"
    speaker: int | None = Field(
        default=None,
        description="the index of the speaker, as far as it is known now; null unless speakers are separated",
    )


class TurningPointMessage(TurningPointAnswer, _ChannelMessage):
    """The leading emotion of a channel has changed."""

    type: Literal["turning_point"] = "turning_point"


class AlertMessage(AlertAnswer, JournalMessage):
    """A rule of the operator matches."""

    type: Literal["alert"] = "alert"


class WarningMessage(JournalMessage):
    """Something is wrong, and the session continues."""

    type: Literal["warning"] = "warning"
    code: Literal["too-fast", "audio-missing"] = Field(
        description="`too-fast`: the audio is faster than the limit, so the service reads it more slowly; "
        "`audio-missing`: audio did not arrive, and silence is in its place"
    )
    detail: str = Field(description="what happened")


class SummaryMessage(JournalMessage):
    """The timeline of the whole stream."""

    type: Literal["summary"] = "summary"
    timeline: TimelineAnswer


class Closed(JournalMessage):
    """The last message before the service closes the connection."""

    type: Literal["closed"] = "closed"
    reason: Literal["stopped", "lost", "going-away"] = Field(
        description="`stopped`: the client stopped; `lost`: the client did not reconnect in time; "
        "`going-away`: the service stops"
    )


class ErrorMessage(BaseModel):
    """The session has failed, or is refused. The service closes the connection."""

    type: Literal["error"] = "error"
    problem: ProblemDocument
