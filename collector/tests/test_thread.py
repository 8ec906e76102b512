"""What is done in a thread is done to its end."""

import asyncio
import threading

import pytest

from collector.thread import to_its_end


async def test_who_goes_while_it_is_computed_waits_for_the_end() -> None:
    begun, goes_on = threading.Event(), threading.Event()

    def compute() -> None:
        begun.set()
        goes_on.wait(60)

    making = asyncio.create_task(to_its_end(compute))
    await asyncio.to_thread(begun.wait, 60)
    making.cancel()
    await asyncio.wait([making], timeout=0.05)
    assert not making.done()
    goes_on.set()
    with pytest.raises(asyncio.CancelledError):
        await making
