"""The analysis of a call by services with other settings: channels, deadline, and adaptation to speakers."""

from pathlib import Path

import numpy as np
from fastapi.testclient import TestClient

from app.core.audio import Signal, decode
from app.core.bundle import read_bundle
from app.core.recognizer import EmotionRecognizer
from app.core.segments import find_segments
from app.core.speaker import adapt
from app.main import create_app
from app.settings import Settings
from testing import bundles
from testing.recorded_calls import post
from testing.recordings import encode, speech


def test_a_channel_that_is_not_permitted_is_never_analyzed(models_dir: Path, call: bytes) -> None:
    settings = Settings(models_dir=models_dir, default_model="small", workers=1, channels="1")
    with TestClient(create_app(settings)) as client:
        refused = post(client, call, channels="0,1")
        assert (refused.status_code, refused.json()["code"]) == (403, "channel-not-permitted")
        assert [channel["channel"] for channel in post(client, call).json()["channels"]] == [1]
        mono = post(client, encode(speech()))
        assert (mono.status_code, mono.json()["code"]) == (422, "channel-not-found")


def test_an_exceeded_deadline_gets_504_and_loses_no_worker(models_dir: Path, call: bytes) -> None:
    settings = Settings(models_dir=models_dir, default_model="small", workers=1, call_timeout=1e-3)
    with TestClient(create_app(settings)) as client:
        response = post(client, call)
        assert (response.status_code, response.json()["code"]) == (504, "deadline-exceeded")
        assert client.app.state.pool.replaced.total() == 0  # type: ignore[attr-defined]  # FastAPI does not declare `state`


def test_the_probabilities_of_a_channel_are_adapted_to_its_speaker(tmp_path: Path, call: bytes) -> None:
    folder = bundles.write(tmp_path, "adapting", inputs=("log_mel",), adapts=True)
    settings = Settings(models_dir=tmp_path, default_model="adapting", workers=1)
    with TestClient(create_app(settings)) as client:
        timeline = post(client, call).json()
    agent, customer = (channel["segments"] for channel in timeline["channels"])
    assert len(agent) > 1
    assert {segment["segments_used"] for segment in agent} == {len(agent)}
    assert {segment["segments_used"] for segment in customer} == {len(customer)}

    decoded = decode(call)
    recognizer = EmotionRecognizer(read_bundle(folder))
    spoken = np.zeros(round(100 * decoded.duration), np.bool_)
    for segment in agent:
        spoken[round(100 * segment["start"]) : round(100 * segment["end"])] = True
    contexts = [segment.context for segment in find_segments(spoken)]
    excerpts = [decoded.samples[:1, 80 * context.start : 80 * context.end] for context in contexts]
    scores = [recognizer.recognize_speech(Signal(samples, 8_000)).scores for samples in excerpts]
    expected = adapt([score for score in scores if score is not None])
    received = [list(segment["probabilities"].values()) for segment in agent]
    np.testing.assert_allclose(received, expected, atol=1e-6)
