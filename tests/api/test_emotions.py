from pathlib import Path

import numpy as np
import pytest
from fastapi.testclient import TestClient
from httpx2 import Response
from numpy.typing import NDArray

from app.core.audio import Signal, decode, resample
from app.core.bundle import read_bundle
from app.core.recognizer import EmotionRecognizer
from app.settings import Settings
from testing.bundles import LABELS
from testing.recordings import EXAMPLE, encode, ringing, speech, tone

URL = "/v1/audio/emotions"
NAN = encode(np.full(16_000, np.nan, np.float32), subtype="FLOAT")


def post(client: TestClient, data: bytes, **params: str | int) -> Response:
    return client.post(URL, params=params, content=data, headers={"Content-Type": "audio/wav"})


def post_file(client: TestClient, data: bytes, field: str = "file", name: str = "call.wav") -> Response:
    return client.post(URL, files={field: (name, data, "audio/wav")})


def test_an_utterance_gets_the_probability_of_each_emotion(client: TestClient, models_dir: Path) -> None:
    response = post_file(client, EXAMPLE.read_bytes())
    assert response.status_code == 200
    answer = response.json()
    assert list(answer) == [
        *("model", "model_version", "metadata"),
        *("duration", "speech", "emotion", "probabilities"),
    ]
    assert answer["model_version"] == read_bundle(models_dir / "small").manifest.version
    assert (answer["model"], answer["speech"]) == ("small", True)
    assert answer["duration"] == pytest.approx(decode(EXAMPLE.read_bytes()).duration)
    assert tuple(answer["probabilities"]) == LABELS
    assert sum(answer["probabilities"].values()) == pytest.approx(1, abs=1e-6)
    assert answer["emotion"] == max(LABELS, key=answer["probabilities"].__getitem__)


def test_the_service_returns_the_probabilities_of_the_recognizer(
    client: TestClient, settings: Settings
) -> None:
    recognizer = EmotionRecognizer(read_bundle(settings.models_dir / "small"))
    expected = recognizer.recognize(decode(EXAMPLE.read_bytes())).probabilities
    assert post(client, EXAMPLE.read_bytes()).json()["probabilities"] == expected


@pytest.mark.parametrize("media_type", ["audio/wav", "audio/x-wav; rate=16000", "application/octet-stream"])
def test_form_and_body_give_the_same_answer(client: TestClient, media_type: str) -> None:
    body = client.post(URL, content=EXAMPLE.read_bytes(), headers={"Content-Type": media_type})
    assert body.json() == post_file(client, EXAMPLE.read_bytes()).json()


def test_a_request_can_choose_the_model_by_name(client: TestClient) -> None:
    default, other = post(client, EXAMPLE.read_bytes()), post(client, EXAMPLE.read_bytes(), model="other")
    assert (default.json()["model"], other.json()["model"]) == ("small", "other")
    assert default.json()["probabilities"] != other.json()["probabilities"]


def test_a_request_can_choose_a_channel_or_the_mix(client: TestClient) -> None:
    left, right = speech("03a01Fa"), speech("03a01Wa")
    length = min(len(left), len(right))
    left, right = left[:length], right[:length]
    mix = ((left + right) / 2).astype(np.float32)
    stereo = encode(np.stack([left, right], axis=1), subtype="FLOAT")
    for channel, samples in ((0, left), (1, right), ("mix", mix)):
        expected = post(client, encode(samples, subtype="FLOAT")).json()
        assert post(client, stereo, channel=channel).json() == expected
    assert post(client, stereo).json() == post(client, stereo, channel="mix").json()


@pytest.mark.parametrize(
    ("sampling_rate", "channels", "subtype", "container"),
    [
        (8_000, 1, "ALAW", "WAV"),
        (8_000, 2, "ULAW", "WAV"),
        (16_000, 1, "PCM_24", "WAVEX"),
        (16_000, 1, "FLOAT", "WAV"),
        (44_100, 2, "PCM_16", "WAV"),
        (48_000, 8, "PCM_16", "FLAC"),
        (8_000, 1, "PCM_U8", "RF64"),
    ],
)
def test_the_formats_of_common_recorders_are_accepted(
    client: TestClient, sampling_rate: int, channels: int, subtype: str, container: str
) -> None:
    samples = resample(Signal(speech()[np.newaxis], 16_000), sampling_rate).samples[0]
    data = encode(np.stack([samples] * channels, axis=1), sampling_rate, subtype, container)
    response = post_file(client, data)
    assert response.status_code == 200
    assert response.json()["speech"] is True


@pytest.mark.parametrize("samples", [np.zeros(16_000, np.float32), ringing()], ids=["silence", "ringing"])
def test_a_recording_without_speech_gets_no_probabilities(
    client: TestClient, samples: NDArray[np.float32]
) -> None:
    answer = post(client, encode(samples)).json()
    assert (answer["duration"], answer["speech"]) == (1.0, False)
    assert (answer["emotion"], answer["probabilities"]) == (None, None)


@pytest.mark.parametrize(
    ("data", "status", "code"),
    [
        pytest.param(b"", 400, "malformed-request", id="empty body"),
        pytest.param(b"this is text, named .wav", 415, "unsupported-media-type", id="text"),
        pytest.param(encode(tone(), subtype="IMA_ADPCM"), 415, "unsupported-media-type", id="ADPCM"),
        pytest.param(encode(tone())[:5000], 422, "audio-undecodable", id="truncated RIFF"),
        pytest.param(encode(tone(channels=9)), 422, "audio-undecodable", id="9 channels"),
        pytest.param(NAN, 422, "audio-undecodable", id="NaN floats"),
        pytest.param(encode(tone(0)), 422, "audio-too-short", id="0 samples"),
        pytest.param(encode(tone(0.05)), 422, "audio-too-short", id="50 ms"),
        pytest.param(encode(tone(11)), 413, "audio-too-long", id="longer than an utterance"),
        pytest.param(bytes(1_000_001), 413, "upload-too-large", id="too many bytes"),
    ],
)
@pytest.mark.parametrize("send", [post, post_file])
def test_bad_input_gets_the_matching_problem(
    client: TestClient, send: object, data: bytes, status: int, code: str
) -> None:
    assert callable(send)
    response = send(client, data)
    assert (response.status_code, response.json()["code"]) == (status, code)


@pytest.mark.parametrize(
    ("params", "status", "code"),
    [
        ({"model": "nobody"}, 404, "model-not-found"),
        ({"model": "../small"}, 404, "model-not-found"),
        ({"channel": "1"}, 422, "channel-not-found"),
        ({"channel": "-1"}, 422, "invalid-request"),
        ({"channel": "left"}, 422, "invalid-request"),
    ],
)
def test_bad_parameters_get_the_matching_problem(
    client: TestClient, params: dict[str, str], status: int, code: str
) -> None:
    response = post(client, EXAMPLE.read_bytes(), **params)
    assert (response.status_code, response.json()["code"]) == (status, code)


def test_a_form_without_the_file_gets_the_name_of_the_missing_field(client: TestClient) -> None:
    response = post_file(client, EXAMPLE.read_bytes(), field="audio")
    assert (response.status_code, response.json()["code"]) == (422, "invalid-request")
    assert "`file`" in response.json()["detail"]


def test_a_form_with_text_instead_of_a_file_is_refused(client: TestClient) -> None:
    body = b'--x\r\nContent-Disposition: form-data; name="file"\r\n\r\nhello\r\n--x--\r\n'
    response = client.post(URL, content=body, headers={"Content-Type": "multipart/form-data; boundary=x"})
    assert (response.status_code, response.json()["code"]) == (422, "invalid-request")


def test_a_malformed_form_gets_the_reason(client: TestClient) -> None:
    response = client.post(URL, content=b"not a form", headers={"Content-Type": "multipart/form-data"})
    assert (response.status_code, response.json()["code"]) == (400, "malformed-request")
    assert "boundary" in response.json()["detail"]


def test_a_form_with_two_files_is_refused(client: TestClient) -> None:
    response = client.post(URL, files=[("file", EXAMPLE.read_bytes()), ("file", EXAMPLE.read_bytes())])
    assert (response.status_code, response.json()["code"]) == (400, "malformed-request")
    assert "Too many files" in response.json()["detail"]


@pytest.mark.parametrize("media_type", ["application/json", "application/x-www-form-urlencoded", ""])
def test_an_unsupported_media_type_gets_the_supported_types(client: TestClient, media_type: str) -> None:
    response = client.post(URL, content=EXAMPLE.read_bytes(), headers={"Content-Type": media_type})
    assert (response.status_code, response.json()["code"]) == (415, "unsupported-media-type")
    assert "audio/wav" in response.json()["detail"]
