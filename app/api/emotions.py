"""`POST /v1/audio/emotions`: one utterance in, the probability of each emotion out."""

from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Query

from app.api import problems
from app.api.dependencies import MetricsDep, ModelName, PoolDep, SettingsDep
from app.api.schemas import EmotionAnswer
from app.api.security import ChannelNotPermitted, identify_caller
from app.api.tracing import trace_stages
from app.api.upload import REQUEST_BODY, Recording
from app.workers import Task

router = APIRouter(tags=["emotions"], dependencies=[Depends(identify_caller)])

ChannelQuery = Annotated[
    Annotated[int, Query(ge=0)] | Literal["mix"],
    Query(description="the channel that is analysed, counted from 0, or `mix`: the mean of all that may be"),
]


async def get_channel(settings: SettingsDep, channel: ChannelQuery = "mix") -> int | Literal["mix"]:
    """The channel that is asked for.

    Raises:
        ChannelNotPermitted: the operator does not let it be analysed.
    """
    permitted = settings.permitted_channels
    if permitted is not None and channel != "mix" and channel not in permitted:
        raise ChannelNotPermitted(
            f"Channel {channel} may not be analysed here, only: {', '.join(map(str, sorted(permitted)))}."
        )
    return channel


@router.post(
    "/v1/audio/emotions",
    operation_id="recognizeEmotions",
    summary="Recognise the emotion of an utterance",
    responses=problems.responses(400, 401, 403, 404, 408, 413, 415, 422, 429, 500, 503, 504),
    openapi_extra=REQUEST_BODY,
)
async def recognize_emotions(
    model: ModelName,
    channel: Annotated[int | Literal["mix"], Depends(get_channel)],
    recording: Recording,
    pool: PoolDep,
    settings: SettingsDep,
    metrics: MetricsDep,
) -> EmotionAnswer:
    """Answer how probable each emotion is in a recording of one utterance.

    The recording is WAV (PCM, float, A-law, mu-law) or FLAC, 8 to 48 kHz, up to 8 channels. One
    in which nobody speaks is answered with `speech: false` and no probabilities.
    """
    recognition = await pool.recognize(
        Task(
            recording,
            model,
            channel,
            settings.min_seconds,
            settings.max_utterance_seconds,
            settings.permitted_channels,
        )
    )
    metrics.count_recognition(model, recognition)
    trace_stages(recognition.seconds)
    return EmotionAnswer(
        model=model,
        duration=recognition.duration,
        speech=recognition.speech,
        emotion=recognition.emotion,
        probabilities=recognition.probabilities,
    )
