"""A folder and a bucket store recordings in the same way."""

import asyncio
import io
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import pytest

from app.core.errors import StorageFull
from app.jobs.job import JobsUnavailable, RecordingLost
from app.jobs.recordings import Recordings
from testing.backends import object_store

CONTENT = bytes(range(256)) * 50_000  # more than one part of an upload to S3


@pytest.fixture(scope="module")
def bucket() -> Iterator[dict[str, str]]:
    with object_store() as settings:
        yield settings


@pytest.fixture(params=["folder", "bucket"])
def recordings(
    request: pytest.FixtureRequest,
    tmp_path: Path,
    bucket: dict[str, str],
    monkeypatch: pytest.MonkeyPatch,
) -> Recordings:
    for name, value in bucket.items():
        monkeypatch.setenv(name, value)
    url = tmp_path.as_uri() if request.param == "folder" else bucket["SER_JOBS_RECORDINGS"]
    return Recordings(url)


def read(recordings: Recordings, name: str) -> bytes:
    async def fetch() -> bytes:
        async with recordings.fetched(name) as path:
            return path.read_bytes()

    return asyncio.run(fetch())


def test_a_recording_can_be_fetched_until_it_is_deleted(recordings: Recordings) -> None:
    recordings.put("one/of/many", io.BytesIO(CONTENT))
    assert read(recordings, "one/of/many") == CONTENT
    later = datetime.now(UTC) + timedelta(minutes=1)
    assert recordings.names_before(later) == ["one/of/many"]
    assert recordings.names_before(later - timedelta(hours=1)) == []
    recordings.delete("one/of/many")
    recordings.delete("one/of/many")
    assert recordings.names_before(later) == []
    with pytest.raises(RecordingLost):
        read(recordings, "one/of/many")


def test_a_recording_larger_than_the_free_space_is_refused(tmp_path: Path) -> None:
    recordings = Recordings(tmp_path.as_uri())
    recordings.put("one/of/many", io.BytesIO(CONTENT))
    recordings.delete("one/of/many")
    assert list(tmp_path.iterdir()) == []
    recordings.check_room(1000)
    with pytest.raises(StorageFull):
        recordings.check_room(2**60)


def test_an_unreachable_store_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    recordings = Recordings("s3://calls/recordings")
    with pytest.raises(JobsUnavailable, match="cannot be stored now"):
        recordings.put("one", io.BytesIO(b"RIFF"))
    with pytest.raises(JobsUnavailable):
        recordings.delete("one")
    with pytest.raises(JobsUnavailable, match="cannot be fetched now"):
        read(recordings, "one")


def test_a_full_disk_is_reported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    recordings = Recordings(tmp_path.as_uri())
    recordings.put("one", io.BytesIO(b"RIFF"))
    monkeypatch.setattr("app.jobs.recordings.TemporaryFile", partial(Path("/dev/full").open, "r+b"))
    with pytest.raises(StorageFull):
        read(recordings, "one")


@pytest.mark.parametrize("url", ["gopher://calls", "s3://"])
def test_an_invalid_address_of_the_store_is_reported(url: str) -> None:
    with pytest.raises(JobsUnavailable, match="SER_JOBS_RECORDINGS"):
        Recordings(url)


def test_a_folder_that_cannot_be_created_is_reported(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(JobsUnavailable, match="SER_DATA_DIR"):
        Recordings((tmp_path / "file" / "data").as_uri())
