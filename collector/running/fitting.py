"""Has a fitter exchanged a meter since the start? meters.toml is looked at while the collector runs."""

import asyncio
import logging
from pathlib import Path

from collector.city import City
from collector.entities.inventory import ConfigError
from collector.entities.meters import load_meters
from collector.running.watched import LOOK, Watched

log = logging.getLogger("collector.fitting")


class Fitting:
    """A file that cannot be used is refused, and the one before is still used; /health says so under ``meters``."""

    def __init__(self, city: City, file: Path) -> None:
        """Raises ConfigError: what stands there at the start must be right."""
        self._city = city
        self._file = Watched(file, lambda: load_meters(file))
        city.meters.known = self._file.read()

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            await asyncio.sleep(LOOK)
            await self.look()

    async def look(self) -> None:
        """One look."""
        try:
            found = await asyncio.to_thread(self._file.look)
        except ConfigError as error:
            self._city.health.ails("meters", f"refused, the ones before are still used: {error}")
            log.error("meters refused, the ones before are still used: %s", error)  # noqa: TRY400  # it says all
            return
        if found is not None:
            self._city.meters.known = found
            self._city.health.well("meters")
            log.info("meters: %d are known", len(found))
