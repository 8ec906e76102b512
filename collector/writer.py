"""Where is everything written? In one thread, job after job: batches of readings, the inventory, what HTTP changes."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")


class Writer:
    """One for each city; the thread begins with the first job."""

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="writer")

    async def write(self, job: Callable[[], T]) -> T:
        """What ``job`` returns. It runs to its end, also when who waits for it is cancelled."""
        return await asyncio.get_running_loop().run_in_executor(self._thread, job)

    def close(self) -> None:
        """Wait for the job that runs; what has not begun never will."""
        self._thread.shutdown(cancel_futures=True)
