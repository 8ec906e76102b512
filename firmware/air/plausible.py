"""Can that be true? A value outside the quantity's range, or one that jumps faster than air does, is suspect."""

from firmware.quantities import row

# Per minute. A gust of exhaust or a hand on the sensor may go faster: it is marked, not thrown away.
_PER_MINUTE = {
    "temperature": 5,
    "relative_humidity": 30,
    "air_pressure": 3,
    "co2": 2000,
    "pm1": 300,
    "pm2_5": 300,
    "pm4": 500,
    "pm10": 1000,
    "electrode_working": 100,
    "electrode_auxiliary": 100,
}
_MINUTE_MS = 60000
_NO_ROW = (None, None, 0, 0)


class Plausible:
    """Of one quantity, which may carry a qualifier."""

    def __init__(self, quantity: str) -> None:
        name = quantity.partition(".")[0]
        self._lowest, self._highest = (row(name) or _NO_ROW)[2:]
        self._per_minute = _PER_MINUTE[name]
        self._last = None  # value, ms

    def is_plausible(self, value: tuple, now: int) -> bool:
        """Whether ``(integer, exponent)`` may follow what came before. A jump is doubted once, then believed."""
        number = value[0] * 10.0 ** value[1]
        last, self._last = self._last, (number, now)
        if not self._lowest <= number <= self._highest:
            return False
        if last is None:
            return True
        return abs(number - last[0]) <= self._per_minute * max(now - last[1], _MINUTE_MS) / _MINUTE_MS
