"""The keys of a service, which a changed file replaces without a restart."""

import logging
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from app.keys import Key

logger = logging.getLogger(__name__)

CHECK_SECONDS = 1.0
"""The seconds between two checks of the file. A check is one system call, at the time of a request."""

Version = tuple[int, int, int]


class KeyRing:
    """The keys of a service.

    Example:
        >>> KeyRing(lambda: [Key("backend", "0" * 64)]).keys[0].name
        'backend'
    """

    def __init__(
        self,
        read: Callable[[], Sequence[Key]],
        file: Path | None = None,
        report: Callable[[str], None] = lambda _result: None,
    ) -> None:
        """Read the keys.

        Args:
            read: a function that reads all keys. It raises ValueError if an entry is malformed or the file
                is unreadable.
            file: the file whose change calls for another reading; None if there is none.
            report: a function that receives the result of each later reading: `ok` or `keys-invalid`.

        Raises:
            ValueError: as in `read`.
        """
        self._read = read
        self._file = file
        self._report = report
        self._version = _version_of(file)
        self._checked = time.monotonic()
        self._keys = tuple(read())

    @property
    def keys(self) -> Sequence[Key]:
        """The keys of the newest valid file."""
        if self._file is not None and time.monotonic() - self._checked >= CHECK_SECONDS:
            self._checked = time.monotonic()
            version = _version_of(self._file)
            if version != self._version:
                self._version = version
                self._reload()
        return self._keys

    def _reload(self) -> None:
        """Read the keys again. After an error, the old keys stay valid."""
        try:
            keys = tuple(self._read())
            if self._keys and not keys:
                # Without keys, the service would accept everybody.
                raise ValueError("SER_API_KEYS_FILE: the file has no keys")  # noqa: TRY301  # handled as any other
        except ValueError as error:
            logger.error("the API keys are not replaced: %s", error)  # noqa: TRY400  # the message has the reason
            self._report("keys-invalid")
            return
        self._keys = keys
        logger.info("the API keys were read again: %d keys", len(keys))
        self._report("ok")


def _version_of(file: Path | None) -> Version | None:
    """Return what changes if a file is edited or replaced; None without a file."""
    try:
        status = file.stat() if file is not None else None
    except OSError:
        return None
    return (status.st_mtime_ns, status.st_ino, status.st_size) if status is not None else None
