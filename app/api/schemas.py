"""What the service answers, as schemas."""

from dataclasses import asdict
from datetime import datetime

from pydantic import BaseModel, ConfigDict, Field
from pydantic.config import JsonDict

from app.core.manifest import Facts
from app.core.timeline import ChannelTimeline, Timeline, leading, merge
from app.jobs.job import State

PROBABILITIES: JsonDict = {
    "anger": 0.81,
    "surprise": 0.02,
    "happiness": 0.10,
    "sadness": 0.01,
    "neutral": 0.06,
}
"""For examples."""


class EmotionAnswer(BaseModel):
    """The emotion of one utterance."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "model": "multilingual",
                    "duration": 3.52,
                    "speech": True,
                    "emotion": "anger",
                    "probabilities": PROBABILITIES,
                }
            ]
        }
    )

    model: str = Field(description="the bundle that answered")
    duration: float = Field(description="of the recording, in seconds")
    speech: bool = Field(description="whether there is speech in the recording")
    emotion: str | None = Field(description="the most probable emotion; null without speech")
    probabilities: dict[str, float] | None = Field(
        description="the probability of each emotion, adding up to 1; null without speech"
    )


class SegmentAnswer(BaseModel):
    """A stretch of speech and what is heard in it."""

    start: float = Field(description="seconds from the start of the file")
    end: float = Field(description="seconds from the start of the file")
    emotion: str = Field(description="the most probable emotion")
    probabilities: dict[str, float] = Field(description="the probability of each emotion, adding up to 1")
    segments_used: int | None = Field(
        default=None,
        description="segments of the speaker that the answer is adapted to; null if the model does not adapt",
    )


class Summary(BaseModel):
    """All speech of a channel."""

    emotion: str = Field(description="the most probable emotion over all speech")
    probabilities: dict[str, float] = Field(description="the mean of the segments, weighted by duration")
    shares: dict[str, float] = Field(description="the share of the speech in which each emotion leads")


class ChannelAnswer(BaseModel):
    """One channel of a call: one speaker."""

    channel: int = Field(description="its index, counted from 0")
    speech_duration: float = Field(description="seconds of speech")
    summary: Summary | None = Field(description="null where nobody speaks")
    segments: list[SegmentAnswer] = Field(description="in order of time; empty where nobody speaks")


class TurningPointAnswer(BaseModel):
    """Where the leading emotion of a channel changes and stays changed."""

    time: float = Field(description="seconds from the start of the file")
    channel: int = Field(description="whose emotion it is")
    before: str = Field(description="the emotion that led")
    after: str = Field(description="the emotion that leads from here on")


class TimelineAnswer(BaseModel):
    """A call: on each channel who felt what, and when."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "model": "multilingual",
                    "duration": 12.4,
                    "channels": [
                        {
                            "channel": 0,
                            "speech_duration": 3.49,
                            "summary": {
                                "emotion": "anger",
                                "probabilities": PROBABILITIES,
                                "shares": {**dict.fromkeys(PROBABILITIES, 0.0), "anger": 1.0},
                            },
                            "segments": [
                                {
                                    "start": 0.42,
                                    "end": 3.91,
                                    "emotion": "anger",
                                    "probabilities": PROBABILITIES,
                                    "segments_used": 1,
                                }
                            ],
                        },
                        {"channel": 1, "speech_duration": 0.0, "summary": None, "segments": []},
                    ],
                    "turning_points": [],
                }
            ]
        }
    )

    model: str = Field(description="the bundle that answered")
    duration: float = Field(description="of the recording, in seconds")
    channels: list[ChannelAnswer] = Field(description="those that were analysed, never mixed")
    turning_points: list[TurningPointAnswer] = Field(description="of all channels, in order of time")

    @classmethod
    def of(cls, model: str, timeline: Timeline, *, merged: bool = False) -> "TimelineAnswer":
        """Make the answer of a model.

        Args:
            model: its name.
            timeline: what it heard.
            merged: whether neighbours of the same emotion are one segment.
        """
        return cls(
            model=model,
            duration=timeline.duration,
            channels=[_channel(channel, merged) for channel in timeline.channels],
            turning_points=[TurningPointAnswer(**asdict(point)) for point in timeline.turning_points],
        )


def _channel(channel: ChannelTimeline, merged: bool) -> ChannelAnswer:  # noqa: FBT001  # private
    summary = None
    if channel.segments:
        summary = Summary(
            emotion=leading(channel.probabilities),
            probabilities=channel.probabilities,
            shares=channel.shares,
        )
    return ChannelAnswer(
        channel=channel.channel,
        speech_duration=channel.speech_duration,
        summary=summary,
        segments=[
            SegmentAnswer(
                start=segment.start,
                end=segment.end,
                emotion=segment.emotion,
                probabilities=segment.probabilities,
                segments_used=segment.segments_used,
            )
            for segment in (merge(channel.segments) if merged else channel.segments)
        ],
    )


class Model(Facts):
    """One model that is served: what it is, how it was trained and how it scored."""


class Models(BaseModel):
    """The models that are served."""

    default: str = Field(description="answers where a request names none")
    models: list[Model]


class JobAnswer(BaseModel):
    """A job and what has become of it."""

    id: str
    state: State = Field(description="succeeded, failed and cancelled are its end")
    progress: float = Field(description="the share that is done, 0 to 1")
    created: datetime
    finished: datetime | None = Field(description="null until it has ended")
    result: TimelineAnswer | None = Field(description="if it succeeded; lists leave it out")
    problem: "ProblemDocument | None" = Field(
        description="if it failed; its request_id is the job's id; lists leave it out"
    )


class JobList(BaseModel):
    """Some of one's jobs."""

    jobs: list[JobAnswer] = Field(description="the newest first, without results")
    next_offset: int | None = Field(description="the `offset` that asks for the next ones; null at the end")


class JobEnded(BaseModel):
    """What a callback says of a job; the rest is `GET /v1/jobs/{id}`'s."""

    id: str
    state: State


class Callback(BaseModel):
    """A callback, by Standard Webhooks."""

    type: str = Field(examples=["job.succeeded"])
    timestamp: datetime = Field(description="when the job ended")
    data: JobEnded


class Health(BaseModel):
    """Whether the service is alive, or ready."""

    status: str = Field(examples=["ok"])


class Liveness(BaseModel):
    """Whether the service is alive, as the Open Inference Protocol says it."""

    live: bool


class Readiness(BaseModel):
    """Whether the service is ready, as the Open Inference Protocol says it."""

    ready: bool


class ProblemDocument(BaseModel):
    """An error, by RFC 9457."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "type": "/problems/audio-too-short",
                    "title": "The recording is too short",
                    "status": 422,
                    "detail": "The recording lasts 0.050 s; at least 0.25 s of sound are needed.",
                    "code": "audio-too-short",
                    "request_id": "0d8f1c0e6f0b4b1f8a3d0f6f2a9b7c55",
                }
            ]
        }
    )

    type: str = Field(description="names the kind of error; the same for every error of the code")
    title: str
    status: int
    detail: str = Field(description="what was wrong this time, and what to do")
    code: str = Field(description="the kind of error, for programs")
    request_id: str = Field(
        description="the same as in the header X-Request-ID; quote it when you report an error"
    )
