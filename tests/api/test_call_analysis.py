"""The analysis of a call over HTTP: segments, channels, measures, and refused recordings."""

import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from fastapi.testclient import TestClient

from app.answers import TimelineAnswer
from app.core.bundle import read_bundle
from app.main import create_app
from app.settings import Settings
from testing.bundles import LABELS
from testing.recorded_calls import URL, Samples, pause, post, utterance
from testing.recordings import encode, ringing, speech, tone, two_voices


@pytest.fixture(scope="module")
def client(models_dir: Path) -> Iterator[TestClient]:
    settings = Settings(
        models_dir=models_dir,
        default_model="small",
        workers=2,
        max_upload_bytes=1_000,
        max_call_bytes=4_000_000,
        max_call_seconds=120,
    )
    with TestClient(create_app(settings), raise_server_exceptions=False) as client:
        yield client


def without_conversation(channel: dict[str, Any]) -> dict[str, Any]:
    """Return a channel without the measures that depend on the other channels."""
    kept = ("talk_time", "loudness", "pitch", "emotion", "volatility", "recoveries")
    return {**channel, "measures": {field: channel["measures"][field] for field in kept}}


def test_a_timeline_has_the_segments_and_the_summary_of_each_channel(
    client: TestClient, call: bytes, models_dir: Path
) -> None:
    response = post(client, call)
    assert response.status_code == 200
    answer = response.json()
    assert answer["model"] == "small"
    assert answer["model_version"] == read_bundle(models_dir / "small").manifest.version
    assert answer["duration"] == pytest.approx(soundfile.info(io.BytesIO(call)).duration)
    agent, customer = answer["channels"]
    assert [channel["channel"] for channel in (agent, customer)] == [0, 1]
    assert len(agent["segments"]) == 2
    assert len(customer["segments"]) == 1
    first, second = agent["segments"]
    assert 0.9 <= first["start"] < 1.5
    assert second["start"] - first["end"] > 3.5
    for channel in (agent, customer):
        seconds = sum(segment["end"] - segment["start"] for segment in channel["segments"])
        assert channel["speech_duration"] == pytest.approx(seconds)
        for recognition in (*channel["segments"], channel["summary"]):
            assert list(recognition["probabilities"]) == list(LABELS)
            assert sum(recognition["probabilities"].values()) == pytest.approx(1)
            assert recognition["emotion"] == max(LABELS, key=recognition["probabilities"].__getitem__)
        assert sum(channel["summary"]["shares"].values()) == pytest.approx(1)


def test_a_timeline_has_the_measures_of_the_call_and_of_each_channel(client: TestClient, call: bytes) -> None:
    answer = post(client, call).json()
    agent, customer = (channel["measures"] for channel in answer["channels"])
    measures = answer["measures"]
    assert measures["talk_time"] + measures["silence"] == pytest.approx(answer["duration"], abs=0.01)
    assert agent["talk_share"] + customer["talk_share"] == pytest.approx(1)
    assert (agent["turns"], customer["turns"], measures["turns"]) == (2, 1, 3)
    assert (measures["overlap"], measures["interruptions"]) == (0.0, [])
    assert 0 < customer["response_latency"] < 3
    for channel, of_channel in zip(answer["channels"], (agent, customer), strict=True):
        assert of_channel["talk_time"] == channel["speech_duration"]
        assert -60 < of_channel["loudness"] < 0
        assert 60 < of_channel["pitch"]["low"] < of_channel["pitch"]["high"] < 500
        assert all(segment["pitch"] and segment["loudness"] for segment in channel["segments"])
        assert of_channel["emotion"]["start"] == pytest.approx(channel["summary"]["probabilities"])


def test_a_result_of_an_earlier_version_has_no_measures(client: TestClient, call: bytes) -> None:
    answer = post(client, call).json()
    del answer["measures"]
    for channel in answer["channels"]:
        del channel["measures"]
        for segment in channel["segments"]:
            del segment["loudness"], segment["pitch"]
    result = TimelineAnswer.model_validate(answer)
    assert result.measures is None
    assert result.channels[0].segments[0].pitch is None


def test_channels_are_never_mixed(client: TestClient, call: bytes, channels: tuple[Samples, Samples]) -> None:
    both = post(client, call).json()["channels"]
    for number, samples in enumerate(channels):
        (alone,) = post(client, encode(samples, 8_000, "ULAW")).json()["channels"]
        (chosen,) = post(client, call, channels=str(number)).json()["channels"]
        assert chosen == {**alone, "channel": number}
        assert without_conversation(both[number]) == without_conversation(chosen)


def test_form_body_and_flac_give_the_same_timeline(client: TestClient, call: bytes) -> None:
    expected = post(client, call).json()
    assert client.post(URL, files={"file": ("call.wav", call, "audio/wav")}).json() == expected
    samples, rate = soundfile.read(io.BytesIO(call), dtype="int16")
    file = io.BytesIO()
    soundfile.write(file, samples, rate, "PCM_16", format="FLAC")
    assert post(client, file.getvalue()).json() == expected


def test_merge_joins_neighboring_segments_of_the_same_emotion(client: TestClient, call: bytes) -> None:
    unmerged, merged = post(client, call).json(), post(client, call, merge="true").json()
    for before, after in zip(unmerged["channels"], merged["channels"], strict=True):
        emotions = [segment["emotion"] for segment in before["segments"]]
        turns = [new for old, new in zip([None, *emotions], emotions, strict=False) if new != old]
        assert [segment["emotion"] for segment in after["segments"]] == turns
        assert {**after, "segments": []} == {**before, "segments": []}


def test_a_segment_can_cross_the_border_of_two_stretches(client: TestClient) -> None:
    """The speech from 28 to 31 s belongs to two stretches of 30 s."""
    samples = np.concatenate([pause(28.5), utterance("03a01Fa"), pause(5)])
    (channel,) = post(client, encode(samples, 8_000)).json()["channels"]
    (segment,) = channel["segments"]
    assert segment["start"] < 30 < segment["end"]


@pytest.mark.parametrize(
    "samples", [np.zeros(80_000, np.float32), ringing(10, 8_000)], ids=["silence", "ringing"]
)
def test_a_call_without_speech_has_no_segments(client: TestClient, samples: Samples) -> None:
    response = post(client, encode(samples, 8_000))
    assert response.status_code == 200
    (channel,) = response.json()["channels"]
    measures = channel.pop("measures")
    assert channel == {
        "channel": 0,
        "speaker": None,
        "role": None,
        "speech_duration": 0.0,
        "summary": None,
        "segments": [],
    }
    assert (measures["talk_time"], measures["loudness"], measures["emotion"]["start"]) == (0.0, None, None)


def test_a_silent_channel_does_not_change_the_other_channel(
    client: TestClient, call: bytes, channels: tuple[Samples, Samples]
) -> None:
    agent = channels[0]
    half_silent = encode(np.stack([agent, np.zeros_like(agent)], axis=1), 8_000, "ULAW")
    speaking, silent = post(client, half_silent).json()["channels"]
    expected = post(client, call).json()["channels"][0]
    assert without_conversation(speaking) == without_conversation(expected)
    assert silent["segments"] == []


def flac_of_unknown_length() -> bytes:
    """Return a FLAC file as an encoder writes it to a pipe: the number of samples in STREAMINFO is 0."""
    data = bytearray(encode(tone(2), container="FLAC"))
    data[21] &= 0xF0
    data[22:26] = bytes(4)
    return bytes(data)


@pytest.mark.parametrize(
    ("data", "status", "code"),
    [
        pytest.param(b"", 400, "malformed-request", id="empty"),
        pytest.param(b"this is text", 415, "unsupported-media-type", id="text"),
        pytest.param(encode(tone(), subtype="IMA_ADPCM"), 415, "unsupported-media-type", id="ADPCM"),
        pytest.param(encode(tone(30))[:500_000], 422, "audio-undecodable", id="truncated"),
        pytest.param(
            encode(tone(30), container="FLAC")[:100_000], 422, "audio-undecodable", id="truncated FLAC"
        ),
        pytest.param(flac_of_unknown_length(), 422, "audio-undecodable", id="FLAC from a pipe"),
        pytest.param(
            encode(np.full(16_000, np.nan, np.float32), subtype="FLOAT"), 422, "audio-undecodable", id="NaN"
        ),
        pytest.param(encode(tone(0.05)), 422, "audio-too-short", id="50 ms"),
        pytest.param(encode(tone(121, 8_000), 8_000, "ULAW"), 413, "audio-too-long", id="too long"),
        pytest.param(bytes(4_000_001), 413, "upload-too-large", id="too many bytes"),
    ],
)
@pytest.mark.parametrize("form", [False, True], ids=["body", "form"])
def test_bad_input_gets_the_matching_problem_and_no_partial_answer(
    client: TestClient, data: bytes, status: int, code: str, *, form: bool
) -> None:
    response = client.post(URL, files={"file": ("a.wav", data, "audio/wav")}) if form else post(client, data)
    assert (response.status_code, response.json()["code"]) == (status, code)
    assert set(response.json()) == {"type", "title", "status", "detail", "code", "request_id"}


@pytest.mark.parametrize(
    ("wanted", "code"), [("2", "channel-not-found"), ("0,", "invalid-request"), ("mix", "invalid-request")]
)
def test_a_missing_or_malformed_channel_is_refused(
    client: TestClient, call: bytes, wanted: str, code: str
) -> None:
    response = post(client, call, channels=wanted)
    assert (response.status_code, response.json()["code"]) == (422, code)


def test_segments_used_is_null_without_adaptation(client: TestClient, call: bytes) -> None:
    segments = post(client, call).json()["channels"][0]["segments"]
    assert {segment["segments_used"] for segment in segments} == {None}


def test_roles_name_the_channels(client: TestClient, call: bytes) -> None:
    answer = post(client, call, roles="agent,customer").json()
    assert [channel["role"] for channel in answer["channels"]] == ["agent", "customer"]
    assert [channel["role"] for channel in post(client, call).json()["channels"]] == [None, None]


@pytest.mark.parametrize(
    ("roles", "code"),
    [("agent", "roles-mismatch"), ("agent,", "invalid-request"), ("a" * 41, "invalid-request")],
)
def test_wrong_roles_are_refused(client: TestClient, call: bytes, roles: str, code: str) -> None:
    response = post(client, call, roles=roles)
    assert (response.status_code, response.json()["code"]) == (422, code)


def test_the_speakers_of_a_mono_recording_are_separated(client: TestClient) -> None:
    data = encode(two_voices())
    answer = post(client, data, speakers=2, roles="agent,customer").json()
    rows = [(row["channel"], row["speaker"], row["role"], len(row["segments"])) for row in answer["channels"]]
    assert rows == [(0, 0, "agent", 3), (0, 1, "customer", 3)]
    assert [row["measures"]["turns"] for row in answer["channels"]] == [3, 3]
    assert len(post(client, data, speakers="auto").json()["channels"]) == 2
    shares = [
        row["speech_duration"]
        for row in post(client, data, speakers=2, speaker_order="share").json()["channels"]
    ]
    assert shares == sorted(shares, reverse=True)


@pytest.mark.parametrize(
    ("params", "code"),
    [
        ({"speakers": "5"}, "invalid-request"),
        ({"speakers": "0"}, "invalid-request"),
        ({"speakers": "all"}, "invalid-request"),
        ({"speakers": "2", "speaker_order": "age"}, "invalid-request"),
        ({"speakers": "2", "roles": "a,b,c"}, "roles-mismatch"),
    ],
)
def test_wrong_speakers_are_refused(client: TestClient, params: dict[str, str], code: str) -> None:
    response = post(client, encode(speech()), **params)
    assert (response.status_code, response.json()["code"]) == (422, code)


def test_roles_of_speakers_need_one_channel(client: TestClient, call: bytes) -> None:
    assert post(client, call, speakers=2, roles="a,b").json()["code"] == "roles-mismatch"
    assert post(client, call, speakers=2, roles="a,b", channels="1").status_code == 200
