"""An example of each message of the live protocol.

The messages are those of real sessions: with `examples/utterance.wav`, with a call of 49 s that has a turning
point, and with a wrong message. The probabilities are rounded to three digits.
"""

from pydantic.config import JsonDict

from app.answer_examples import ALERT, MODEL_VERSION, mood_without_trend

PROBABILITIES: JsonDict = {
    "anger": 0.402,
    "surprise": 0.003,
    "happiness": 0.340,
    "sadness": 0.036,
    "neutral": 0.220,
}
PITCH: JsonDict = {"low": 117.5, "median": 128.8, "high": 140.6, "range": 3.11}
SEGMENT: JsonDict = {
    "start": 0.0,
    "end": 2.98,
    "emotion": "anger",
    "probabilities": PROBABILITIES,
    "segments_used": 1,
    "loudness": -16.4,
    "pitch": PITCH,
}
INTERIM: JsonDict = {
    "start": 0.0,
    "end": 3.0,
    "emotion": "anger",
    "probabilities": {
        "anger": 0.381,
        "surprise": 0.003,
        "happiness": 0.334,
        "sadness": 0.031,
        "neutral": 0.251,
    },
    "segments_used": 1,
    "loudness": -16.4,
    "pitch": PITCH,
}
MOOD = mood_without_trend(PROBABILITIES, [0, 1, 2, 3], 0.0)
CHANNEL: JsonDict = {
    "channel": 0,
    "speaker": None,
    "role": None,
    "speech_duration": 2.98,
    "summary": {
        "emotion": "anger",
        "probabilities": PROBABILITIES,
        "shares": {"anger": 1.0, "surprise": 0.0, "happiness": 0.0, "sadness": 0.0, "neutral": 0.0},
        "undecided": 0.0,
    },
    "segments": [SEGMENT],
    "measures": {
        "talk_time": 2.98,
        "talk_share": None,
        "overlap": None,
        "turns": 1,
        "turns_per_minute": 18.81,
        "longest_monologue": 2.98,
        "interruptions": None,
        "interrupted": None,
        "response_latency": None,
        "loudness": -16.4,
        "pitch": PITCH,
        "emotion": MOOD,
        "volatility": None,
        "recoveries": [],
    },
}
PROBLEM: JsonDict = {
    "type": "/problems/invalid-message",
    "title": "A message of the live session is wrong",
    "status": 422,
    "detail": "A message is not valid. start.encoding: Input should be 'linear16', 'mulaw' or 'alaw'",
    "code": "invalid-message",
    "request_id": "cb2f5c17c13c4d01a1d18952556aea45",
}

SESSION = "5f62233e00b345f0924d88ea00f6017d"

EXAMPLES: dict[str, JsonDict] = {
    "start": {"type": "start", "encoding": "linear16", "sampling_rate": 16_000, "channels": 1},
    "reconnect": {"type": "reconnect", "session": SESSION, "after": 2},
    "pause": {"type": "pause"},
    "resume": {"type": "resume"},
    "stop": {"type": "stop"},
    "ready": {
        "type": "ready",
        "session": SESSION,
        "model": "multilingual",
        "model_version": MODEL_VERSION,
        "channels": [0],
        "offset": 0,
        "limits": {
            "max_seconds": 3600.0,
            "max_message_bytes": 1048576,
            "max_speed": 2.0,
            "idle_seconds": 30.0,
            "reconnect_seconds": 30.0,
        },
    },
    "speech_started": {"type": "speech_started", "sequence": 1, "channel": 0, "role": None, "time": 0.0},
    "interim": {**INTERIM, "type": "interim", "sequence": 2, "channel": 0, "role": None},
    "segment": {**SEGMENT, "type": "segment", "sequence": 3, "channel": 0, "speaker": None, "role": None},
    "turning_point": {
        "time": 24.59,
        "sequence": 31,
        "channel": 0,
        "speaker": None,
        "role": None,
        "before": "neutral",
        "after": "anger",
        "type": "turning_point",
    },
    "alert": {**ALERT, "type": "alert", "sequence": 32},
    "warning": {
        "type": "warning",
        "sequence": 2,
        "code": "too-fast",
        "detail": "The audio is faster than 2 times real time, so that the service reads it more slowly.",
    },
    "summary": {
        "type": "summary",
        "sequence": 4,
        "timeline": {
            "model": "multilingual",
            "model_version": MODEL_VERSION,
            "metadata": {},
            "duration": 3.189625,
            "channels": [CHANNEL],
            "turning_points": [],
            "measures": {
                "talk_time": 2.98,
                "silence": 0.21,
                "longest_silence": 0.21,
                "overlap": None,
                "turns": 1,
                "turns_per_minute": 18.81,
                "longest_monologue": 2.98,
                "interruptions": None,
                "response_latency": None,
                "emotion": MOOD,
            },
            "alerts": [],
        },
    },
    "closed": {"type": "closed", "sequence": 5, "reason": "stopped"},
    "error": {"type": "error", "problem": PROBLEM},
}
"""The examples, by the `type` of the message."""
