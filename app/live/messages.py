"""The messages of the live protocol, as JSON objects with a `type`."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from app.answers import SegmentAnswer, TimelineAnswer, TurningPointAnswer
from app.core.audio import MAX_CHANNELS, MAX_SAMPLING_RATE, MIN_SAMPLING_RATE
from app.live.encoding import Encoding


class _FromClient(BaseModel):
    model_config = ConfigDict(extra="ignore")


class Start(_FromClient):
    """The first message of a client: the format of the audio."""

    type: Literal["start"]
    encoding: Encoding = Field(description="the encoding of a sample; `linear16` is little-endian")
    sampling_rate: int = Field(
        ge=MIN_SAMPLING_RATE, le=MAX_SAMPLING_RATE, description="the sampling rate, in Hz"
    )
    channels: int = Field(default=1, ge=1, le=MAX_CHANNELS, description="the number of interleaved channels")
    analyze: list[int] | None = Field(
        default=None, description="the channels to analyze, counted from 0; null: every permitted channel"
    )
    interim_interval: float | None = Field(
        default=3.0, ge=0.5, description="the seconds of speech between two interim answers; null: none"
    )
    model: str | None = Field(default=None, description="the model to use; null: the default model")


class Pause(_FromClient):
    """Ignore audio until `resume`. The time of the stream stops."""

    type: Literal["pause"]


class Resume(_FromClient):
    """Continue after `pause`."""

    type: Literal["resume"]


class Stop(_FromClient):
    """The stream is complete. The service answers with the summary and closes the connection."""

    type: Literal["stop"]


ClientMessage = Annotated[Start | Pause | Resume | Stop, Field(discriminator="type")]
CLIENT_MESSAGE: TypeAdapter[Start | Pause | Resume | Stop] = TypeAdapter(ClientMessage)


class Ready(BaseModel):
    """The service is ready for audio."""

    type: Literal["ready"] = "ready"
    session: str = Field(description="the ID of the session")
    model: str = Field(description="the name of the bundle")
    channels: list[int] = Field(description="the channels that the service analyzes")
    max_seconds: float = Field(description="the maximum duration of the stream, in seconds")


class SpeechStartedMessage(BaseModel):
    """Speech has begun on a channel."""

    type: Literal["speech_started"] = "speech_started"
    channel: int = Field(description="the index of the channel")
    time: float = Field(description="seconds from the start of the stream")


class InterimMessage(SegmentAnswer):
    """A segment of speech so far, before it is complete."""

    type: Literal["interim"] = "interim"
    channel: int = Field(description="the index of the channel")


class SegmentMessage(SegmentAnswer):
    """A segment of speech is complete."""

    type: Literal["segment"] = "segment"
    channel: int = Field(description="the index of the channel")


class TurningPointMessage(TurningPointAnswer):
    """The leading emotion of a channel has changed."""

    type: Literal["turning_point"] = "turning_point"


class SummaryMessage(BaseModel):
    """The timeline of the whole stream."""

    type: Literal["summary"] = "summary"
    timeline: TimelineAnswer


class Closed(BaseModel):
    """The last message before the service closes the connection."""

    type: Literal["closed"] = "closed"
    reason: Literal["stopped", "going-away"]
