"""The errors of a request that contains no valid recording."""

from app.core.errors import SpeechEmotionError


class UploadError(SpeechEmotionError):
    """The request contains no valid recording."""


class InvalidRequest(UploadError):
    """The body can be parsed, but a part or a parameter is missing or wrong."""


class MalformedRequest(UploadError):
    """The body is empty or cannot be parsed."""


class UploadTooLarge(UploadError):
    """The body is larger than the limit."""


class UploadTimeout(UploadError):
    """The upload stalled, or took too long."""
