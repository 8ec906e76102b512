"""How does a gateway listen to a radio receiver? It opens the dongle, takes what it says, and opens it again."""

import asyncio
import logging
from collections.abc import Callable
from contextlib import suppress

import serial

from edge.config import ReceiverConfig
from edge.keys import Keys
from edge.mbus.quantity import Values
from edge.wmbus.hearing import Hearing
from edge.wmbus.receivers import BAUD_RATES, stream

log = logging.getLogger(__name__)

_LOOK = 5.0  # s between two looks at the clock
_FIRST_WAIT, _LONGEST_WAIT = 1.0, 30.0  # s between attempts to open the dongle
_TCP_CONNECT = 5.0  # s
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
        """Until cancelled."""
        wait = _FIRST_WAIT
        while True:
            try:
                reader, close = await _open(self._config)
            except (OSError, TimeoutError) as error:
                self.error = str(error) or f"no connection within {_TCP_CONNECT:.0f} s"
            else:
                self.error, wait = "", _FIRST_WAIT
                try:
                    await self._listen(reader)
                finally:
                    close()
                self.error = "the receiver hung up"
            log.warning("%s: %s; again in %.0f s", self.name, self.error, wait)
            await asyncio.sleep(wait)
            self._look()
            wait = min(2 * wait, _LONGEST_WAIT)

    async def _listen(self, reader: asyncio.StreamReader) -> None:
        while True:
            octets = b"-"
            with suppress(TimeoutError):
                async with asyncio.timeout(_LOOK):
                    octets = await reader.read(4096)
                    if not octets:
                        return
                    for received in self._stream.feed(octets):
                        reading = self.hearing.take(received, self._loop.time())
                        if reading:
                            self._keep(reading.thing, reading.values)
            self._look()

    def _look(self) -> None:
        """Say once when the receiver falls silent, and once when it is heard again."""
        silent = self.hearing.is_silent(self._loop.time())
        if silent and not self.is_silent:
            log.error("%s: not one telegram for %d s: is the dongle hung?", self.name, self._config.silent_after)
        elif self.is_silent and not silent:
            log.info("%s: telegrams are heard again", self.name)
        self.is_silent = silent


async def _open(config: ReceiverConfig) -> tuple[asyncio.StreamReader, Callable[[], None]]:
    if config.port.startswith("tcp:"):
        host, number = config.port.removeprefix("tcp:").rsplit(":", 1)
        async with asyncio.timeout(_TCP_CONNECT):
            reader, writer = await asyncio.open_connection(host, int(number))
        return reader, writer.close
    loop = asyncio.get_running_loop()
    baud = config.baud or BAUD_RATES[config.kind.replace("-", "_")]
    device = serial.Serial(config.port, baud, timeout=0, exclusive=True)
    reader = asyncio.StreamReader()
    transport, _ = await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), device)
    return reader, transport.close
