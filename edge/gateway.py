"""When is which meter read, and what becomes of a readout? One task per line; time enters here and nowhere below."""

import asyncio
import logging
import time
from collections.abc import Callable

from edge.bus import Bus, bus_of
from edge.config import Config, Meter
from edge.errors import DeviceError, LineError
from edge.mbus.quantity import Values
from edge.outbox import Outbox
from edge.uplink import Uplink
from firmware.contract import ContractError

log = logging.getLogger(__name__)

_FIRST_WAIT, _LONGEST_WAIT = 1.0, 30.0  # s between attempts to open a line


def now_ms() -> int:
    """Milliseconds since 1970 UTC."""
    return time.time_ns() // 1_000_000


class Stamps:
    """When a readout ended, never the same instant twice for one thing."""

    def __init__(self, clock: Callable[[], int] = now_ms) -> None:
        self._clock = clock
        self._last: dict[str, int] = {}

    def stamp(self, thing: str) -> int:
        """The time now; a clock that stepped back yields the last stamp + 1 ms."""
        at = max(self._clock(), self._last.get(thing, 0) + 1)
        self._last[thing] = at
        return at


class Keeper:
    """Puts readouts into the outbox and tells the uplink."""

    def __init__(self, outbox: Outbox, uplink: Uplink, stamps: Stamps) -> None:
        self._outbox = outbox
        self._uplink = uplink
        self._stamps = stamps

    def keep(self, thing: str, values: Values) -> None:
        """Stamp and append: called after a meter's last answer and before the line's next question."""
        reading = {"thing": thing, "at": self._stamps.stamp(thing), "values": values}
        try:
            seq = self._outbox.append([reading])
        except ContractError as error:
            raise DeviceError(str(error)) from error
        if seq is None:
            log.error("%s: the disk is full, the reading is counted as dropped", thing)
        self._uplink.wake()


def next_due(due: float, now: float, period: float) -> float:
    """The next multiple of the period after ``due`` that is not over; missed ones are not made up for."""
    return due + period * max(1, int((now - due) // period) + 1)


async def poll(name: str, bus: Bus, meters: list[Meter], keep: Callable[[str, Values], None]) -> None:
    """Read each meter of one line at its period, one at a time, so no lock is needed; for ever."""
    loop = asyncio.get_running_loop()
    due = dict.fromkeys(range(len(meters)), loop.time())
    wait = _FIRST_WAIT
    while True:
        index = min(due, key=lambda candidate: (due[candidate], candidate))
        meter = meters[index]
        await asyncio.sleep(due[index] - loop.time())
        try:
            keep(meter.thing, await bus.read(meter))
            wait = _FIRST_WAIT
        except DeviceError as error:
            log.warning("%s: %s: %s", name, meter.thing, error)
        except LineError as error:
            bus.close()
            log.warning("%s: %s; opening it again in %.0f s", name, error, wait)
            await asyncio.sleep(wait)
            wait = min(2 * wait, _LONGEST_WAIT)
            continue
        due[index] = next_due(due[index], loop.time(), meter.period)


async def run(config: Config, outbox: Outbox, uplink: Uplink) -> None:
    """Read every line and publish, until cancelled."""
    keeper = Keeper(outbox, uplink, Stamps())
    buses = [bus_of(line) for line in config.line]
    try:
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(uplink.run(), name="uplink")
            for line, bus in zip(config.line, buses, strict=True):
                tasks.create_task(poll(line.name, bus, line.meter, keeper.keep), name=line.name)
    finally:
        for bus in buses:
            bus.close()
