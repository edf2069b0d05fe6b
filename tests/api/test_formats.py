"""Recordings of every format, end to end."""

import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from fastapi.testclient import TestClient
from httpx2 import Response
from numpy.typing import NDArray

from app.calls.source import PART
from app.core.audio import Signal, decode, resample
from app.core.containers import FORMATS
from app.main import create_app
from app.settings import Settings
from testing.recordings import CODECS, NOT_ENABLED, encode, encode_as, speech, two_voices

EMOTIONS, TIMELINE = "/v1/audio/emotions", "/v1/audio/timeline"
BY_DEFAULT = sorted(CODECS.keys() - NOT_ENABLED.keys())


@pytest.fixture(scope="module")
def open_client(models_dir: Path) -> Iterator[TestClient]:
    """A client of a service that accepts every format."""
    settings = Settings(models_dir=models_dir, default_model="small", workers=2, formats=",".join(FORMATS))
    with TestClient(create_app(settings), raise_server_exceptions=False) as client:
        yield client


@pytest.fixture(scope="module")
def utterance() -> NDArray[np.float32]:
    """Real speech at 8 kHz, the sampling rate of the telephone codecs."""
    samples: NDArray[np.float32] = resample(Signal(speech()[np.newaxis], 16_000), 8_000).samples[0]
    return samples


@pytest.fixture(scope="module")
def call() -> NDArray[np.float32]:
    """Two voices on two channels at 8 kHz, shape (n_samples, 2), longer than a part of a copy."""
    voices = resample(Signal(two_voices()[np.newaxis], 16_000), 8_000).samples[0]
    voices = np.concatenate([voices, np.zeros(8_000 * (PART - 3) - len(voices), np.float32), voices])
    return np.stack([voices, np.roll(voices, 8_000 * 20)], axis=1)


def post(client: TestClient, url: str, data: bytes, **params: Any) -> Response:  # noqa: ANN401  # of several types
    headers = {"Content-Type": "application/octet-stream"}
    return client.post(url, params=params, content=data, headers=headers)


@pytest.mark.parametrize("kind", CODECS)
def test_an_utterance_of_each_kind_has_nearly_the_answer_of_wav(
    client: TestClient, open_client: TestClient, utterance: NDArray[np.float32], kind: str
) -> None:
    data = encode_as(kind, utterance, 8_000)
    if kind in NOT_ENABLED:
        response = post(client, EMOTIONS, data)
        assert (response.status_code, response.json()["code"]) == (415, "unsupported-media-type")
        assert "ffmpeg -i in.m4a out.flac" in response.json()["detail"]
    response = post(open_client if kind in NOT_ENABLED else client, EMOTIONS, data)
    assert response.status_code == 200
    answer, expected = response.json(), post(client, EMOTIONS, encode(utterance, 8_000)).json()
    assert answer["duration"] == pytest.approx(expected["duration"], abs=0.07)
    for emotion, probability in expected["probabilities"].items():
        assert answer["probabilities"][emotion] == pytest.approx(probability, abs=0.35)


@pytest.mark.parametrize("kind", ["mp3", "vorbis", "opus", "aiff", "ima-adpcm"])
def test_a_call_of_each_kind_has_the_timeline_of_its_samples(
    open_client: TestClient, call: NDArray[np.float32], kind: str
) -> None:
    """The parts of a copy join without a gap: the decoded samples, sent as WAV, give the same timeline."""
    data = encode_as(kind, call, 8_000)
    samples, rate = soundfile.read(io.BytesIO(data), dtype="float32")
    wav = io.BytesIO()
    soundfile.write(wav, np.rint(samples * 32_768).clip(-32_768, 32_767).astype(np.int16), rate, format="WAV")
    response = post(open_client, TIMELINE, data)
    assert response.status_code == 200
    answer, expected = response.json(), post(open_client, TIMELINE, wav.getvalue()).json()
    assert answer["duration"] == pytest.approx(expected["duration"], abs=1e-3)
    for channel, other in zip(answer["channels"], expected["channels"], strict=True):
        assert len(other["segments"]) > 3
        edges = [(segment["start"], segment["end"]) for segment in channel["segments"]]
        assert edges == [(segment["start"], segment["end"]) for segment in other["segments"]]
        for segment, same in zip(channel["segments"], other["segments"], strict=True):
            assert segment["probabilities"] == pytest.approx(same["probabilities"], abs=0.01)


@pytest.mark.parametrize("kind", ["gsm", "g721"])
def test_a_call_of_one_channel_of_a_telephone_codec_is_analyzed(
    open_client: TestClient, call: NDArray[np.float32], kind: str
) -> None:
    (channel,) = post(open_client, TIMELINE, encode_as(kind, call[:, 0], 8_000)).json()["channels"]
    assert len(channel["segments"]) > 3


def test_a_call_at_a_high_rate_is_copied_at_a_lower_rate(
    open_client: TestClient, call: NDArray[np.float32]
) -> None:
    high = resample(Signal(np.ascontiguousarray(call[: 8_000 * 14].T), 8_000), 44_100).samples.T
    answer = post(open_client, TIMELINE, encode_as("mp3", high, 44_100)).json()
    expected = post(open_client, TIMELINE, encode(high, 44_100)).json()
    assert answer["duration"] == pytest.approx(expected["duration"], abs=1e-3)
    for channel, other in zip(answer["channels"], expected["channels"], strict=True):
        assert channel["speech_duration"] == pytest.approx(other["speech_duration"], rel=0.05)


@pytest.mark.parametrize(("encoding", "codec"), [("mulaw", "ULAW"), ("alaw", "ALAW"), ("linear16", "PCM_16")])
@pytest.mark.parametrize("form", [False, True], ids=["body", "form"])
def test_headerless_audio_has_the_answers_of_wav(
    open_client: TestClient, call: NDArray[np.float32], encoding: str, codec: str, *, form: bool
) -> None:
    stereo = call[: 8_000 * 12]
    raw = io.BytesIO()
    soundfile.write(raw, stereo, 8_000, codec, "LITTLE", format="RAW")
    params: dict[str, Any] = {"encoding": encoding, "sampling_rate": 8_000, "channel_count": 2}
    wav = encode(stereo, 8_000, codec)
    for url in (EMOTIONS, TIMELINE):
        if form:
            response = open_client.post(url, params=params, files={"file": ("call.raw", raw.getvalue())})
        else:
            response = post(open_client, url, raw.getvalue(), **params)
        assert response.status_code == 200
        assert response.json() == post(open_client, url, wav).json()


def test_headerless_audio_is_mono_at_8_khz_by_default(
    client: TestClient, utterance: NDArray[np.float32]
) -> None:
    raw = io.BytesIO()
    soundfile.write(raw, utterance, 8_000, "ULAW", format="RAW")
    answer = post(client, EMOTIONS, raw.getvalue(), encoding="mulaw").json()
    assert answer["duration"] == pytest.approx(len(utterance) / 8_000)


@pytest.mark.parametrize(
    ("params", "detail"),
    [
        ({"encoding": "g729"}, "query.encoding"),
        ({"encoding": "mulaw", "sampling_rate": 7_999}, "query.sampling_rate"),
        ({"encoding": "mulaw", "sampling_rate": 96_000}, "query.sampling_rate"),
        ({"encoding": "mulaw", "sampling_rate": "fast"}, "query.sampling_rate"),
        ({"encoding": "mulaw", "channel_count": 0}, "query.channel_count"),
        ({"encoding": "mulaw", "channel_count": 9}, "query.channel_count"),
        ({"sampling_rate": 8_000}, "query.encoding: missing"),
        ({"channel_count": 2}, "query.encoding: missing"),
        ({"encoding": "mulaw"}, "has a header of its own"),
    ],
)
@pytest.mark.parametrize("url", [EMOTIONS, TIMELINE])
def test_bad_parameters_of_headerless_audio_are_refused(
    client: TestClient, utterance: NDArray[np.float32], url: str, params: dict[str, Any], detail: str
) -> None:
    response = post(client, url, encode(utterance, 8_000), **params)
    assert (response.status_code, response.json()["code"]) == (422, "invalid-request")
    assert detail in response.json()["detail"]


@pytest.mark.parametrize("url", [EMOTIONS, TIMELINE])
def test_headerless_audio_without_a_sample_is_refused(client: TestClient, url: str) -> None:
    assert post(client, url, b"", encoding="mulaw").json()["code"] == "malformed-request"
    one_byte = post(client, url, b"\xff", encoding="linear16")
    assert (one_byte.status_code, one_byte.json()["code"]) == (422, "audio-too-short")


def test_the_length_of_a_lossy_call_is_checked_before_it_is_decoded(models_dir: Path) -> None:
    settings = Settings(models_dir=models_dir, default_model="small", workers=1, max_call_seconds=5)
    silence = np.zeros(8_000 * 8, np.float32)
    with TestClient(create_app(settings)) as client:
        for kind in BY_DEFAULT:
            response = post(client, TIMELINE, encode_as(kind, silence, 8_000))
            assert (response.status_code, response.json()["code"]) == (413, "audio-too-long"), kind


def test_a_call_that_does_not_fit_on_the_disk_gets_507(
    client: TestClient, call: NDArray[np.float32], monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.posix_fallocate", full)
    response = post(client, TIMELINE, encode_as("opus", call, 8_000))
    assert (response.status_code, response.json()["code"]) == (507, "storage-full")


def test_a_recording_of_ogg_without_its_last_page_is_analyzed_as_far_as_it_goes() -> None:
    data = encode_as("vorbis", np.tile(speech(), 6))
    assert 3 < decode(data[: len(data) // 2]).duration < decode(data).duration
