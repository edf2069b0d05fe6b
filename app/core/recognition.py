"""The result of the recognizer."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from app.core.speaker import SpeakerScores


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
        return max(self.probabilities, key=self.probabilities.__getitem__) if self.probabilities else None
