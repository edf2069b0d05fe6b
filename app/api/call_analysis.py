"""`POST /v1/audio/timeline`: the analysis of a whole call, channel by channel."""

from fastapi import APIRouter

from app.answers import TimelineAnswer
from app.api import problems
from app.api.dependencies import CallerDep, CallOptionsDep, ChoiceDep, PoolDep, ServiceDep, requires
from app.api.upload import REQUEST_BODY, CallFile
from app.calls.analysis import CallAnalyzer, Limits
from app.keys import KeyScope

router = APIRouter(tags=["emotions"], dependencies=[requires(KeyScope.RECOGNIZE)])


@router.post(
    "/v1/audio/timeline",
    operation_id="analyzeCall",
    summary="Analyze a call",
    responses=problems.responses(400, 401, 403, 404, 408, 413, 415, 422, 429, 500, 503, 504, 507),
    openapi_extra=REQUEST_BODY,
)
async def analyze_call(
    choice: ChoiceDep,
    options: CallOptionsDep,
    file: CallFile,
    service: ServiceDep,
    caller: CallerDep,
    pool: PoolDep,
) -> TimelineAnswer:
    """Analyze the emotions in a recording of a whole call over time.

    The service detects speech on each channel and cuts the speech into segments at its pauses. Channels are
    never mixed. The recording is WAV, FLAC, MP3, Ogg (Vorbis or Opus), AIFF or AU, 8 to 48 kHz, up to 8
    channels. Audio without a header needs `encoding`. A channel without speech has no segments.
    """
    settings = service.settings
    limits = Limits(
        settings.min_seconds, settings.max_call_seconds, settings.call_timeout, settings.enabled_formats
    )
    analyzer = CallAnalyzer(pool, limits, caller.channels)
    timeline = await analyzer.analyze(file, choice.model, options)
    service.metrics.count_timeline(choice.model, timeline)
    answer = service.answers.build(choice.model, timeline, options)
    service.metrics.count_alerts(answer.alerts)
    return answer
