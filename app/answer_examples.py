"""The examples in the schemas of the answers."""

from pydantic.config import JsonDict

PROBABILITIES: JsonDict = {
    "anger": 0.81,
    "surprise": 0.02,
    "happiness": 0.10,
    "sadness": 0.01,
    "neutral": 0.06,
}
"""Probabilities."""

MODEL_VERSION = "9f2c" * 16
"""The version of a bundle."""

ALERT: JsonDict = {
    "rule": "angry-customer",
    "severity": "critical",
    "description": "The customer is clearly angry.",
    "start": 0.42,
    "end": 3.91,
    "channel": 0,
    "role": "customer",
    "speaker": None,
}
"""An alert."""

METADATA: JsonDict = {"call": "4711", "queue": "sales"}
"""The metadata of a request."""

PITCH: JsonDict = {"low": 172.4, "median": 208.1, "high": 267.0, "range": 7.57}
"""The pitch of a segment and of a channel."""


def mood_without_trend(probabilities: JsonDict, quarters: list[int], time: float) -> JsonDict:
    """Return the course of the emotion of a call with a single segment.

    Args:
        probabilities: the probabilities of the segment.
        quarters: the quarters of the call in which the segment lies, from 0.
        time: the start of the segment, in seconds.
    """
    return {
        "start": probabilities,
        "end": probabilities,
        "quarters": [probabilities if quarter in quarters else None for quarter in range(4)],
        "trend": None,
        "peaks": {label: {"time": time, "probability": value} for label, value in probabilities.items()},
    }


SILENT_MOOD: JsonDict = {"start": None, "end": None, "quarters": [None] * 4, "trend": None, "peaks": {}}
"""The course of the emotion of a channel without speech."""

TIMELINE: JsonDict = {
    "model": "multilingual",
    "model_version": MODEL_VERSION,
    "metadata": METADATA,
    "duration": 12.4,
    "channels": [
        {
            "channel": 0,
            "speaker": None,
            "role": "customer",
            "speech_duration": 3.49,
            "summary": {
                "emotion": "anger",
                "probabilities": PROBABILITIES,
                "shares": {**dict.fromkeys(PROBABILITIES, 0.0), "anger": 1.0},
                "undecided": 0.0,
            },
            "segments": [
                {
                    "start": 0.42,
                    "end": 3.91,
                    "emotion": "anger",
                    "probabilities": PROBABILITIES,
                    "segments_used": 1,
                    "loudness": -21.3,
                    "pitch": PITCH,
                }
            ],
            "measures": {
                "talk_time": 3.49,
                "talk_share": 1.0,
                "overlap": 0.0,
                "turns": 1,
                "turns_per_minute": 4.84,
                "longest_monologue": 3.49,
                "interruptions": 0,
                "interrupted": 0,
                "response_latency": None,
                "loudness": -21.3,
                "pitch": PITCH,
                "emotion": mood_without_trend(PROBABILITIES, [0, 1], 0.42),
                "volatility": None,
                "recoveries": [],
            },
        },
        {
            "channel": 1,
            "speaker": None,
            "role": "agent",
            "speech_duration": 0.0,
            "summary": None,
            "segments": [],
            "measures": {
                "talk_time": 0.0,
                "talk_share": 0.0,
                "overlap": 0.0,
                "turns": 0,
                "turns_per_minute": 0.0,
                "longest_monologue": 0.0,
                "interruptions": 0,
                "interrupted": 0,
                "response_latency": None,
                "loudness": None,
                "pitch": None,
                "emotion": SILENT_MOOD,
                "volatility": None,
                "recoveries": None,
            },
        },
    ],
    "turning_points": [],
    "alerts": [ALERT],
    "measures": {
        "talk_time": 3.49,
        "silence": 8.91,
        "longest_silence": 8.49,
        "overlap": 0.0,
        "turns": 1,
        "turns_per_minute": 4.84,
        "longest_monologue": 3.49,
        "interruptions": [],
        "response_latency": None,
        "emotion": mood_without_trend(PROBABILITIES, [0, 1], 0.42),
    },
}
"""The timeline of a call in which only the customer speaks."""
