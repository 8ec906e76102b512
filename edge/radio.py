"""How does a gateway listen to a radio receiver? It opens the dongle, takes what it says, and opens it again."""

import asyncio
import logging
from collections.abc import Callable
from contextlib import suppress

from edge.config import ReceiverConfig
from edge.errors import DeviceError, LineError
from edge.keys import Keys
from edge.line import Line, open_line
from edge.mbus.quantity import Values
from edge.wmbus.hearing import Hearing
from edge.wmbus.receivers import Received, baud_of, stream

log = logging.getLogger(__name__)

_LOOK = 5.0  # s between two looks at the clock
_FIRST_WAIT, _LONGEST_WAIT = 1.0, 30.0  # s between attempts to open the dongle
Keep = Callable[[str, Values], None]


class Radio:
    """One receiver; ``hearing`` has its counts, ``error`` why it is not open."""

    def __init__(self, config: ReceiverConfig, keys: Keys, keep: Keep) -> None:
        self.name = config.name
        self.error = ""
        self.is_silent = False
        self._config = config
        self._keep = keep
        self._loop = asyncio.get_running_loop()
        self.hearing = Hearing(config.meter, keys, config.silent_after, self._loop.time())
        self._stream = stream(config.kind)

    @property
    def telegrams_per_hour(self) -> int:
        return self.hearing.telegrams_per_hour(self._loop.time())

    async def run(self) -> None:
        """Until cancelled: a dongle that is not there, or is pulled out, is a state."""
        wait = _FIRST_WAIT
        while True:
            try:
                line = await open_line(self._config.port, self._config.baud or baud_of(self._config.kind), "N")
                self.error, wait = "", _FIRST_WAIT
                try:
                    await self._listen(line)
                finally:
                    line.close()
            except LineError as error:
                self.error = str(error)
            log.warning("%s: %s; again in %.0f s", self.name, self.error, wait)
            await asyncio.sleep(wait)
            self._look()
            wait = min(2 * wait, _LONGEST_WAIT)

    async def _listen(self, line: Line) -> None:
        """Until LineError says that the line is gone."""
        while True:
            octets = b""
            with suppress(TimeoutError):
                async with asyncio.timeout(_LOOK):
                    octets = await line.heard()
            for received in self._stream.feed(octets):
                self._take(received)
            self._look()

    def _take(self, received: Received) -> None:
        reading = self.hearing.take(received, self._loop.time())
        if reading:
            try:
                self._keep(reading.thing, reading.values)
            except DeviceError as error:  # what no collector would take
                log.warning("%s: %s: %s", self.name, reading.thing, error)

    def _look(self) -> None:
        """Say once when the receiver falls silent, and once when it is heard again."""
        silent = self.hearing.is_silent(self._loop.time())
        if silent and not self.is_silent:
            log.error("%s: not one telegram for %d s: is the dongle hung?", self.name, self._config.silent_after)
        elif self.is_silent and not silent:
            log.info("%s: telegrams are heard again", self.name)
        self.is_silent = silent
