"""Who does what may wait: roll-ups, sealing, retention? One task, a thread, every minute."""

import asyncio
import logging
from functools import partial

from collector.city import City
from collector.clock import now
from collector.store import StoreError
from collector.thread import to_its_end

log = logging.getLogger("collector.housekeeping")

EVERY = 60.0  # s
AGAIN = 5.0  # s: what could not be done is tried again sooner, so that /health is well when the store is


class Housekeeping:
    """A store that cannot now is asked again; /health says so under ``housekeeping`` meanwhile."""

    def __init__(self, city: City, every: float = EVERY) -> None:
        self._city = city
        self._every = every

    async def run(self) -> None:
        """Until cancelled; what is running then is finished first."""
        while True:
            is_ill = "housekeeping" in self._city.health.reasons
            await asyncio.sleep(min(AGAIN, self._every) if is_ill else self._every)
            await to_its_end(partial(self.once, now()))  # when it is cancelled, the store is closed next

    def once(self, now: int) -> None:
        """Blocking; ``now`` in ms UTC."""
        try:
            self._city.store.tend(now)
        except (StoreError, OSError) as error:
            self._city.health.ails("housekeeping", f"roll-ups, sealing or retention wait: {error}")
            log.warning("%s", error)
        else:
            self._city.health.well("housekeeping")
