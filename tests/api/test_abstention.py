"""Answers without an emotion, because the highest probability is below the minimum confidence."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from httpx2 import Response

from app.main import create_app
from app.settings import Settings
from testing.recordings import EXAMPLE, call

EMOTIONS, TIMELINE = "/v1/audio/emotions", "/v1/audio/timeline"


def post(client: TestClient, url: str, data: bytes, query: str = "") -> Response:
    return client.post(url + query, content=data, headers={"Content-Type": "audio/wav"})


@pytest.fixture(scope="module")
def cautious(models_dir: Path) -> Iterator[TestClient]:
    """A service that answers only if it is certain, unless a request has another minimum."""
    settings = Settings(models_dir=models_dir, default_model="small", workers=1, min_confidence=1.0)
    with TestClient(create_app(settings), raise_server_exceptions=False) as client:
        yield client


def test_an_undecided_utterance_has_speech_and_probabilities(client: TestClient) -> None:
    decided = post(client, EMOTIONS, EXAMPLE.read_bytes()).json()
    highest = max(decided["probabilities"].values())
    above, below = f"?min_confidence={highest + 1e-6}", f"?min_confidence={highest - 1e-6}"
    assert post(client, EMOTIONS, EXAMPLE.read_bytes(), above).json() == {**decided, "emotion": None}
    assert post(client, EMOTIONS, EXAMPLE.read_bytes(), below).json() == decided
    assert decided["speech"]


def test_segments_below_the_minimum_are_undecided(client: TestClient) -> None:
    query = "?min_confidence={}".format
    data = call(8)
    decided = post(client, TIMELINE, data).json()["channels"]
    highest = [
        max(segment["probabilities"].values()) for channel in decided for segment in channel["segments"]
    ]
    least = sum(highest) / len(highest)
    assert min(highest) < least < max(highest)
    for before, after in zip(
        decided, post(client, TIMELINE, data, query(least)).json()["channels"], strict=True
    ):
        undecided = 0.0
        for one, other in zip(before["segments"], after["segments"], strict=True):
            enough = max(one["probabilities"].values()) >= least
            assert other == {**one, "emotion": one["emotion"] if enough else None}
            undecided += 0 if enough else one["end"] - one["start"]
        summary = after["summary"]
        assert summary["undecided"] == pytest.approx(undecided / after["speech_duration"])
        assert sum(summary["shares"].values()) + summary["undecided"] == pytest.approx(1)
    (first, *_) = post(client, TIMELINE, data, query(1)).json()["channels"]
    assert (first["summary"]["emotion"], first["summary"]["undecided"]) == (None, 1.0)
    assert first["summary"]["probabilities"] == decided[0]["summary"]["probabilities"]


def test_the_setting_is_the_default_of_requests(cautious: TestClient) -> None:
    data = EXAMPLE.read_bytes()
    assert post(cautious, EMOTIONS, data).json()["emotion"] is None
    assert post(cautious, EMOTIONS, data, "?min_confidence=0").json()["emotion"] is not None
    channels = post(cautious, TIMELINE, data).json()["channels"]
    assert [segment["emotion"] for segment in channels[0]["segments"]] == [None]
    metrics = cautious.get("/metrics").text
    assert 'ser_emotions_total{emotion="undecided",model="small"} 2.0' in metrics
    assert 'emotion="none"' not in metrics


@pytest.mark.parametrize("value", ["-0.1", "1.1", "high", ""])
@pytest.mark.parametrize("url", [EMOTIONS, TIMELINE])
def test_a_minimum_that_is_no_probability_is_refused(client: TestClient, url: str, value: str) -> None:
    answer = post(client, url, EXAMPLE.read_bytes(), f"?min_confidence={value}")
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid-request")
    assert "min_confidence" in answer.json()["detail"]
