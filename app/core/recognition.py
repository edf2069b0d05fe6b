"""The result of the recognizer."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from app.core.speaker import SpeakerScores
from app.core.timeline import is_decided, leading


@dataclass(frozen=True, slots=True)
class Recognition:
    """The recognized emotion of a recording.

    Attributes:
        duration: the duration of the recording, in seconds.
        probabilities: the probabilities by label, in the order of the bundle, with a sum of 1; None if there
            is no speech.
        seconds: the processing time of each stage in seconds, by the name of the stage.
        scores: the scores for the adaptation to the speaker; None if the bundle does not adapt, or if there
            is no speech.
    """

    duration: float
    probabilities: dict[str, float] | None
    seconds: Mapping[str, float] = field(default_factory=dict, compare=False)
    scores: SpeakerScores | None = None

    @property
    def speech(self) -> bool:
        """True if the recording contains speech."""
        return self.probabilities is not None

    @property
    def emotion(self) -> str | None:
        """The most probable label; None if there is no speech."""
        return leading(self.probabilities) if self.probabilities else None

    def emotion_above(self, min_confidence: float) -> str | None:
        """Return the most probable label.

        Args:
            min_confidence: the lowest probability of an answer.

        Returns:
            The label; None if there is no speech, or if the highest probability is below the minimum.
        """
        decided = self.probabilities and is_decided(self.probabilities, min_confidence)
        return self.emotion if decided else None
