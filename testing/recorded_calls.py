"""Parts of a recorded telephone call, and the request for its timeline."""

from typing import Any

import numpy as np
from fastapi.testclient import TestClient
from httpx2 import Response
from numpy.typing import NDArray

from app.core.audio import Signal, resample
from testing.recordings import speech

URL = "/v1/audio/timeline"
Samples = NDArray[np.float32]


def pause(seconds: float) -> Samples:
    """Return the faint noise of a line at 8 kHz, shape (n_samples,)."""
    return np.asarray(np.random.default_rng(0).standard_normal(int(seconds * 8_000)) * 1e-4, np.float32)


def utterance(name: str) -> Samples:
    """Return an utterance of EMO-DB at 8 kHz, shape (n_samples,)."""
    samples: Samples = resample(Signal(speech(name)[np.newaxis], 16_000), 8_000).samples[0]
    return samples


def post(client: TestClient, data: bytes, **params: Any) -> Response:  # noqa: ANN401  # the parameters have several types
    """Request the timeline of a recording."""
    return client.post(URL, params=params, content=data, headers={"Content-Type": "audio/wav"})
