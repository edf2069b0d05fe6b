"""The answer of the recogniser."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Recognition:
    """What was heard.

    Attributes:
        duration: of the recording, in seconds.
        probabilities: by label, in the bundle's order, adding up to 1; None where there is no speech.
    """

    duration: float
    probabilities: dict[str, float] | None

    @property
    def speech(self) -> bool:
        """Whether there is speech in it."""
        return self.probabilities is not None

    @property
    def emotion(self) -> str | None:
        """The most probable label; None where there is no speech."""
        return max(self.probabilities, key=self.probabilities.__getitem__) if self.probabilities else None
