"""The audit log: who did what, when, and with which result. It never contains content."""

import json
import logging
import sys
from datetime import UTC, datetime
from pathlib import Path

from asgi_correlation_id import correlation_id

from app.core.errors import SpeechEmotionError

logger = logging.getLogger(__name__)

STDOUT = "-"
"""The path that stands for standard output."""
OK = "ok"


class AuditLogUnavailable(SpeechEmotionError):
    """The audit log cannot be opened."""


class AuditLog:
    """A file to which each action is appended as a line of JSON.

    Each line opens the file again, which costs little beside a request. So if another program renames or
    deletes the file, logrotate needs no signal, and a full disk or a missing folder has no lasting effect.
    """

    def __init__(self, path: str) -> None:
        """Check that the file can be opened.

        Args:
            path: the path of the file; `-` for standard output; empty for no log.

        Raises:
            AuditLogUnavailable: the file cannot be opened.
        """
        self._path = path
        if path in {"", STDOUT}:
            return
        try:
            Path(path).open("a").close()
        except OSError as error:
            raise AuditLogUnavailable(f"SER_AUDIT_LOG: {error.strerror}: {path}") from error

    def write(
        self, action: str, result: str = OK, *, key: str = "", client: str = "", target: str = ""
    ) -> None:
        """Append a line. If this fails, the log of the service has the reason.

        Args:
            action: the action, such as `job.create`.
            result: `ok`, the code of a problem, or the reason of an end.
            key: the name of the key; empty if it is unknown.
            client: the address of the client.
            target: the ID of the job or of the session; empty if there is none.
        """
        if not self._path:
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
        try:
            self._append(f"{json.dumps(line)}\n")
        except OSError as error:
            logger.error("the audit log cannot be written (SER_AUDIT_LOG): %s", error.strerror)  # noqa: TRY400  # the message has the reason

    def _append(self, line: str) -> None:
        if self._path == STDOUT:
            sys.stdout.write(line)
            sys.stdout.flush()
            return
        with Path(self._path).open("a", encoding="utf-8") as file:
            file.write(line)
