"""When does a particle sensor run, warm up, rest and clean its fan? And how long has it run in all?

Values of the first ``WARM_UP_MS`` after each start are thrown away, and so are those of a cleaning: half a minute is
worth less than a wrong value. Both are told by flags. The fan's hours, and its hours since the last cleaning, are kept
over power cuts by the node's note: the sensor itself forgets them.
"""

from firmware.drivers import DriverError

_PATIENCE = 3  # questions without an answer before it is started again


class Particles:
    """``measure_ms`` of each period; 0: as the sensor itself wants it. ``memory`` as firmware.air.memory has it."""

    def __init__(self, sensor, memory, period_ms: int, measure_ms: int) -> None:
        self.sensor = sensor
        self.is_cleaning = False  # or was, in this period
        wanted = (measure_ms or sensor.MEASURE_MS) + sensor.WARM_UP_MS
        self._awake_ms = wanted if wanted > sensor.WARM_UP_MS and wanted < period_ms else period_ms
        self._period_ms = period_ms
        self._memory = memory
        self._is_on = False
        self._is_resting = False
        self._counted_ms = 0  # until then the fan's time is in the memory
        self._ready_ms = None
        self._missed = 0

    async def read(self, now: int, left_ms: int) -> dict:
        """Values, if it is time for them; ``left_ms`` of the period are left. Raises DriverError."""
        self._count(now)
        if left_ms > self._awake_ms:
            await self._rest()
            return {}
        if not self._is_on:
            await self._start(now)
        if self._ready_ms is None or now < self._ready_ms:
            return {}
        if self._clean_is_due():
            await self._clean(now)
            return {}
        try:
            values = await self.sensor.read()
        except DriverError as error:
            self._missed += 1
            if str(error) == "not_measuring" or self._missed >= _PATIENCE:
                self._is_on = False
            raise
        self._missed = 0
        return values

    def life_left_d(self) -> int:
        """Days that are left of the sensor's life at this share of running."""
        left_s = self.sensor.LIFE_H * 3600 - self._memory.fan_s
        return max(left_s, 0) * self._period_ms // self._awake_ms // 86400

    async def _start(self, now: int) -> None:
        """A sensor that had been on all the time needs no second warming up."""
        had_been_off = await self.sensor.start()
        if had_been_off or self._ready_ms is None:
            self._ready_ms = now + self.sensor.WARM_UP_MS
        self._is_on, self._is_resting, self._missed = True, False, 0

    async def _rest(self) -> None:
        if not self._is_resting:
            await self.sensor.rest()
            self._is_on, self._is_resting, self._ready_ms = False, True, None

    def _clean_is_due(self) -> bool:
        return 0 < self.sensor.CLEAN_EVERY_S <= self._memory.uncleaned_s

    async def _clean(self, now: int) -> None:
        await self.sensor.clean()
        self.is_cleaning = True
        self._memory.uncleaned_s = 0
        self._ready_ms = now + self.sensor.CLEANING_MS

    def _count(self, now: int) -> None:
        """Whole seconds of the time since the last count, if the fan was on."""
        seconds = (now - self._counted_ms) // 1000
        self._counted_ms += seconds * 1000
        if self._is_on:
            self._memory.fan_s += seconds
            self._memory.uncleaned_s += seconds
