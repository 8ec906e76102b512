"""What is in the air, by all sensors together? Each is asked in turn; a report at the end of each period."""

from firmware.air.memory import Memory
from firmware.air.readings import Readings
from firmware.drivers import DriverError
from firmware.drivers.stuck import Stuck
from firmware.nodes import Sample

NO_DUST, CLEANING, STUCK, WORN_OUT, COLD_CELLS, TOO_HUMID = 1, 2, 4, 8, 16, 32


class Air:
    """``sensors``: name -> sensor, of ``climate`` and ``co2``; ``particles`` and ``cells`` may be None."""

    def __init__(self, settings: dict, hal, memory: Memory, sensors: dict, particles, cells) -> None:
        self.period_ms = min(settings["sample_ms"], settings["period_ms"])
        self.faults = {}
        self._settings = settings
        self._monotonic_ms = hal.monotonic_ms
        self._memory = memory
        self._sensors = sensors
        self._particles = particles
        self._cells = cells
        self._readings = Readings()
        self._stuck = {}
        self._flags = 0
        self._end_ms = hal.monotonic_ms() + settings["period_ms"]

    async def sample(self) -> list:
        """Ask every sensor; at the end of the period, say what it was."""
        for name, sensor in self._sensors.items():
            await self._ask(name, sensor.read(), sensor)
        if self._particles is not None:
            now = self._monotonic_ms()
            await self._ask("pm", self._particles.read(now, self._end_ms - now), self._particles.sensor)
        if self._cells is not None:
            for gas in self._cells.wired:
                await self._ask(gas, self._cells.read(gas), None)
        if self._monotonic_ms() < self._end_ms:
            return []
        return self._report()

    async def _ask(self, name: str, reading, sensor) -> None:
        try:
            values = await reading
        except DriverError as error:
            self._fault(name + "_" + str(error))
            return
        now = self._monotonic_ms()
        for quantity, value in values.items():
            self._readings.add(quantity, value, now)
        if values and sensor is not None:
            self._watch(name, sensor, values)

    def _watch(self, name: str, sensor, values: dict) -> None:
        """A sensor that repeats itself is not measuring."""
        if name not in self._stuck:
            self._stuck[name] = Stuck(sensor.STUCK_AFTER)
        if self._stuck[name].is_stuck(sensor.raw):
            self._flags |= STUCK
            self._fault(name + "_stuck")
            self._readings.suspect.update(values)

    def _report(self) -> list:
        period, now = self._settings["period_ms"], self._monotonic_ms()
        self._end_ms += period * (1 + (now - self._end_ms) // period)
        values, suspect = self._readings.values(), self._readings.suspect
        if self._particles is not None:
            self._tell_dust(values, suspect)
        if self._cells is not None and self._cells.compute(values, suspect, now):
            self._flags |= COLD_CELLS
        if "co2" in self._sensors and "air_pressure" in values and "air_pressure" not in suspect:
            integer, exponent = values["air_pressure"]
            self._sensors["co2"].pressure = integer // 10**-exponent
        samples = []
        if values:
            quality = {quantity: "suspect" for quantity in suspect if quantity in values}
            samples.append(Sample(values, False, None, period, quality))
        samples.append(Sample(self._state(), False, self._memory.note()))
        self._readings.begin()
        self._flags = 0
        return samples

    def _tell_dust(self, values: dict, suspect: set) -> None:
        from firmware.air.humidity import correct

        if correct(values, suspect, self._settings["kappa_percent"]):
            self._flags |= TOO_HUMID
        if "pm2_5" not in values:
            self._flags |= NO_DUST
        if self._particles.is_cleaning:
            self._flags |= CLEANING
            self._particles.is_cleaning = False

    def _state(self) -> dict:
        state, lives = {}, [worn.life_left_d() for worn in (self._particles, self._cells) if worn is not None]
        if self._particles is not None:
            state["fan_hours"] = (self._memory.fan_s // 36, -2)
        if lives:
            state["sensor_life"] = min(lives)
            if not state["sensor_life"]:
                self._flags |= WORN_OUT
        state["air_flags"] = self._flags
        return state

    def keep(self, note: bytes) -> None:
        """A power cut costs at most the hours of one period."""

    def _fault(self, name: str) -> None:
        self.faults[name] = self.faults.get(name, 0) + 1
