"""`POST /v1/audio/emotions`: one utterance in, the probability of each emotion out."""

from fastapi import APIRouter, Depends

from app.api import problems
from app.api.dependencies import ChannelDep, ModelName, ServiceDep, identify_caller
from app.api.schemas import EmotionAnswer
from app.api.tracing import trace_stages
from app.api.upload import REQUEST_BODY, Recording
from app.tasks import Recognize

router = APIRouter(tags=["emotions"], dependencies=[Depends(identify_caller)])


@router.post(
    "/v1/audio/emotions",
    operation_id="recognizeEmotions",
    summary="Recognise the emotion of an utterance",
    responses=problems.responses(400, 401, 403, 404, 408, 413, 415, 422, 429, 500, 503, 504),
    openapi_extra=REQUEST_BODY,
)
async def recognize_emotions(
    model: ModelName,
    channel: ChannelDep,
    recording: Recording,
    service: ServiceDep,
) -> EmotionAnswer:
    """Answer how probable each emotion is in a recording of one utterance.

    The recording is WAV (PCM, float, A-law, mu-law) or FLAC, 8 to 48 kHz, up to 8 channels. One
    in which nobody speaks is answered with `speech: false` and no probabilities.
    """
    permitted = service.settings.permitted_channels
    recognition = await service.pool.recognize(
        Recognize(
            recording,
            model,
            channel,
            service.settings.min_seconds,
            service.settings.max_utterance_seconds,
            None if permitted is None else tuple(permitted),
        )
    )
    service.metrics.count_recognition(model, recognition)
    trace_stages(recognition.seconds)
    return EmotionAnswer(
        model=model,
        duration=recognition.duration,
        speech=recognition.speech,
        emotion=recognition.emotion,
        probabilities=recognition.probabilities,
    )
