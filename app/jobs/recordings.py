"""The store of the recordings of jobs: a folder or an S3 bucket.

One library and one code path serve both, so that tests on one machine also cover several machines.
"""

import asyncio
import errno
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO
from urllib.parse import urlsplit

import obstore
from obstore.exceptions import BaseError
from obstore.store import LocalStore, ObjectStore

from app.core.errors import StorageFull
from app.core.files import path_of
from app.jobs.job import JobsUnavailable, RecordingLost
from app.s3 import open_bucket

SPARE_BYTES = 256 * 1024 * 1024
"""The disk space, in bytes, that an upload must leave free."""


class Recordings:
    """A store of recordings by name."""

    def __init__(self, url: str) -> None:
        """Open the store.

        Args:
            url: `file:///folder` or `s3://bucket/prefix`. For S3, the standard AWS_* variables give the
                keys, the region and the endpoint.

        Raises:
            JobsUnavailable: the folder cannot be created, or the URL is invalid.
        """
        parts = urlsplit(url)
        self._folder: Path | None = None
        self._store: ObjectStore
        try:
            if parts.scheme == "file":
                self._folder = Path(parts.path)
                self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
                self._store = LocalStore(self._folder, automatic_cleanup=True)
            else:
                self._store = open_bucket(url)
        except OSError as error:
            raise JobsUnavailable(f"SER_DATA_DIR: {error.filename}: {error.strerror}") from error
        except BaseError as error:
            raise JobsUnavailable(f"SER_JOBS_RECORDINGS: {error}") from error

    def check_room(self, n_bytes: int) -> None:
        """Check that a recording fits on the disk. A bucket has no limit.

        Raises:
            StorageFull: the recording does not fit.
        """
        if self._folder is not None and shutil.disk_usage(self._folder).free < n_bytes + SPARE_BYTES:
            raise StorageFull("The storage has no space for the recording. Try again after jobs have ended.")

    def put(self, name: str, file: IO[bytes]) -> None:
        """Store a recording atomically.

        Raises:
            JobsUnavailable: the store cannot be reached, or rejects the recording.
        """
        file.seek(0)
        try:
            obstore.put(self._store, name, file)
        except BaseError as error:
            raise JobsUnavailable("The recording cannot be stored now. Try again in a moment.") from error

    @asynccontextmanager
    async def fetched(self, name: str) -> AsyncIterator[Path]:
        """Fetch a recording into a temporary file.

        Yields:
            The path of the file.

        Raises:
            RecordingLost: there is no recording with this name.
            JobsUnavailable: the store cannot be reached.
            StorageFull: the disk of the temporary file is full.
        """
        try:
            with TemporaryFile() as file:  # an unnamed file, which even a crash of this process deletes
                await asyncio.to_thread(self._fetch, name, file)
                yield path_of(file)
        except OSError as error:  # of a write, or again when the file is closed
            if error.errno != errno.ENOSPC:
                raise
            raise StorageFull("The temporary folder has no space for the recording.") from error

    def _fetch(self, name: str, file: IO[bytes]) -> None:
        try:
            for chunk in obstore.get(self._store, name).stream():
                file.write(chunk)
        except FileNotFoundError as error:
            raise RecordingLost("The recording cannot be fetched. Send it again.") from error
        except BaseError as error:
            raise JobsUnavailable("The recording cannot be fetched now.") from error
        file.flush()

    def delete(self, name: str) -> None:
        """Delete a recording if it exists.

        Raises:
            JobsUnavailable: the store cannot be reached.
        """
        try:
            with suppress(FileNotFoundError):
                obstore.delete(self._store, name)
        except BaseError as error:
            raise JobsUnavailable(f"The recording cannot be deleted: {error}") from error

    def names_before(self, time: datetime) -> list[str]:
        """List the recordings that were stored before a time.

        Raises:
            JobsUnavailable: the store cannot be reached.
        """
        try:
            batches = obstore.list(self._store)
            return [entry["path"] for batch in batches for entry in batch if entry["last_modified"] < time]
        except BaseError as error:
            raise JobsUnavailable(f"The recordings cannot be listed: {error}") from error
