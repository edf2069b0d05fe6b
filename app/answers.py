"""The answers for an utterance, a call and an error, shared by HTTP, jobs, live sessions and batch."""

from collections.abc import Iterable
from dataclasses import asdict

from pydantic import BaseModel, ConfigDict, Field

from app.answer_examples import METADATA, MODEL_VERSION, PROBABILITIES, TIMELINE
from app.calls.measures import CallMeasures, PartyMeasures, PitchRange, measure
from app.calls.options import CallOptions
from app.core.timeline import ChannelTimeline, Segment, Timeline, merge
from app.rules.rule import Alert, Severity


class EmotionAnswer(BaseModel):
    """The emotion of one utterance."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "model": "multilingual",
                    "model_version": MODEL_VERSION,
                    "metadata": METADATA,
                    "duration": 3.52,
                    "speech": True,
                    "emotion": "anger",
                    "probabilities": PROBABILITIES,
                }
            ]
        }
    )

    model: str = Field(description="the name of the bundle")
    model_version: str = Field(description="the SHA-256 of the bundle")
    metadata: dict[str, str] = Field(
        default={}, repr=False, description="the metadata of the request; empty if it had none"
    )
    duration: float = Field(description="the duration of the recording, in seconds")
    speech: bool = Field(description="whether the recording contains speech")
    emotion: str | None = Field(
        description="the most probable emotion; null without speech, and if its probability is below "
        "`min_confidence`"
    )
    probabilities: dict[str, float] | None = Field(
        description="the probability of each emotion, adding up to 1; null without speech"
    )


class SegmentAnswer(BaseModel):
    """A stretch of speech and its emotion."""

    start: float = Field(description="seconds from the start of the file")
    end: float = Field(description="seconds from the start of the file")
    emotion: str | None = Field(
        description="the most probable emotion; null if its probability is below `min_confidence`"
    )
    probabilities: dict[str, float] = Field(description="the probability of each emotion, adding up to 1")
    segments_used: int | None = Field(
        default=None,
        description="the number of the speaker's segments that the adaptation uses; null if the model does "
        "not adapt",
    )
    loudness: float | None = Field(
        default=None, description="the level of the speech, in dBov; null if it is unknown"
    )
    pitch: PitchRange | None = Field(
        default=None,
        description="the fundamental frequency of the voice; null if less than 100 ms are voiced",
    )

    @classmethod
    def of(cls, segment: Segment) -> "SegmentAnswer":
        """Build the answer of a segment."""
        return cls(
            start=segment.start,
            end=segment.end,
            emotion=segment.emotion,
            probabilities=segment.probabilities,
            segments_used=segment.segments_used,
            loudness=segment.loudness,
            pitch=None if segment.pitch is None else PitchRange.of(segment.pitch),
        )


class Summary(BaseModel):
    """The emotion of a channel over all its speech."""

    emotion: str | None = Field(
        description="the most probable emotion over all segments with an emotion; null if there are none"
    )
    probabilities: dict[str, float] = Field(
        description="the mean of the segments with an emotion, weighted by duration; of all segments if none "
        "has an emotion"
    )
    shares: dict[str, float] = Field(description="the share of the speech in which each emotion leads")
    undecided: float = Field(
        default=0.0,
        description="the share of the speech in segments without an emotion; `shares` and it add up to 1",
    )


class ChannelAnswer(BaseModel):
    """One channel of a call, or one of its speakers if speakers were separated."""

    channel: int = Field(description="the index of the channel, counted from 0")
    speaker: int | None = Field(
        default=None,
        description="the index of the speaker on the channel, counted from 0; null unless speakers were "
        "separated",
    )
    role: str | None = Field(
        default=None, description="the name of the channel or of the speaker; null if it has none"
    )
    speech_duration: float = Field(description="the duration of the speech, in seconds")
    summary: Summary | None = Field(description="the summary of the channel; null without speech")
    segments: list[SegmentAnswer] = Field(description="the segments in order of time; empty without speech")
    measures: PartyMeasures | None = Field(
        default=None, description="the measures of the channel; null in results of earlier versions"
    )


class TurningPointAnswer(BaseModel):
    """A lasting change of the leading emotion of a channel."""

    time: float = Field(description="seconds from the start of the file")
    channel: int = Field(description="the index of the channel")
    before: str = Field(description="the leading emotion before this time")
    after: str = Field(description="the leading emotion after this time")
    speaker: int | None = Field(
        default=None, description="the index of the speaker; null unless speakers were separated"
    )


class AlertAnswer(BaseModel):
    """A match of a rule of the operator in a call."""

    rule: str = Field(description="the name of the rule")
    severity: Severity = Field(description="the severity of the rule")
    description: str | None = Field(description="the description of the rule; null if it has none")
    start: float = Field(
        description="the start of the first segment that counts, in seconds from the start of the file"
    )
    end: float = Field(description="the time at which the rule is met, in seconds from the start of the file")
    channel: int | None = Field(
        description="the index of the channel; null if several channels are the reason, or the absence of "
        "speech"
    )
    role: str | None = Field(description="the role of the channel; null if it has none")
    speaker: int | None = Field(description="the index of the speaker; null unless speakers were separated")

    @classmethod
    def of(cls, alert: Alert) -> "AlertAnswer":
        """Build the answer of an alert."""
        return cls(**asdict(alert))


class TimelineAnswer(BaseModel):
    """The emotions of a call: a timeline for each channel."""

    model_config = ConfigDict(json_schema_extra={"examples": [TIMELINE]})

    model: str = Field(description="the name of the bundle")
    model_version: str | None = Field(
        default=None, description="the SHA-256 of the bundle; null in results of earlier versions"
    )
    metadata: dict[str, str] = Field(
        default={}, repr=False, description="the metadata of the request; empty if it had none"
    )
    duration: float = Field(description="the duration of the recording, in seconds")
    channels: list[ChannelAnswer] = Field(description="the analyzed channels, never mixed")
    turning_points: list[TurningPointAnswer] = Field(
        description="the turning points of all channels, in order of time"
    )
    measures: CallMeasures | None = Field(
        default=None, description="the measures of the call; null in results of earlier versions"
    )
    alerts: list[AlertAnswer] = Field(
        default=[], description="the matches of the operator's rules, in order of their ends"
    )

    @classmethod
    def of(
        cls,
        model: str,
        version: str,
        timeline: Timeline,
        options: CallOptions,
        alerts: Iterable[Alert] = (),
    ) -> "TimelineAnswer":
        """Build the answer from a timeline. Use `app.answer_builder`, which knows the versions.

        Args:
            model: the name of the bundle.
            version: the version of the bundle.
            timeline: the recognized timeline.
            options: the options of the analysis.
            alerts: the matches of the rules.
        """
        measures = measure(timeline)
        return cls(
            model=model,
            model_version=version,
            metadata=options.metadata,
            duration=timeline.duration,
            channels=[
                _channel(channel, of_channel, options.merge)
                for channel, of_channel in zip(timeline.channels, measures.parties, strict=True)
            ],
            turning_points=[TurningPointAnswer(**asdict(point)) for point in timeline.turning_points],
            measures=measures.call,
            alerts=[AlertAnswer.of(alert) for alert in alerts],
        )


def _channel(channel: ChannelTimeline, measures: PartyMeasures, merged: bool) -> ChannelAnswer:  # noqa: FBT001  # private
    summary = None
    if channel.segments:
        summary = Summary(
            emotion=channel.emotion,
            probabilities=channel.probabilities,
            shares=channel.shares,
            undecided=channel.undecided,
        )
    return ChannelAnswer(
        channel=channel.channel,
        speaker=channel.speaker,
        role=channel.role,
        speech_duration=channel.speech_duration,
        summary=summary,
        segments=[
            SegmentAnswer.of(segment) for segment in (merge(channel.segments) if merged else channel.segments)
        ],
        measures=measures,
    )


class ProblemDocument(BaseModel):
    """A problem document (RFC 9457), the format of all errors."""

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

    type: str = Field(
        description="the address of a page about this kind of error; the same for every error of the code"
    )
    title: str
    status: int
    detail: str = Field(description="the individual error, and what to do")
    code: str = Field(description="the kind of error, for programs")
    request_id: str = Field(
        description="the value of the header X-Request-ID; include it when you report an error"
    )
