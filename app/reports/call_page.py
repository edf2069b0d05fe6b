"""The page of a call: its timeline, measures, alerts and segments."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from app.answers import ChannelAnswer, TimelineAnswer
from app.core.manifest import UNDECIDED
from app.reports.page import render
from app.reports.text import clock, lasting, percent, tone

PIECE = 600.0
"""The seconds of a row of the timeline. A longer call has several rows, so that segments stay visible."""
TICKS = (1, 2, 5, 10, 15, 30, 60, 120)
MAX_TICKS = 10
MIN_NAMED = 6.0
"""The width in percent from which a segment shows its emotion."""


@dataclass(frozen=True, slots=True)
class Mark:
    """A segment, an alert or a turning point on a row of the timeline.

    Attributes:
        left: the position, in percent of the row.
        width: the width, in percent of the row.
        height: the height, from 0 to 1.
        tone: the color.
        text: the description.
        name: the text on a segment, empty if the segment is too narrow; the severity of an alert.
    """

    left: float
    width: float
    height: float
    tone: str
    text: str
    name: str


@dataclass(frozen=True, slots=True)
class Lane:
    """A channel or speaker on a row of the timeline."""

    name: str
    segments: Sequence[Mark]
    turning_points: Sequence[Mark]


@dataclass(frozen=True, slots=True)
class Row:
    """A part of the timeline.

    Attributes:
        ticks: the position, in percent, and the text of each time on the axis.
        lanes: the channels.
        alerts: the alerts.
    """

    ticks: Sequence[tuple[float, str]]
    lanes: Sequence[Lane]
    alerts: Sequence[Mark]


def call_page(name: str, answer: TimelineAnswer, labels: Sequence[str]) -> str:
    """Render the timeline of a call as one self-contained page.

    Args:
        name: the name of the recording.
        answer: the timeline, with the metadata of the call.
        labels: the labels of the model.
    """
    length = min(PIECE, max(answer.duration, 0.001))
    n_rows = max(1, -(-int(answer.duration * 1000) // int(PIECE * 1000)))
    names = {(channel.channel, channel.speaker): party_name(channel) for channel in answer.channels}
    return render(
        "call.html",
        name=name,
        answer=answer,
        labels=tuple(labels),
        rows=[_row(answer, labels, number * PIECE, length) for number in range(n_rows)],
        facts=[(party_name(channel), _facts(channel)) for channel in answer.channels if channel.measures],
        call_facts=_call_facts(answer),
        turns=[
            (one.time, names.get((one.channel, one.speaker), ""), f"{one.before} → {one.after}")
            for one in answer.turning_points
        ],
        segments=sorted(
            ((segment, party_name(channel)) for channel in answer.channels for segment in channel.segments),
            key=lambda each: (each[0].start, each[1]),
        ),
    )


def party_name(channel: ChannelAnswer) -> str:
    """Name a channel or a speaker by its role and its index."""
    speaker = "" if channel.speaker is None else f", speaker {channel.speaker}"
    index = f"channel {channel.channel}{speaker}"
    return f"{channel.role} ({index})" if channel.role else index.capitalize()


def _row(answer: TimelineAnswer, labels: Sequence[str], start: float, length: float) -> Row:
    """Lay out a part of the timeline."""
    end = start + length

    def mark(since: float, until: float, height: float, label: str | None, text: str) -> Mark:
        left = max(since, start)
        width = 100 * (min(until, end) - left) / length
        short = (label or UNDECIDED) if width >= MIN_NAMED else ""
        return Mark(100 * (left - start) / length, width, height, tone(label, labels), text, short)

    lanes = []
    for channel in answer.channels:
        segments = [
            mark(
                one.start,
                one.end,
                max(one.probabilities.values(), default=0.0),
                one.emotion,
                f"{clock(one.start, 1)} to {clock(one.end, 1)}: {one.emotion or UNDECIDED} "
                f"{percent(max(one.probabilities.values(), default=None))}",
            )
            for one in channel.segments
            if one.start < end and one.end > start
        ]
        points = [
            mark(one.time, one.time, 1, one.after, f"{one.before} → {one.after} at {clock(one.time)}")
            for one in answer.turning_points
            if (one.channel, one.speaker) == (channel.channel, channel.speaker) and start <= one.time < end
        ]
        lanes.append(Lane(party_name(channel), segments, points))
    alerts = [
        replace(
            mark(one.start, one.end, 1, None, f"{one.rule}, {clock(one.start)} to {clock(one.end)}"),
            name=one.severity,
        )
        for one in answer.alerts
        if one.start < end and one.end >= start
    ]
    step = next((tick for tick in TICKS if length / tick <= MAX_TICKS), TICKS[-1])
    n_ticks = int(length / step) + 1
    ticks = [(100 * n * step / length, clock(start + n * step)) for n in range(n_ticks)]
    return Row(ticks, lanes, alerts)


def _facts(channel: ChannelAnswer) -> list[tuple[str, str]]:
    """Return the measures of a channel as names and texts."""
    measures = channel.measures
    assert measures is not None
    pitch, emotion = measures.pitch, measures.emotion
    recovered = [one for one in measures.recoveries or () if one.seconds is not None]
    facts = [
        ("Talk time", lasting(measures.talk_time)),
        ("Share of the talk", percent(measures.talk_share)),
        ("Turns", f"{measures.turns}"),
        ("Longest monologue", lasting(measures.longest_monologue)),
        ("Overlap", lasting(measures.overlap)),
        ("Interrupts", _number(measures.interruptions)),
        ("Is interrupted", _number(measures.interrupted)),
        ("Response latency", lasting(measures.response_latency)),
        ("Loudness", "–" if measures.loudness is None else f"{measures.loudness:.1f} dBov"),
        ("Pitch", "–" if pitch is None else f"{pitch.median:.0f} Hz ({pitch.low:.0f} to {pitch.high:.0f})"),
        ("Volatility", "–" if measures.volatility is None else f"{measures.volatility:.2f}"),
        ("Emotion at the start", _leading(emotion.start)),
        ("Emotion at the end", _leading(emotion.end)),
    ]
    if measures.recoveries:
        facts.append(("Recovered from anger", f"{len(recovered)} of {len(measures.recoveries)}"))
    return facts


def _call_facts(answer: TimelineAnswer) -> list[tuple[str, str]]:
    """Return the measures of the call as names and texts."""
    measures = answer.measures
    if measures is None:
        return []
    interruptions = None if measures.interruptions is None else len(measures.interruptions)
    return [
        ("Silence", lasting(measures.silence)),
        ("Longest silence", lasting(measures.longest_silence)),
        ("Overlap", lasting(measures.overlap)),
        ("Turns", f"{measures.turns}"),
        ("Interruptions", _number(interruptions)),
        ("Response latency", lasting(measures.response_latency)),
    ]


def _leading(probabilities: object) -> str:
    """Return the most probable emotion of a part of the call."""
    if not isinstance(probabilities, dict) or not probabilities:
        return "–"
    best = max(probabilities, key=probabilities.__getitem__)
    return f"{best} {percent(probabilities[best])}"


def _number(value: int | None) -> str:
    return "–" if value is None else str(value)
