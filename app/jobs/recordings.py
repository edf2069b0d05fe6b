"""Where the recordings of jobs are kept: a folder, or a bucket that speaks S3.

Both by one library and one code path, so that what is tested on one machine holds for several.
"""

import asyncio
import os
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import datetime, timedelta
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO, TYPE_CHECKING
from urllib.parse import urlsplit

import obstore
from obstore.exceptions import BaseError
from obstore.store import LocalStore, ObjectStore, S3Store

from app.jobs.job import JobsUnavailable, RecordingLost, StorageFull

if TYPE_CHECKING:
    from obstore.store import ClientConfig, RetryConfig  # there for type checkers alone

SPARE_BYTES = 256 * 1024 * 1024
"""Room that an upload has to leave on the disk, since other things need some."""

CLIENT: "ClientConfig" = {"allow_http": True, "connect_timeout": "5s", "timeout": "5m"}
"""A whole recording comes in one answer, for which the default is 30 s."""
RETRIES: "RetryConfig" = {"max_retries": 4, "retry_timeout": timedelta(seconds=20)}
"""A sender waits meanwhile; by default it is three minutes."""


class Recordings:
    """Keeps recordings by name."""

    def __init__(self, url: str) -> None:
        """Describe the place.

        Args:
            url: `file:///folder`, or `s3://bucket/prefix`, for which the usual AWS_* variables tell
                keys, region and endpoint.

        Raises:
            JobsUnavailable: the folder cannot be made, or the address means nothing.
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
                self._store = S3Store.from_url(url, client_options=CLIENT, retry_config=RETRIES)
        except OSError as error:
            raise JobsUnavailable(f"SER_DATA_DIR: {error.filename}: {error.strerror}") from error
        except BaseError as error:
            raise JobsUnavailable(f"SER_JOBS_RECORDINGS: {error}") from error

    def check_room(self, n_bytes: int) -> None:
        """See that a recording fits on the disk; a bucket always has room.

        Raises:
            StorageFull: it does not.
        """
        if self._folder is not None and shutil.disk_usage(self._folder).free < n_bytes + SPARE_BYTES:
            raise StorageFull("There is no room for another recording. Try again once jobs have ended.")

    def put(self, name: str, file: IO[bytes]) -> None:
        """Keep a recording; it is there whole or not at all.

        Raises:
            JobsUnavailable: the place cannot be reached, or does not take it.
        """
        file.seek(0)
        try:
            obstore.put(self._store, name, file)
        except BaseError as error:
            raise JobsUnavailable("The recording cannot be kept just now. Try again in a moment.") from error

    @asynccontextmanager
    async def fetched(self, name: str) -> AsyncIterator[Path]:
        """Have a recording as a file, which is gone afterwards.

        Yields:
            Its path.

        Raises:
            RecordingLost: no recording of that name is kept, or the place cannot be reached.
        """
        with TemporaryFile() as file:  # without a name, so that it is gone however this process ends
            await asyncio.to_thread(self._fetch, name, file)
            yield Path(f"/proc/{os.getpid()}/fd/{file.fileno()}")

    def _fetch(self, name: str, file: IO[bytes]) -> None:
        try:
            for chunk in obstore.get(self._store, name).stream():
                file.write(chunk)
        except (FileNotFoundError, BaseError) as error:
            raise RecordingLost("The recording cannot be fetched. Send it again.") from error
        file.flush()

    def delete(self, name: str) -> None:
        """Forget a recording, if it is still there.

        Raises:
            JobsUnavailable: the place cannot be reached.
        """
        try:
            with suppress(FileNotFoundError):
                obstore.delete(self._store, name)
        except BaseError as error:
            raise JobsUnavailable(f"recordings: {error}") from error

    def names_before(self, time: datetime) -> list[str]:
        """The recordings that were kept before a time.

        Raises:
            JobsUnavailable: the place cannot be reached.
        """
        try:
            batches = obstore.list(self._store)
            return [entry["path"] for batch in batches for entry in batch if entry["last_modified"] < time]
        except BaseError as error:
            raise JobsUnavailable(f"recordings: {error}") from error
