"""Answers as text for people."""

from collections.abc import Iterator, Mapping

from speech_emotion_client.answers import Channel, Job, Models, Timeline, Utterance
from speech_emotion_client.events import (
    AlertRaised,
    Closed,
    Event,
    Interim,
    MoodTurned,
    Ready,
    SegmentEnded,
    Summarized,
    Warned,
)


def utterance(answer: Utterance) -> str:
    """Return the emotion of an utterance as one line."""
    if not answer.speech:
        return "no speech"
    return _emotion(answer.emotion, answer.probabilities or {})


def timeline(answer: Timeline) -> str:
    """Return the timeline of a call: a line for each segment, turning point, alert and channel."""
    rows = [
        (segment.start, f"{_place(channel.role, channel.channel, channel.speaker)}  {text}")
        for channel in answer.channels
        for segment in channel.segments
        for text in [f"to {_time(segment.end)}  {_emotion(segment.emotion, segment.probabilities)}"]
    ]
    rows += [
        (point.time, f"channel {point.channel}  turns from {point.before} to {point.after}")
        for point in answer.turning_points
    ]
    rows += [(alert.end, f"alert: {alert.rule} ({alert.severity})") for alert in answer.alerts]
    lines = [f"{_time(at)}  {text}" for at, text in sorted(rows)]
    return "\n".join([*lines, *map(_summary, answer.channels)])


def _summary(channel: Channel) -> str:
    place = _place(channel.role, channel.channel, channel.speaker)
    if channel.summary is None:
        return f"{place}: no speech"
    shares = ", ".join(f"{share:.0%} {emotion}" for emotion, share in _largest(channel.summary.shares))
    undecided = f", {channel.summary.undecided:.0%} undecided" if channel.summary.undecided else ""
    return f"{place}: {_time(channel.speech_duration)} of speech: {shares}{undecided}"


def job(answer: Job) -> str:
    """Return a job as one line."""
    problem = f"  {answer.problem.code}: {answer.problem.detail}" if answer.problem else ""
    return f"{answer.id}  {answer.created:%Y-%m-%d %H:%M}  {answer.state}  {answer.progress:.0%}{problem}"


def models(answer: Models) -> Iterator[str]:
    """Yield a line for each model."""
    for model in answer.models:
        default = " (default)" if model.name == answer.default else ""
        yield f"{model.name}{default}: {', '.join(model.labels)}"


def event(received: Event) -> str | None:  # noqa: PLR0911  # one for each type
    """Return an event of a live session as text; None if it tells people nothing."""
    match received:
        case Ready():
            return f"session {received.session}, model {received.model}"
        case SegmentEnded() | Interim():
            text = _emotion(received.emotion, received.probabilities)
            so_far = " so far" if isinstance(received, Interim) else ""
            place = _place(received.role, received.channel)
            return f"{_time(received.start)}  {place}  to {_time(received.end)}  {text}{so_far}"
        case MoodTurned():
            place = _place(received.role, received.channel)
            return f"{_time(received.time)}  {place}  turns from {received.before} to {received.after}"
        case AlertRaised():
            return f"{_time(received.end)}  alert: {received.rule} ({received.severity})"
        case Warned():
            return f"warning: {received.detail}"
        case Summarized():
            return "\n".join(map(_summary, received.timeline.channels))
        case Closed():
            return f"closed: {received.reason}"
    return None


def _emotion(emotion: str | None, probabilities: Mapping[str, float]) -> str:
    listed = ", ".join(f"{name} {value:.0%}" for name, value in _largest(probabilities))
    return f"{emotion or 'undecided'} ({listed})"


def _largest(values: Mapping[str, float]) -> list[tuple[str, float]]:
    """Return the values that are not 0 %, the largest first."""
    visible = [(name, value) for name, value in values.items() if f"{value:.0%}" != "0%"]
    return sorted(visible, key=lambda row: -row[1])


def _place(role: str | None, channel: int, speaker: int | None = None) -> str:
    if role is not None:
        return role
    return f"channel {channel}" if speaker is None else f"channel {channel}, speaker {speaker}"


def _time(seconds: float) -> str:
    minutes, rest = divmod(seconds, 60)
    return f"{minutes:.0f}:{rest:04.1f}"
