"""Is the magnetic field at the spot that of the empty one?"""

from firmware.spot.baseline import magnitude
from firmware.spot.occupancy import UNKNOWN


class Magnetic:
    """``sensor`` is a Magnetometer, ``baseline`` a Baseline."""

    weight = 2

    def __init__(self, sensor, baseline) -> None:
        self._sensor = sensor
        self.baseline = baseline
        self._now = None  # (field, degrees) of the last look
        self.suspect = ()
        self.says = UNKNOWN

    async def look(self, values: dict) -> str:
        self._now = None
        self._now = field, celsius = await self._sensor.measure()
        values["magnetic_field"] = (magnitude(field), -3)
        deviation = self.baseline.deviation(field)
        if deviation is not None:
            values["magnetic_deviation"] = (deviation, -3)
            values["magnetic_field.s1"] = (magnitude(self.baseline.field), -3)
        self.says = self.baseline.evidence(deviation, celsius, self.says)
        return self.says

    def learn(self, is_free: bool, elapsed_ms: int) -> None:
        """Once the spot has been judged: a free one teaches its field."""
        if self._now is not None and is_free:
            self.baseline.learn(self._now[0], self._now[1], elapsed_ms)
