"""Who talks on a line next? Its one owner: commands first, then the readouts that are due, then searches.

Time enters here and nowhere below. Others hand the owner a job and wait for its outcome, so no lock is needed.
"""

import asyncio
import heapq
import logging
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any

from edge.bus import Bus
from edge.config import Meter
from edge.errors import DeviceError, LineError, Refusal
from edge.mbus.quantity import Values
from edge.schedule import Schedule

log = logging.getLogger(__name__)

COMMAND, SCAN = 0, 2  # readouts come between
_FIRST_WAIT, _LONGEST_WAIT = 1.0, 30.0  # s between attempts to open a line
_LONGEST_IDLE = 5.0  # s; an idle owner shows that it lives, too

Job = Callable[[Bus], Awaitable[Any]]


@dataclass(slots=True)
class DeviceHealth:
    """How a device has done since the start; ``at`` (ms UTC) of the last readout, 0 for none."""

    at: int = 0
    readouts: int = 0
    failures: int = 0
    in_a_row: int = 0
    reason: str = ""


class Owner:
    """Of one line; ``keep`` takes what was read, and ``wall`` gives seconds since 1970."""

    def __init__(  # noqa: PLR0913 - what a line needs, each by name
        self,
        name: str,
        bus: Bus,
        meters: Sequence[Meter],
        keep: Callable[[str, Values], None],
        *,
        readouts: dict[str, int] | None = None,
        wall: Callable[[], float] = time.time,
    ) -> None:
        self.name = name
        self.health: dict[str, DeviceHealth] = {meter.thing: DeviceHealth() for meter in meters}
        self.line_error = ""
        self.is_ended = False
        self._bus = bus
        self._keep = keep
        self._wall = wall
        self._loop = asyncio.get_running_loop()
        self.alive_at = self._loop.time()
        self._meters = {meter.thing: meter for meter in meters}
        self._schedule = Schedule(meters, self._loop.time(), readouts)
        self._jobs: list[tuple[int, int, Job, asyncio.Future[Any]]] = []
        self._count = 0
        self._woken = asyncio.Event()
        self._wait = _FIRST_WAIT
        self._open_at = 0.0  # before which the line is left closed

    def replace(self, meters: Sequence[Meter]) -> list[str]:
        """These are the meters now; what is the same is not touched. The things that came, changed or went."""
        changed, gone = self._schedule.replace(meters, self._loop.time())
        self._meters = {meter.thing: meter for meter in meters}
        for thing in gone:
            del self.health[thing]
        for thing in changed:
            self.health[thing] = DeviceHealth()
        self._woken.set()
        return changed + gone

    async def ask(self, priority: int, job: Job) -> Any:
        """What the job gives when its turn has come; raises what it raises."""
        future: asyncio.Future[Any] = self._loop.create_future()
        self._count += 1
        heapq.heappush(self._jobs, (priority, self._count, job, future))
        self._woken.set()
        return await future

    async def read_now(self, thing: str) -> Values:
        """One readout before all others; it is kept like any other, and counts for the day."""
        meter = self._meters[thing]

        async def job(bus: Bus) -> Values:
            if not self._schedule.is_allowed(thing, self._loop.time(), self._wall()):
                raise DeviceError(f"{thing} was read as often today as its battery allows")
            values = await bus.read(meter)
            self._kept(thing, values)
            return values

        found: Values = await self.ask(COMMAND, job)
        return found

    async def run(self) -> None:
        """Until cancelled, or told to end: before Python 3.12 a library may swallow a cancellation."""
        try:
            while not self.is_ended:
                await self.turn()
        finally:
            self._bus.close()
            for *_, future in self._jobs:
                future.cancel()

    async def turn(self) -> None:
        """One job, one readout or one rest."""
        self.alive_at = now = self._loop.time()
        if self._jobs and self._jobs[0][0] == COMMAND:
            await self._do_job()
        elif now < self._open_at:
            await self._rest(self._open_at - now)
        else:
            thing, pause = self._schedule.next(now, self._wall())
            if thing is not None:
                await self._read(thing)
            elif self._jobs:
                await self._do_job()
            else:
                await self._rest(pause)

    async def _rest(self, seconds: float) -> None:
        self._woken.clear()
        try:
            async with asyncio.timeout(min(seconds, _LONGEST_IDLE)):
                await self._woken.wait()
        except TimeoutError:
            return

    async def _read(self, thing: str) -> None:
        try:
            self._kept(thing, await self._bus.read(self._meters[thing]))
        except DeviceError as error:
            self._failed(thing, str(error))
        except LineError as error:
            self._line_failed(error)
        else:
            self._line_works()

    def _kept(self, thing: str, values: Values) -> None:
        self._keep(thing, values)
        self._schedule.answered(thing, self._loop.time(), self._wall())
        health = self.health.get(thing)
        if health is None:
            return  # taken out of the configuration while it was read
        if health.in_a_row:
            log.info("%s: %s: answers again", self.name, thing)
        health.at, health.readouts = int(self._wall() * 1000), health.readouts + 1
        health.in_a_row, health.reason = 0, ""

    def _failed(self, thing: str, reason: str) -> None:
        wait = self._schedule.failed(thing, self._loop.time())
        health = self.health.get(thing)
        if health is None:
            return  # taken out of the configuration while it was read
        health.failures, health.in_a_row, health.reason = health.failures + 1, health.in_a_row + 1, reason
        log.warning("%s: %s: %s; again in %.0f s", self.name, thing, reason, wait)

    async def _do_job(self) -> None:
        _, _, job, future = heapq.heappop(self._jobs)
        if future.done():
            return  # nobody waits for it any more
        try:
            outcome = await job(self._bus)
        except DeviceError as error:
            self._line_works()
            _tell(future, error)
        except LineError as error:
            self._line_failed(error)
            _tell(future, error)
        except Refusal as refusal:
            _tell(future, refusal)
        except BaseException:
            future.cancel()
            raise
        else:
            self._line_works()
            if not future.done():
                future.set_result(outcome)

    def _line_failed(self, error: LineError) -> None:
        self._bus.close()
        self.line_error = str(error)
        log.warning("%s: %s; opening it again in %.0f s", self.name, error, self._wait)
        self._open_at = self._loop.time() + self._wait
        self._wait = min(2 * self._wait, _LONGEST_WAIT)

    def _line_works(self) -> None:
        self.line_error = ""
        self._wait = _FIRST_WAIT


def _tell(future: asyncio.Future[Any], error: Exception) -> None:
    if not future.done():
        future.set_exception(error)
