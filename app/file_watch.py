"""A file that another program may replace, seen without a restart."""

import time
from pathlib import Path

CHECK_SECONDS = 1.0
"""The seconds between two checks of a file. A check is one system call, at the time of a request."""

Version = tuple[int, int, int]


class FileWatch:
    """A file that is checked at most once in `CHECK_SECONDS`.

    Create the watch before you read the file, so that it sees a change in between.
    """

    def __init__(self, file: Path) -> None:
        """Watch a file, which may be missing."""
        self._file = file
        self._version = _version_of(file)
        self._checked = time.monotonic()

    def has_changed(self) -> bool:
        """Return whether the file was edited, replaced, created or deleted since the last check."""
        if time.monotonic() - self._checked < CHECK_SECONDS:
            return False
        self._checked = time.monotonic()
        before, self._version = self._version, _version_of(self._file)
        return self._version != before


def _version_of(file: Path) -> Version | None:
    """Return what changes if a file is edited or replaced; None if it is missing."""
    try:
        status = file.stat()
    except OSError:
        return None
    return status.st_mtime_ns, status.st_ino, status.st_size
