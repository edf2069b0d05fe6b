"""The keys of a service, which a changed file replaces without a restart."""

import logging
from collections.abc import Callable, Sequence
from pathlib import Path

from app.file_watch import FileWatch
from app.keys import Key

logger = logging.getLogger(__name__)


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
        self._report = report
        self._watch = FileWatch(file) if file is not None else None
        self._keys = tuple(read())

    @property
    def keys(self) -> Sequence[Key]:
        """The keys of the newest valid file."""
        if self._watch is not None and self._watch.has_changed():
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
