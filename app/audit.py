"""The audit log: who did what, when, and with which result. It never contains content."""

import json
import logging
import sys
from datetime import UTC, datetime
from logging.handlers import WatchedFileHandler

from asgi_correlation_id import correlation_id

from app.core.errors import SpeechEmotionError

STDOUT = "-"
"""The path that stands for standard output."""
OK = "ok"


class AuditLogUnavailable(SpeechEmotionError):
    """The audit log cannot be opened."""


class AuditLog:
    """A file to which each action is appended as a line of JSON.

    If another program renames or deletes the file, the next line opens it again. logrotate therefore needs
    no signal.
    """

    def __init__(self, path: str) -> None:
        """Open the log.

        Args:
            path: the path of the file; `-` for standard output; empty for no log.

        Raises:
            AuditLogUnavailable: the file cannot be opened.
        """
        self._handler: logging.Handler | None = None
        if path == STDOUT:
            self._handler = logging.StreamHandler(sys.stdout)
        elif path:
            try:
                self._handler = WatchedFileHandler(path, encoding="utf-8")
            except OSError as error:
                raise AuditLogUnavailable(f"SER_AUDIT_LOG: {error.strerror}: {path}") from error

    def write(
        self, action: str, result: str = OK, *, key: str = "", client: str = "", target: str = ""
    ) -> None:
        """Append a line.

        Args:
            action: the action, such as `job.create`.
            result: `ok`, the code of a problem, or the reason of an end.
            key: the name of the key; empty if it is unknown.
            client: the address of the client.
            target: the ID of the job or of the session; empty if there is none.
        """
        if self._handler is None:
            return
        line = {
            "time": datetime.now(UTC).isoformat(timespec="milliseconds"),
            "request_id": correlation_id.get() or "",
            "key": key,
            "client": client,
            "action": action,
            "target": target,
            "result": result,
        }
        text = json.dumps(line)
        self._handler.handle(logging.LogRecord("audit", logging.INFO, "", 0, text, None, None))

    def close(self) -> None:
        """Close the file."""
        if self._handler is not None:
            self._handler.close()
