"""The error of a file of rules."""

from collections.abc import Sequence
from typing import NamedTuple

from app.core.errors import SpeechEmotionError


class Fault(NamedTuple):
    """A fault in a file of rules.

    Attributes:
        line: the line, counted from 1.
        text: what is wrong, and what is allowed.
    """

    line: int
    text: str


class RulesInvalid(SpeechEmotionError):
    """The file of rules is not valid. The message has one line for each fault."""

    @classmethod
    def of(cls, name: str, faults: Sequence[Fault]) -> "RulesInvalid":
        """Build the error of a file.

        Args:
            name: the name of the file.
            faults: the faults, in any order.
        """
        return cls("\n".join(f"{name}:{fault.line}: {fault.text}" for fault in sorted(faults)))
