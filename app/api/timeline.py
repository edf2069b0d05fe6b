"""`POST /v1/audio/timeline`: a whole call in, on each channel who felt what and when out."""

from typing import Annotated

from fastapi import APIRouter, Depends, Query

from app.api import problems
from app.api.dependencies import ChannelsDep, ModelName, ServiceDep, identify_caller
from app.api.schemas import TimelineAnswer
from app.api.upload import REQUEST_BODY, CallFile
from app.calls import CallAnalyzer, Limits

router = APIRouter(tags=["emotions"], dependencies=[Depends(identify_caller)])


@router.post(
    "/v1/audio/timeline",
    operation_id="analyzeCall",
    summary="Analyse a call",
    responses=problems.responses(400, 401, 403, 404, 408, 413, 415, 422, 429, 500, 503, 504, 507),
    openapi_extra=REQUEST_BODY,
)
async def analyze_call(
    model: ModelName,
    channels: ChannelsDep,
    file: CallFile,
    service: ServiceDep,
    merge: Annotated[  # noqa: FBT002  # FastAPI passes it by name
        bool, Query(description="make one segment of neighbours of the same emotion")
    ] = False,
) -> TimelineAnswer:
    """Answer who felt what, and when, in a recording of a whole call.

    Speech is found on each channel and cut into segments at its pauses; channels are never mixed.
    The recording is WAV (PCM, float, A-law, mu-law) or FLAC, 8 to 48 kHz, up to 8 channels. One in
    which nobody speaks has no segments.
    """
    settings = service.settings
    limits = Limits(settings.min_seconds, settings.max_call_seconds, settings.call_timeout)
    analyzer = CallAnalyzer(service.pool, limits, settings.permitted_channels)
    timeline = await analyzer.analyze(file, model, channels)
    service.metrics.count_timeline(model, timeline)
    return TimelineAnswer.of(model, timeline, merged=merge)
