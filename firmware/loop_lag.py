"""Does anything block the loop? A probe that wants to run every ``STEP_MS`` and notes how late it was."""

import asyncio
import time

STEP_MS = 20
BLOCKED_MS = 50


class LoopLag:
    """``worst_ms`` since the start, ``blocked`` how often it was over ``BLOCKED_MS``, of ``turns``."""

    def __init__(self) -> None:
        self.worst_ms = self.blocked = self.turns = 0

    async def run(self) -> None:
        """Never returns."""
        while True:
            begun = time.ticks_us()
            await asyncio.sleep_ms(STEP_MS)
            late = time.ticks_diff(time.ticks_us(), begun) // 1000 - STEP_MS
            self.turns += 1
            self.worst_ms = max(self.worst_ms, late)
            if late > BLOCKED_MS:
                self.blocked += 1
