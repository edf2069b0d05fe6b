import asyncio
from contextlib import suppress

import pytest

from app.pool.errors import ConcurrencyLimited, Overloaded
from app.pool.fair_queue import FairQueue
from app.pool.slots import Slots


async def use(queue: FairQueue[int], caller: str, served: list[str], turns: int = 3) -> None:
    """Take an item, hold it for some turns of the event loop, and put it back."""
    item = await queue.get(caller)
    served.append(caller)
    for _ in range(turns):
        await asyncio.sleep(0)
    queue.put_back(item, caller)


def test_a_caller_that_waits_often_does_not_delay_another() -> None:
    async def scenario() -> list[str]:
        queue, served = FairQueue([1, 2]), list[str]()
        greedy = [use(queue, "greedy", served) for _ in range(50)]
        await asyncio.gather(*greedy, use(queue, "modest", served), use(queue, "modest", served))
        assert queue.n_waiting == 0
        return served

    served = asyncio.run(scenario())
    assert served[:5] == ["greedy", "greedy", "modest", "greedy", "modest"]
    assert len(served) == 52


def test_callers_share_the_items_also_if_one_holds_them_longer() -> None:
    async def scenario() -> list[str]:
        queue, served = FairQueue([1, 2]), list[str]()
        slow = [use(queue, "slow", served, turns=30) for _ in range(10)]
        await asyncio.gather(*slow, *(use(queue, "quick", served) for _ in range(10)))
        return served

    served = asyncio.run(scenario())
    assert served[:3] == ["slow", "slow", "quick"]
    assert served[2:12].count("quick") >= 8  # each caller has an item at any time


def test_callers_take_turns_at_one_item() -> None:
    async def scenario() -> list[str]:
        queue, served = FairQueue([1]), list[str]()
        greedy = [use(queue, "greedy", served) for _ in range(4)]
        await asyncio.gather(*greedy, use(queue, "modest", served), use(queue, "modest", served))
        return served

    assert asyncio.run(scenario()) == ["greedy", "modest", "greedy", "modest", "greedy", "greedy"]


@pytest.mark.parametrize("item_comes_first", [True, False])
def test_a_canceled_wait_loses_no_item(item_comes_first: bool) -> None:  # noqa: FBT001  # a parameter
    async def scenario() -> None:
        queue = FairQueue([1])
        item = await queue.get("first")
        waits = [asyncio.create_task(queue.get(caller)) for caller in ("second", "second", "third")]
        await asyncio.sleep(0)
        waits[0].cancel()
        await asyncio.sleep(0)
        assert queue.n_waiting == 2
        if item_comes_first:
            queue.put_back(item, "first")
            waits[1].cancel()
        else:
            waits[1].cancel()
            queue.put_back(item, "first")
        with suppress(asyncio.CancelledError):
            await waits[1]
        assert await asyncio.wait_for(waits[2], 5) == 1
        queue.put_back(1, "third")
        assert queue.n_items == 1
        assert queue.n_waiting == 0

    asyncio.run(scenario())


def test_the_most_recent_item_is_taken_first_and_a_lost_item_never() -> None:
    async def scenario() -> None:
        queue = FairQueue([1, 2, 3])
        queue.discard(3)
        queue.discard(4)
        assert [await queue.get("caller") for _ in range(2)] == [2, 1]

    asyncio.run(scenario())


def test_one_caller_never_takes_all_slots() -> None:
    slots = Slots(4)
    with slots.hold("greedy"), slots.hold("greedy"):
        with pytest.raises(ConcurrencyLimited, match="2 of your requests"), slots.hold("greedy"):
            pytest.fail("a third slot")
        with slots.hold("modest"), slots.hold("other"):
            assert slots.n_taken == 4
            with pytest.raises(Overloaded), slots.hold("fourth"):
                pytest.fail("a fifth slot")
    assert slots.n_taken == 0
    assert Slots(1).n_per_caller == 1
    assert Slots(4, 4).n_per_caller == 4
