"""Who has been registered since the start? inventory.toml is looked at while the collector runs, and taken as a whole.

A file that cannot be used is refused and the old inventory stays; /health says which key is wrong. Once a new one is
taken, everything held in quarantine is tried again.
"""

import asyncio
import logging
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple, Protocol, TypeVar

from sqlalchemy.exc import DBAPIError

from collector.city import City
from collector.clock import now
from collector.entities.inventory import CENTERS, ConfigError, Inventory, load_inventory
from collector.messages.quarantine import FORGOTTEN
from collector.observation import Observation
from collector.running.watched import LOOK, Watched
from collector.store import StoreError

log = logging.getLogger("collector.registration")

T = TypeVar("T")


class Releaser(Protocol):
    """What tries held readings once more; it blocks."""

    def release(self, now: int, publisher: str | None = None) -> list[Observation]: ...


class WriterThread(Protocol):
    """The one thread in which everything is written, in order."""

    async def write(self, job: Callable[[], T]) -> T: ...


def inventory_file(file: Path, city: str, centers: Sequence[str] = CENTERS) -> Watched[Inventory]:
    """The inventory of this city; ConfigError names file and key."""

    def load() -> Inventory:
        inventory = load_inventory(file, centers)
        if inventory.city != city:
            raise ConfigError(f"{file}: city: {inventory.city} is not the {city} of the configuration")
        return inventory

    return Watched(file, load)


class Released(NamedTuple):
    stored: int
    """Observations."""
    held: int
    """Readings that are still held."""


class Registration:
    """Watches the file for a city that runs."""

    def __init__(self, city: City, file: Watched[Inventory], releaser: Releaser, thread: WriterThread) -> None:
        self._city = city
        self._file = file
        self._releaser = releaser
        self._thread = thread
        self._wanted: Inventory | None = None  # read, and not yet taken
        self._is_release_due = False
        self.period = LOOK

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            await asyncio.sleep(self.period)
            await self.look()

    async def look(self) -> None:
        """One look; what fails for the store's or the disk's sake is tried again at the next one."""
        try:
            self._wanted = await asyncio.to_thread(self._file.look) or self._wanted
            await self._catch_up()
        except ConfigError as error:
            self._refuse(error)
        except (StoreError, DBAPIError) as error:
            log.warning("the inventory cannot be taken yet: %s", error)

    async def release(self, publisher: str | None = None) -> Released:
        """Read the file now, then try once more what is held; raises ConfigError, StoreError or DBAPIError."""
        try:
            self._wanted = await asyncio.to_thread(self._file.read)
        except ConfigError as error:
            self._refuse(error)
            raise
        await self._take()
        stored = await self._release(publisher)
        counts = await asyncio.to_thread(self._city.quarantine.counts)
        wanted = [counts.get(publisher, {})] if publisher is not None else counts.values()
        return Released(stored, sum(count for of in wanted for reason, count in of.items() if reason != FORGOTTEN))

    async def _catch_up(self) -> None:
        if self._wanted is not None:
            await self._take()
            self._is_release_due = True
        if self._is_release_due:
            stored = await self._release()
            self._is_release_due = False
            if stored:
                log.info("%d observations left the quarantine: what held them is mended", stored)

    async def _take(self) -> None:
        inventory = self._wanted
        if inventory is not None:
            # What is protected is known before what there is: nothing shows openly meanwhile.
            await self._thread.write(partial(self._city.access.protections.take_inventory, inventory))
            await self._thread.write(partial(self._city.registry.take_inventory, inventory))
            self._wanted = None
            self._city.health.well("inventory")
            log.info("inventory: %d publishers, %d things", len(inventory.publisher), len(inventory.thing))

    def _refuse(self, error: ConfigError) -> None:
        self._wanted = None
        self._city.health.ails("inventory", f"refused, the one before is still used: {error}")
        log.error("inventory refused, the one before is still used: %s", error)

    async def _release(self, publisher: str | None = None) -> int:
        """Publisher by publisher, so that batches come between them."""
        held = await asyncio.to_thread(self._city.quarantine.counts)
        stored = 0
        for one in held if publisher is None else [publisher]:
            released = await self._thread.write(partial(self._releaser.release, now(), one))
            self._city.feed.publish(released)
            stored += len(released)
        return stored
