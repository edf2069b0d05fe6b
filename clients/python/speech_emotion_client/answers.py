"""The answers of the service: an utterance, a call, a job and the models.

All of them are immutable. `raw` is the JSON object of the service, with fields that this version of the
client does not know.
"""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from speech_emotion_client.errors import JobCancelled, JobNotEnded, ProblemDocument, ProblemError
from speech_emotion_client.measures import CallMeasures, PartyMeasures, PitchRange


@dataclass(frozen=True, kw_only=True)
class Answer:
    """The base of all answers.

    Attributes:
        raw: the JSON object of the service.
    """

    raw: dict[str, Any] = field(default_factory=dict, repr=False, compare=False)


@dataclass(frozen=True, kw_only=True)
class Utterance(Answer):
    """The emotion of one utterance.

    Attributes:
        model: the name of the bundle.
        model_version: the SHA-256 of the bundle.
        metadata: the metadata of the request; empty if it had none.
        duration: the duration of the recording, in seconds.
        speech: whether the recording contains speech.
        emotion: the most probable emotion; None without speech, and if its probability is below
            `min_confidence`.
        probabilities: the probability of each emotion, adding up to 1; None without speech.
    """

    model: str
    model_version: str | None = None
    metadata: dict[str, str] = field(default_factory=dict, repr=False)
    duration: float
    speech: bool
    emotion: str | None
    probabilities: dict[str, float] | None


@dataclass(frozen=True, kw_only=True)
class Segment:
    """A stretch of speech and its emotion.

    Attributes:
        start: seconds from the start of the recording.
        end: seconds from the start of the recording.
        emotion: the most probable emotion; None if its probability is below `min_confidence`.
        probabilities: the probability of each emotion, adding up to 1.
        segments_used: the number of the speaker's segments that the adaptation uses; None if the model does
            not adapt.
        loudness: the level of the speech, in dBov; None if it is unknown.
        pitch: the fundamental frequency of the voice; None if too little is voiced.
    """

    start: float
    end: float
    emotion: str | None
    probabilities: dict[str, float]
    segments_used: int | None = None
    loudness: float | None = None
    pitch: PitchRange | None = None


@dataclass(frozen=True, kw_only=True)
class Summary:
    """The emotion of a channel over all its speech.

    Attributes:
        emotion: the most probable emotion over all segments with an emotion; None if there are none.
        probabilities: the mean of the segments with an emotion, weighted by duration.
        shares: the share of the speech in which each emotion leads.
        undecided: the share of the speech in segments without an emotion.
    """

    emotion: str | None
    probabilities: dict[str, float]
    shares: dict[str, float]
    undecided: float = 0.0


@dataclass(frozen=True, kw_only=True)
class Channel:
    """One channel of a call, or one of its speakers if speakers were separated.

    Attributes:
        channel: the index of the channel, counted from 0.
        speaker: the index of the speaker on the channel; None unless speakers were separated.
        role: the name of the channel or of the speaker; None if it has none.
        speech_duration: the duration of the speech, in seconds.
        summary: the summary of the channel; None without speech.
        segments: the segments in order of time; empty without speech.
        measures: the measures of the channel; None in answers of a service that has none.
    """

    channel: int
    speaker: int | None = None
    role: str | None = None
    speech_duration: float
    summary: Summary | None
    segments: tuple[Segment, ...]
    measures: PartyMeasures | None = None


@dataclass(frozen=True, kw_only=True)
class TurningPoint:
    """A lasting change of the leading emotion of a channel.

    Attributes:
        time: seconds from the start of the recording.
        channel: the index of the channel.
        before: the leading emotion before this time.
        after: the leading emotion after this time.
        speaker: the index of the speaker; None unless speakers were separated.
    """

    time: float
    channel: int
    before: str
    after: str
    speaker: int | None = None


@dataclass(frozen=True, kw_only=True)
class Alert:
    """A match of a rule of the operator in a call.

    Attributes:
        rule: the name of the rule.
        severity: the severity of the rule: `info`, `warning` or `critical`.
        description: the description of the rule; None if it has none.
        start: the start of the first segment that counts, in seconds from the start of the recording.
        end: the time at which the rule is met, in seconds from the start of the recording.
        channel: the index of the channel; None if no single channel is the reason.
        role: the role of the channel; None if it has none.
        speaker: the index of the speaker; None unless speakers were separated.
    """

    rule: str
    severity: str
    description: str | None = None
    start: float
    end: float
    channel: int | None = None
    role: str | None = None
    speaker: int | None = None


@dataclass(frozen=True, kw_only=True)
class Timeline(Answer):
    """The emotions of a call: a timeline for each channel.

    Attributes:
        model: the name of the bundle.
        model_version: the SHA-256 of the bundle; None in old results.
        metadata: the metadata of the request; empty if it had none.
        duration: the duration of the recording, in seconds.
        channels: the analyzed channels, never mixed.
        turning_points: the turning points of all channels, in order of time.
        measures: the measures of the call; None in answers of a service that has none.
        alerts: the matches of the operator's rules, in order of their ends.
    """

    model: str
    model_version: str | None = None
    metadata: dict[str, str] = field(default_factory=dict, repr=False)
    duration: float
    channels: tuple[Channel, ...]
    turning_points: tuple[TurningPoint, ...] = ()
    measures: CallMeasures | None = None
    alerts: tuple[Alert, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Job(Answer):
    """The analysis of a call in the background.

    Attributes:
        id: the ID of the job.
        state: `queued`, `running`; at the end `succeeded`, `failed` or `cancelled`.
        progress: the completed share, from 0 to 1.
        metadata: the metadata of the request; empty if it had none.
        created: the time of the request.
        finished: the time of the end; None before.
        result: the timeline of a job that succeeded; None in lists.
        problem: the error of a job that failed; None in lists.
    """

    id: str
    state: str
    progress: float = 0.0
    metadata: dict[str, str] = field(default_factory=dict, repr=False)
    created: datetime
    finished: datetime | None = None
    result: Timeline | None = None
    problem: ProblemDocument | None = None

    @property
    def ended(self) -> bool:
        """Whether the state is final."""
        return self.state not in {"queued", "running"}

    def timeline(self) -> Timeline:
        """Return the timeline of a job that succeeded.

        Raises:
            ProblemError: the job failed; the subclass tells the kind of the error.
            JobCancelled: the job was cancelled.
            JobNotEnded: the job waits or runs.
        """
        if self.result is not None:
            return self.result
        if self.problem is not None:
            raise ProblemError.of(self.problem)
        if self.state == "cancelled":
            raise JobCancelled(f"The job {self.id} was cancelled. Create a new job.")
        raise JobNotEnded(f"The job {self.id} has no result: it is {self.state}. Wait for its end.")


@dataclass(frozen=True, kw_only=True)
class JobPage(Answer):
    """A page of the list of jobs.

    Attributes:
        jobs: the jobs, the newest first, without results.
        next_offset: the offset of the next page; None on the last page.
    """

    jobs: tuple[Job, ...]
    next_offset: int | None = None


@dataclass(frozen=True, kw_only=True)
class Model(Answer):
    """A served model. `raw` has its features, training and scores.

    Attributes:
        name: the name of the bundle.
        version: the SHA-256 of the bundle.
        labels: the emotions.
        adapts_to_speaker: whether the answers for a call adapt to the speakers.
    """

    name: str
    version: str | None = None
    labels: tuple[str, ...]
    adapts_to_speaker: bool = False


@dataclass(frozen=True, kw_only=True)
class Models(Answer):
    """The served models.

    Attributes:
        default: the name of the model for requests that name none.
        models: the models.
    """

    default: str
    models: tuple[Model, ...]
