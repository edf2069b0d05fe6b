"""The recognition of one utterance for a request, whatever its protocol."""

from app.api.security import Caller
from app.api.service import Service
from app.api.tracing import trace_stages
from app.core.audio import Channel
from app.core.recognition import Recognition
from app.pool.share import PoolShare
from app.pool.tasks import Recognize


async def recognize_utterance(
    service: Service, caller: Caller, recording: bytes, model: str, channel: Channel, min_confidence: float
) -> tuple[Recognition, str | None]:
    """Recognize a recording with the limits of the service and the channels of the caller, and count it.

    Args:
        service: the service.
        caller: the caller, whose share of the pool the recognition uses.
        recording: the bytes of the file.
        model: the name of the bundle.
        channel: the channel to analyze.
        min_confidence: the lowest probability of an answer.

    Returns:
        The recognition, and its emotion; None without speech, and below the minimum confidence.

    Raises:
        AudioError: the recording cannot be analyzed.
        ChannelNotPermitted: the caller may not analyze the channel.
        WorkerError: the pool could not answer.
    """
    settings, permitted = service.settings, caller.channels.permitted
    recognition = await PoolShare(service.pool, caller.share).recognize(
        Recognize(
            recording,
            model,
            channel,
            settings.min_seconds,
            settings.max_utterance_seconds,
            None if permitted is None else tuple(permitted),
            settings.enabled_formats,
        )
    )
    emotion = recognition.emotion_above(min_confidence)
    service.metrics.count_recognition(model, recognition, emotion)
    trace_stages(recognition.seconds)
    return recognition, emotion
