"""The slots for requests, of which one caller cannot take all."""

import contextlib
from collections import Counter
from collections.abc import Iterator

from app.pool.errors import ConcurrencyLimited, Overloaded


class Slots:
    """A fixed number of slots. A request holds one from before its upload until its answer.

    Attributes:
        n_taken: the number of taken slots.
        n_per_caller: the number of slots that one caller may hold.
    """

    def __init__(self, n_slots: int, n_per_caller: int | None = None) -> None:
        """Start with free slots.

        Args:
            n_slots: the number of slots.
            n_per_caller: the number of slots that one caller may hold; None: half of them.
        """
        self._n_slots = n_slots
        self.n_per_caller = n_per_caller or max(1, n_slots // 2)
        self._callers = Counter[str]()

    @property
    def n_taken(self) -> int:
        """The number of taken slots."""
        return self._callers.total()

    @contextlib.contextmanager
    def hold(self, caller: str) -> Iterator[None]:
        """Hold a slot.

        Args:
            caller: the name of the caller.

        Raises:
            Overloaded: every slot is taken.
            ConcurrencyLimited: the caller holds as many slots as it may.
        """
        if self.n_taken >= self._n_slots:
            raise Overloaded("All workers are busy and the queue is full. Try again in a moment.")
        if self._callers[caller] >= self.n_per_caller:
            raise ConcurrencyLimited(
                f"{self.n_per_caller} of your requests are in progress, which is the limit. "
                "Wait for an answer before you send the next request."
            )
        self._callers[caller] += 1
        try:
            yield
        finally:
            self._callers[caller] -= 1
            if not self._callers[caller]:
                del self._callers[caller]
