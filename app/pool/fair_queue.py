"""A queue whose waiting callers take turns."""

import asyncio
from collections import Counter, deque
from collections.abc import Hashable, Iterable
from typing import Generic, TypeVar

Item = TypeVar("Item")


class FairQueue(Generic[Item]):
    """A stock of items that callers take and put back. The caller that has the fewest items is served next.

    A caller that waits for many items therefore does not delay a caller that waits for one. Callers with the
    same number of items take turns.

    Example:
        >>> async def take_turns() -> list[str]:
        ...     queue, served = FairQueue(["worker"]), []
        ...     async def use(caller: Hashable) -> None:
        ...         worker = await queue.get(caller)
        ...         served.append(caller)
        ...         await asyncio.sleep(0)
        ...         queue.put_back(worker, caller)
        ...     await asyncio.gather(*map(use, ["greedy", "greedy", "greedy", "modest"]))
        ...     return served
        >>> asyncio.run(take_turns())
        ['greedy', 'modest', 'greedy', 'greedy']
    """

    def __init__(self, items: Iterable[Item] = ()) -> None:
        """Start with the given items."""
        self._items = list(items)
        self._waiting: dict[Hashable, deque[asyncio.Future[Item]]] = {}
        """The waiting futures of each caller, in the order of their turns."""
        self._held = Counter[Hashable]()

    @property
    def n_items(self) -> int:
        """The number of items in stock."""
        return len(self._items)

    @property
    def n_waiting(self) -> int:
        """The number of waits for an item."""
        return sum(map(len, self._waiting.values()))

    async def get(self, caller: Hashable) -> Item:
        """Take an item, the most recent one, or wait for one. `put_back` or `lose` must follow."""
        if self._items:
            self._held[caller] += 1
            return self._items.pop()
        future: asyncio.Future[Item] = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(caller, deque()).append(future)
        try:
            return await future
        except asyncio.CancelledError:
            if future.cancelled():
                self._remove(caller, future)
            else:  # the item arrived at the same time
                self.put_back(future.result(), caller)
            raise

    def put(self, item: Item) -> None:
        """Give an item to the next caller, or to the stock."""
        while self._waiting:
            caller = min(self._waiting, key=lambda waiting: self._held[waiting])
            future = self._waiting[caller].popleft()
            self._end_turn(caller)
            if not future.done():  # else its wait was canceled
                self._held[caller] += 1
                future.set_result(item)
                return
        self._items.append(item)

    def put_back(self, item: Item, caller: Hashable) -> None:
        """Put back the item of a caller. Its equals are served before it."""
        self.lose(caller)
        self._end_turn(caller)
        self.put(item)

    def lose(self, caller: Hashable) -> None:
        """Count an item of a caller as lost."""
        self._held[caller] -= 1
        if not self._held[caller]:
            del self._held[caller]

    def discard(self, item: Item) -> None:
        """Remove an item from the stock, if it is there."""
        if item in self._items:
            self._items.remove(item)

    def _end_turn(self, caller: Hashable) -> None:
        """Place a caller after the others; remove a caller that does not wait."""
        futures = self._waiting.pop(caller, None)
        if futures:
            self._waiting[caller] = futures

    def _remove(self, caller: Hashable, future: asyncio.Future[Item]) -> None:
        """Remove a canceled wait, unless `put` has removed it."""
        futures = self._waiting.get(caller, deque())
        if future in futures:
            futures.remove(future)
            if not futures:
                del self._waiting[caller]
