"""Numbered messages in their order, although some arrive late, twice or never."""

from collections.abc import Iterator
from typing import Generic, TypeVar

T = TypeVar("T")


class SequenceBuffer(Generic[T]):
    """A buffer that waits for a late message until too many later ones have arrived.

    Attributes:
        n_reordered: the number of messages that arrived after a later one, and in time.
        n_dropped: the number of messages that arrived twice or too late.

    Example:
        >>> buffer = SequenceBuffer[str](reach=2, first=1)
        >>> [list(buffer.add(number, str(number))) for number in (2, 1, 1)]
        [[], [('1', False), ('2', False)], []]
        >>> [list(buffer.add(number, str(number))) for number in (4, 5, 6)]
        [[], [], [('4', True), ('5', False), ('6', False)]]
    """

    def __init__(self, reach: int, first: int | None) -> None:
        """Wait for the first message.

        Args:
            reach: the number of messages that may wait for an earlier one.
            first: the number of the first message; None if it is that of the message that arrives first.
        """
        self.n_reordered = 0
        self.n_dropped = 0
        self._reach = reach
        self._next = first
        self._waiting: dict[int, T] = {}

    def add(self, number: int, item: T) -> Iterator[tuple[T, bool]]:
        """Add a message.

        Args:
            number: the number of the message.
            item: the message.

        Returns:
            The messages whose turn it is, each with whether messages before it are missing.
        """
        if self._next is None:
            self._next = number
        if number < self._next or number in self._waiting:
            self.n_dropped += 1
            return iter(())
        self.n_reordered += any(number < other for other in self._waiting)
        self._waiting[number] = item
        return self._release(self._reach)

    def drain(self) -> Iterator[tuple[T, bool]]:
        """Return all messages that wait, as `add` does, since no message follows."""
        return self._release(0)

    def _release(self, n_waiting: int) -> Iterator[tuple[T, bool]]:
        """Yield messages as long as none is missing, or more than a number of them wait."""
        while self._waiting:
            number = min(self._waiting)
            is_gap = number != self._next
            if is_gap and len(self._waiting) <= n_waiting:
                return
            self._next = number + 1
            yield self._waiting.pop(number), is_gap
