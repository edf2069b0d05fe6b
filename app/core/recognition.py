"""The answer of the recognizer."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from app.core.speaker import SpeakerScores


@dataclass(frozen=True, slots=True)
class Recognition:
    """What was heard.

    Attributes:
        duration: of the recording, in seconds.
        probabilities: by label, in the bundle's order, adding up to 1; None where there is no speech.
        seconds: that each stage of the work took, by its name.
        scores: for the adaptation to the speaker; None if the bundle does not adapt, or there is no
            speech.
    """

    duration: float
    probabilities: dict[str, float] | None
    seconds: Mapping[str, float] = field(default_factory=dict, compare=False)
    scores: SpeakerScores | None = None

    @property
    def speech(self) -> bool:
        """Whether there is speech in it."""
        return self.probabilities is not None

    @property
    def emotion(self) -> str | None:
        """The most probable label; None where there is no speech."""
        return max(self.probabilities, key=self.probabilities.__getitem__) if self.probabilities else None
