"""The error of the offline package; the whole tree is drawn in `app.core.errors`."""

from app.core.errors import SpeechEmotionError


class TrainingError(SpeechEmotionError):
    """A run that cannot work; the message says why, and what to do."""
