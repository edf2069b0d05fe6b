"""The error of the offline package. `app.core.errors` shows the whole tree of errors."""

from app.core.errors import SpeechEmotionError


class TrainingError(SpeechEmotionError):
    """A run that cannot succeed. The message says why, and what to do."""
