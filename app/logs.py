"""The configuration of the log, for people or for programs."""

from logging import LogRecord
from typing import Any, Literal


def _is_unexpected(record: LogRecord) -> bool:
    """Reject the record of a failed job, because the runner logs the failure itself."""
    kind = record.exc_info[0] if record.exc_info else None
    return kind is None or kind.__name__ != "PortableWorkflowError"


def configuration(log_format: Literal["console", "json"]) -> dict[str, Any]:
    """Return a configuration for `logging.config.dictConfig`.

    Every line carries the ID of its request.

    Args:
        log_format: `console` for people, or `json` for one object per line.
    """
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "filters": {
            "request_id": {"()": "asgi_correlation_id.CorrelationIdFilter", "default_value": "-"},
            "unexpected": {"()": lambda: _is_unexpected},
        },
        "formatters": {
            "console": {"format": "%(asctime)s %(levelname)s %(name)s [%(correlation_id)s] %(message)s"},
            "json": {
                "()": "pythonjsonlogger.json.JsonFormatter",
                "format": "%(asctime)s %(levelname)s %(name)s %(correlation_id)s %(message)s",
                "rename_fields": {
                    "asctime": "time",
                    "levelname": "level",
                    "name": "logger",
                    "correlation_id": "request_id",
                },
            },
        },
        "handlers": {
            "stderr": {
                "class": "logging.StreamHandler",
                "filters": ["request_id"],
                "formatter": log_format,
                "stream": "ext://sys.stderr",
            }
        },
        "root": {"level": "INFO", "handlers": ["stderr"]},
        # At DEBUG, these log the content of messages and of SQL statements, which may be personal.
        "loggers": {
            "sqlalchemy": {"level": "WARNING"},
            "uvicorn.error": {"level": "INFO"},
            # By default, DBOS logs each step of its start in its own format, and a traceback for a failed
            # job.
            "dbos": {
                "level": "WARNING",
                "handlers": ["stderr"],
                "filters": ["unexpected"],
                "propagate": False,
            },
        },
    }
