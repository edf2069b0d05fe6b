"""The contract of an output for the answers of an analysis."""

from typing import Protocol

from app.answers import TimelineAnswer
from app.batch.sources import Source


class Output(Protocol):
    """A receiver of an answer, or of the reason for its absence, for each recording."""

    @property
    def left(self) -> list[Source]:
        """The recordings that still need an answer."""

    def add(self, source: Source, answer: TimelineAnswer | str) -> None:
        """Store the answer of a recording, or the reason for its absence."""

    def finish(self) -> dict[str, str]:
        """Complete the output.

        Returns:
            The recordings that could not be analyzed, with the reasons.
        """

    def close(self) -> None:
        """Close open files. A later run can continue an unfinished output if the output supports that."""
