"""Work on many items at a time, within a deadline."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from typing import TypeVar

from app.core.errors import SpeechEmotionError
from app.pool.errors import DeadlineExceeded

Item = TypeVar("Item")
Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class Deadline:
    """The end of an analysis.

    Attributes:
        seconds: the seconds that the analysis may take.
        at: the end, as a time of the event loop.
    """

    seconds: float
    at: float

    @classmethod
    def of(cls, seconds: float) -> "Deadline":
        """Return the deadline of an analysis that begins now."""
        return cls(seconds, asyncio.get_running_loop().time() + seconds)

    def check(self) -> None:
        """Raise `DeadlineExceeded` after the end."""
        if asyncio.get_running_loop().time() > self.at:
            raise DeadlineExceeded(f"No answer within {self.seconds:g} s. Try again, or send a shorter part.")


async def spread(
    work: Callable[[Item], Awaitable[Result]], items: Iterable[Item], n_at_a_time: int, deadline: Deadline
) -> list[Result]:
    """Process each item, several at a time.

    After an error, no further item starts. Items in progress are completed, because the pool kills the
    worker of a canceled task.

    Args:
        work: the coroutine function that processes an item.
        items: the items.
        n_at_a_time: the number of items in progress.
        deadline: the end, after which no item starts.

    Returns:
        The results, in the order of the items.

    Raises:
        SpeechEmotionError: the first error of `work`.
        DeadlineExceeded: the deadline has passed.
    """
    results: dict[int, Result] = {}
    errors: list[SpeechEmotionError] = []
    remaining = iter(enumerate(items))

    async def process_items() -> None:
        for index, item in remaining:
            if errors:
                return
            try:
                deadline.check()
                results[index] = await work(item)
            except SpeechEmotionError as error:
                errors.append(error)

    await asyncio.gather(*(process_items() for _ in range(n_at_a_time)))
    if errors:
        raise errors[0]
    return [results[index] for index in sorted(results)]
