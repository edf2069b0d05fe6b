"""A generated call, and the timeline that the service would return for it."""

from dataclasses import asdict
from typing import Any

import numpy as np

from app.calls.measures import measure
from app.core.timeline import ChannelTimeline, Segment, Timeline
from testing.recordings import encode, tone

LABELS = ["anger", "surprise", "happiness", "sadness", "neutral"]
SECONDS = 40.0
SPANS = {0: [(1.0, 4.5), (9.0, 12.25), (20.0, 24.0)], 1: [(5.0, 8.5), (13.0, 19.0), (25.0, 38.0)]}
EMOTIONS = {0: ["neutral", "neutral", "happiness"], 1: ["neutral", "anger", "anger"]}


def recording() -> bytes:
    """Return a stereo call in mu-law at 8 kHz, which no browser can decode by itself."""
    samples = np.zeros((int(SECONDS * 8000), 2), np.float32)
    for channel, spans in SPANS.items():
        for start, end in spans:
            samples[int(start * 8000) : int(end * 8000), channel] = tone(end - start, 8000)
    return encode(samples, 8000, "ULAW")


def answer() -> dict[str, Any]:
    """Return the timeline of the call."""
    turn = {"time": 13.0, "channel": 1, "before": "neutral", "after": "anger"}
    channels = [_channel(channel) for channel in SPANS]
    return {"model": "multilingual", "duration": SECONDS, "channels": channels, "turning_points": [turn]}


def undecided_answer() -> dict[str, Any]:
    """Return a timeline of the call in which a segment of each channel is undecided."""
    undecided = answer()
    for channel in undecided["channels"]:
        channel["segments"][1] |= {"emotion": None, "probabilities": dict.fromkeys(LABELS, 0.2)}
        channel["summary"] |= {"undecided": 1 / 3}
        channel["summary"]["shares"] = dict.fromkeys(LABELS, 0.0) | {
            channel["segments"][index]["emotion"]: 1 / 3 for index in (0, 2)
        }
    return undecided


def measured_answer(*, speakers: bool = False) -> dict[str, Any]:
    """Return the timeline of the call with its measures and three alerts.

    Args:
        speakers: whether the two rows are speakers of channel 0.
    """
    measured = answer()
    rows = [
        ChannelTimeline(
            0 if speakers else row["channel"],
            tuple(Segment(one["start"], one["end"], one["probabilities"]) for one in row["segments"]),
            speaker=row["channel"] if speakers else None,
        )
        for row in measured["channels"]
    ]
    found = measure(Timeline(SECONDS, tuple(rows)))
    measured["measures"] = asdict(found.call)
    for answered, row, measures in zip(measured["channels"], rows, found.parties, strict=True):
        answered |= {
            "channel": row.channel,
            "speaker": row.speaker,
            "role": None,
            "measures": asdict(measures),
        }
    place = {"channel": rows[1].channel, "speaker": rows[1].speaker}
    measured["turning_points"][0] |= place
    measured["alerts"] = [
        alert("angry-customer", "critical", 13.0, 19.0, **place),
        alert("long-anger", "warning", 13.0, 30.0, **place),
        alert("nobody-happy", "info", 0.0, 40.0),
    ]
    return measured


def alert(
    rule: str,
    severity: str,
    start: float,
    end: float,
    *,
    channel: int | None = None,
    speaker: int | None = None,
) -> dict[str, Any]:
    """Return an alert, on no channel by default."""
    described = {"rule": rule, "severity": severity, "description": f"About {rule}."}
    return {**described, "start": start, "end": end, "channel": channel, "speaker": speaker, "role": None}


def _channel(channel: int) -> dict[str, Any]:
    segments = [
        {"start": start, "end": end, "emotion": emotion, "probabilities": _probabilities(emotion)}
        for (start, end), emotion in zip(SPANS[channel], EMOTIONS[channel], strict=True)
    ]
    emotion = EMOTIONS[channel][-1]
    summary = {
        "emotion": emotion,
        "probabilities": _probabilities(emotion),
        "shares": {label: EMOTIONS[channel].count(label) / 3 for label in LABELS},
    }
    spoken = sum(end - start for start, end in SPANS[channel])
    return {"channel": channel, "speech_duration": spoken, "summary": summary, "segments": segments}


def _probabilities(emotion: str) -> dict[str, float]:
    return {label: 0.6 if label == emotion else 0.1 for label in LABELS}
