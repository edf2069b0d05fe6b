"""Errors of the worker pool."""

from app.core.errors import SpeechEmotionError


class WorkerError(SpeechEmotionError):
    """The pool could not process the recording."""


class NotReady(WorkerError):
    """The workers are still loading, or the service is stopping."""


class Overloaded(WorkerError):
    """Every worker is busy and the queue is full."""


class ConcurrencyLimited(WorkerError):
    """The caller has as many requests in progress as it may."""


class DeadlineExceeded(WorkerError):
    """The time limit of the request expired."""


class WorkerLost(WorkerError):
    """The worker died while it processed this recording."""
