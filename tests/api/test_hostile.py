"""Many hostile and broken files: each gets a documented status, and no worker is lost."""

import io
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import soundfile
from fastapi.testclient import TestClient

from app.pool.pool import WorkerPool
from testing.mutations import MUTATIONS, mutate
from testing.recordings import encode, encode_as, speech, tone

URL = "/v1/audio/emotions"
LISTED = {200, 400, 413, 415, 422}  # the documented statuses of this route for a file
N_MUTANTS = 1_000


def originals() -> list[bytes]:
    """Return short recordings in all accepted formats."""
    samples = speech()[4_000:10_000]
    stereo = np.stack([samples, -samples], axis=1)
    files = [
        encode(samples, subtype=codec)
        for codec in ("PCM_U8", "PCM_16", "PCM_24", "PCM_32", "FLOAT", "DOUBLE", "ALAW", "ULAW")
    ]
    files += [encode(stereo, container=container) for container in ("WAVEX", "RF64", "FLAC")]
    files += [encode_as(kind, stereo) for kind in ("mp3", "vorbis", "opus", "aiff", "au")]
    return [*files, encode(samples, 8_000, container="FLAC"), encode(stereo, 48_000, subtype="FLOAT")]


def post(client: TestClient, data: bytes) -> tuple[int, str]:
    response = client.post(URL, content=data, headers={"Content-Type": "audio/wav"})
    answer = response.json()
    if response.status_code == 200:
        assert (answer["probabilities"] is None) or sum(answer["probabilities"].values()) == pytest.approx(1)
    return response.status_code, answer.get("code", "")


def pool_of(client: TestClient) -> WorkerPool:
    pool: WorkerPool = client.app_state["service"].pool
    return pool


def random_mutant(files: Sequence[bytes], seed: int) -> bytes:
    """Return one of the files after one to three mutations."""
    random = np.random.default_rng(seed)
    original = files[int(random.integers(len(files)))]
    chosen = random.integers(len(MUTATIONS), size=random.integers(1, 4))
    return mutate(original, [(MUTATIONS[number], int(random.integers(2**32))) for number in chosen])


def test_a_thousand_mutants_get_a_documented_status_and_lose_no_worker(client: TestClient) -> None:
    # Hypothesis, which also makes failures smaller, would take as long as the service.
    statuses = Counter[int]()
    replaced = dict(pool_of(client).replaced)
    files = originals()
    for seed in range(N_MUTANTS):
        status, _ = post(client, random_mutant(files, seed))
        statuses[status] += 1
        assert status in LISTED, f"seed {seed}"
    assert statuses.total() >= N_MUTANTS
    assert dict(pool_of(client).replaced) == replaced
    assert pool_of(client).n_waiting == 0
    # If all mutants failed at the first byte, this test would prove nothing.
    assert statuses[200] > N_MUTANTS / 10
    assert statuses[422] > N_MUTANTS / 10


@pytest.mark.parametrize("container", soundfile.available_formats())
def test_every_container_of_libsndfile_gets_a_documented_status(
    client: TestClient, container: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # libsndfile writes the resource fork of SD2 as `._` into the working directory.
    monkeypatch.chdir(tmp_path)
    samples = tone(0.5)
    for codec in soundfile.available_subtypes(container):
        file = io.BytesIO()
        try:
            soundfile.write(file, samples, 16_000, codec, format=container)
        except (soundfile.LibsndfileError, TypeError, ValueError):
            continue  # some codecs need a special sampling rate or file name
        status, code = post(client, file.getvalue())
        assert status in LISTED, f"{container} {codec}"
        if container not in {"WAV", "WAVEX", "RF64", "FLAC", "MP3", "OGG", "AIFF", "AU"}:
            assert (status, code) == (415, "unsupported-media-type"), f"{container} {codec}"


def bomb(container: str) -> bytes:
    """Return ten minutes of silence. FLAC compresses them to a small file."""
    return encode(np.zeros(600 * 8_000, np.float32), 8_000, container=container)


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (bomb("FLAC"), (413, "audio-too-long")),
        (encode(np.full(8_000, np.nan, np.float32), subtype="FLOAT"), (422, "audio-undecodable")),
        (encode(np.full(8_000, np.inf, np.float32), subtype="FLOAT"), (422, "audio-undecodable")),
        (encode(tone(0.5, 4_000), 4_000), (422, "audio-undecodable")),
        (encode(tone(0.5, 96_000), 96_000), (422, "audio-undecodable")),
        (encode(tone(0.5, 16_000, 9)), (422, "audio-undecodable")),
        (encode(tone(0.5, 16_000, 8)), (200, "")),
        (encode(tone(0.5) * 1e30, subtype="FLOAT"), (200, "")),
        (encode(tone(0.5, 11_025), 11_025), (200, "")),
        (b"RIFF\xff\xff\xff\xffWAVE", (422, "audio-undecodable")),
        (b"RIFF", (422, "audio-undecodable")),
        (b"fLaC" + bytes(200), (422, "audio-undecodable")),
        (bytes(200_000), (415, "unsupported-media-type")),
        (b"", (400, "malformed-request")),
    ],
)
def test_extreme_recordings_get_the_expected_status_and_code(
    client: TestClient, data: bytes, expected: tuple[int, str]
) -> None:
    assert post(client, data) == expected
