"""A naive service as a baseline: the openSMILE call in a thread pool."""

import io

import opensmile
import soundfile
from fastapi import FastAPI, Request
from fastapi.concurrency import run_in_threadpool

from app.core.features import FeatureSet


def create_app(feature_set: FeatureSet) -> FastAPI:
    """Create the application.

    Args:
        feature_set: the feature set to extract.
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
