"""`POST /v1/audio/emotions`: one utterance in, the probability of each emotion out."""

from typing import Annotated, Literal

from fastapi import APIRouter, Query

from app.api import problems
from app.api.dependencies import ModelName, PoolDep, SettingsDep
from app.api.schemas import EmotionAnswer
from app.api.upload import REQUEST_BODY, Recording
from app.workers import Task

router = APIRouter(tags=["emotions"])

ChannelQuery = Annotated[
    Annotated[int, Query(ge=0)] | Literal["mix"],
    Query(description="the channel that is analysed, counted from 0, or `mix`: the mean of all"),
]


@router.post(
    "/v1/audio/emotions",
    operation_id="recognizeEmotions",
    summary="Recognise the emotion of an utterance",
    responses=problems.responses(400, 404, 413, 415, 422, 500, 503, 504),
    openapi_extra=REQUEST_BODY,
)
async def recognize_emotions(
    model: ModelName,
    recording: Recording,
    pool: PoolDep,
    settings: SettingsDep,
    channel: ChannelQuery = "mix",
) -> EmotionAnswer:
    """Answer how probable each emotion is in a recording of one utterance.

    The recording is WAV (PCM, float, A-law, mu-law) or FLAC, 8 to 48 kHz, up to 8 channels. One
    in which nobody speaks is answered with `speech: false` and no probabilities.
    """
    recognition = await pool.recognize(
        Task(recording, model, channel, settings.min_seconds, settings.max_utterance_seconds)
    )
    return EmotionAnswer(
        model=model,
        duration=recognition.duration,
        speech=recognition.speech,
        emotion=recognition.emotion,
        probabilities=recognition.probabilities,
    )
