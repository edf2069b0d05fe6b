"""The service that one would write first, to measure against: openSMILE's own call in a thread pool."""

import io

import opensmile
import soundfile
from fastapi import FastAPI, Request
from fastapi.concurrency import run_in_threadpool

from app.core.features import FeatureSet


def create_app(feature_set: FeatureSet) -> FastAPI:
    """Make it.

    Args:
        feature_set: what it extracts.
    """
    app = FastAPI()
    smile = opensmile.Smile(opensmile.FeatureSet[feature_set], opensmile.FeatureLevel.Functionals)

    def extract(data: bytes) -> float:
        samples, sampling_rate = soundfile.read(io.BytesIO(data), dtype="float32")
        return float(smile.process_signal(samples, sampling_rate).to_numpy().sum())

    @app.post("/v1/audio/emotions")
    async def sum_of_features(request: Request) -> float:
        return await run_in_threadpool(extract, await request.body())

    @app.get("/health/ready")
    async def ready() -> None:
        return None

    return app
