"""The recognition of one utterance for a request, whatever its protocol."""

from app.api.security import Caller
from app.api.service import Service
from app.api.tracing import trace_stages
from app.core.audio import Channel
from app.core.recognition import Recognition
from app.pool.share import PoolShare
from app.pool.tasks import Recognize


def utterance_task(
    service: Service, caller: Caller, recording: bytes, model: str, channel: Channel
) -> Recognize:
    """Return the recognition of a recording with the limits of the service and the channels of the caller.

    Args:
        service: the service.
        caller: the caller.
        recording: the bytes of the file.
        model: the name of the bundle.
        channel: the channel to analyze.
    """
    settings, permitted = service.settings, caller.channels.permitted
    return Recognize(
        recording,
        model,
        channel,
        settings.min_seconds,
        settings.max_utterance_seconds,
        None if permitted is None else tuple(permitted),
        settings.enabled_formats,
    )


async def recognize_utterance(
    service: Service, caller: Caller, task: Recognize, min_confidence: float
) -> tuple[Recognition, str | None]:
    """Recognize a recording, and count it.

    Args:
        service: the service.
        caller: the caller, whose share of the pool the recognition uses.
        task: the recognition.
        min_confidence: the lowest probability of an answer.

    Returns:
        The recognition, and its emotion; None without speech, and below the minimum confidence.

    Raises:
        AudioError: the recording cannot be analyzed.
        ChannelNotPermitted: the caller may not analyze the channel.
        WorkerError: the pool could not answer.
    """
    recognition = await PoolShare(service.pool, caller.share).recognize(task)
    emotion = recognition.emotion_above(min_confidence)
    service.metrics.count_recognition(task.model, recognition, emotion)
    trace_stages(recognition.seconds)
    return recognition, emotion
