"""`POST /v1/audio/emotions`: the probability of each emotion in one utterance."""

from dataclasses import replace

from fastapi import APIRouter, BackgroundTasks

from app.answers import EmotionAnswer
from app.api import problems
from app.api.dependencies import (
    CallerDep,
    ChannelDep,
    ChoiceDep,
    MetadataDep,
    MinConfidence,
    ServiceDep,
    requires,
)
from app.api.upload import REQUEST_BODY, Recording
from app.api.utterances import recognize_utterance, utterance_task
from app.keys import KeyScope

router = APIRouter(tags=["emotions"], dependencies=[requires(KeyScope.RECOGNIZE)])


@router.post(
    "/v1/audio/emotions",
    operation_id="recognizeEmotions",
    summary="Recognize the emotion of an utterance",
    responses=problems.responses(400, 401, 403, 404, 408, 413, 415, 422, 429, 500, 503, 504, 507),
    openapi_extra=REQUEST_BODY,
)
async def recognize_emotions(  # noqa: PLR0913, PLR0917  # FastAPI passes all by name
    choice: ChoiceDep,
    channel: ChannelDep,
    min_confidence: MinConfidence,
    metadata: MetadataDep,
    recording: Recording,
    service: ServiceDep,
    caller: CallerDep,
    background: BackgroundTasks,
) -> EmotionAnswer:
    """Recognize the probability of each emotion in a recording of one utterance.

    The recording is WAV, FLAC, MP3, Ogg (Vorbis or Opus), AIFF or AU, 8 to 48 kHz, up to 8 channels. Audio
    without a header needs `encoding`. If the recording contains no speech, the answer has `speech: false` and
    no probabilities. If the highest probability is below `min_confidence`, the answer has `speech: true`, the
    probabilities, and `emotion: null`.
    """
    task = utterance_task(service, caller, recording, choice.model, channel)
    recognition, emotion = await recognize_utterance(service, caller, task, min_confidence)
    if choice.shadow is not None and recognition.speech:
        background.add_task(service.shadows.start, replace(task, model=choice.shadow), recognition)
    return EmotionAnswer(
        model=choice.model,
        model_version=service.answers.versions[choice.model],
        metadata=metadata,
        duration=recognition.duration,
        speech=recognition.speech,
        emotion=emotion,
        probabilities=recognition.probabilities,
    )
