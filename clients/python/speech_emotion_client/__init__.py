"""A client of the speech emotion service: utterances, calls, jobs, live calls and webhooks.

Example:
    from speech_emotion_client import Client

    with Client("https://emotions.example.com", key="…") as client:
        print(client.recognize("utterance.wav").emotion)

The errors are drawn in `speech_emotion_client.errors`. The options of each method are the fields of the
classes in `speech_emotion_client.options`.
"""

from speech_emotion_client.answers import (
    Alert,
    Channel,
    Job,
    JobPage,
    Model,
    Models,
    Segment,
    Summary,
    Timeline,
    TurningPoint,
    Utterance,
)
from speech_emotion_client.async_client import AsyncClient
from speech_emotion_client.async_live_session import AsyncLiveSession
from speech_emotion_client.client import Client
from speech_emotion_client.errors import (
    AudioLost,
    ConnectionFailed,
    Forbidden,
    InvalidRequest,
    JobCancelled,
    JobNotEnded,
    NotFound,
    ProblemDocument,
    ProblemError,
    RateLimited,
    RecordingRefused,
    ServiceFailed,
    SpeechEmotionError,
    TimedOut,
    Unauthenticated,
    Unavailable,
    UnexpectedAnswer,
    WebhookRejected,
)
from speech_emotion_client.events import (
    AlertRaised,
    Closed,
    Event,
    Interim,
    MoodTurned,
    Ready,
    SegmentEnded,
    SpeechStarted,
    Summarized,
    Warned,
)
from speech_emotion_client.live_session import LiveSession
from speech_emotion_client.retries import Retries
from speech_emotion_client.version import __version__
from speech_emotion_client.webhooks import WebhookEvent, verify_webhook

__all__ = [
    "Alert",
    "AlertRaised",
    "AsyncClient",
    "AsyncLiveSession",
    "AudioLost",
    "Channel",
    "Client",
    "Closed",
    "ConnectionFailed",
    "Event",
    "Forbidden",
    "Interim",
    "InvalidRequest",
    "Job",
    "JobCancelled",
    "JobNotEnded",
    "JobPage",
    "LiveSession",
    "Model",
    "Models",
    "MoodTurned",
    "NotFound",
    "ProblemDocument",
    "ProblemError",
    "RateLimited",
    "Ready",
    "RecordingRefused",
    "Retries",
    "Segment",
    "SegmentEnded",
    "ServiceFailed",
    "SpeechEmotionError",
    "SpeechStarted",
    "Summarized",
    "Summary",
    "TimedOut",
    "Timeline",
    "TurningPoint",
    "Unauthenticated",
    "Unavailable",
    "UnexpectedAnswer",
    "Utterance",
    "Warned",
    "WebhookEvent",
    "WebhookRejected",
    "__version__",
    "verify_webhook",
]
