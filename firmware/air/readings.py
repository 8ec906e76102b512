"""What did the sensors say in this period, and can it be true? Exact means, and the names of what is doubtful.

Doubtful is a value outside the quantity's range, and one that jumps faster than air does. It is averaged all the same
and makes the mean suspect; a jump is doubted once, then believed.
"""

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


class Readings:
    """``suspect`` holds the quantities with a doubtful value in this period."""

    def __init__(self) -> None:
        self._last = {}  # quantity -> (value, ms), over periods
        self._ranges = {}  # name of a quantity -> (lowest, highest)
        self.begin()

    def begin(self) -> None:
        """A new period."""
        self._sums = {}  # quantity -> [sum, count, exponent]
        self.suspect = set()

    def add(self, quantity: str, value: tuple, now: int) -> None:
        """All values of a quantity, (integer, exponent), have the same exponent."""
        if not self._is_plausible(quantity, value[0] * 10.0 ** value[1], now):
            self.suspect.add(quantity)
        entry = self._sums.get(quantity)
        if entry is None:
            entry = self._sums[quantity] = [0, 0, value[1]]
        entry[0] += value[0]
        entry[1] += 1

    def _is_plausible(self, quantity: str, number: float, now: int) -> bool:
        last, before = self._last.get(quantity, (number, now))
        self._last[quantity] = number, now
        name = quantity.partition(".")[0]
        if name not in self._ranges:
            low, high = row(name)[2:]  # pyright: ignore[reportOptionalSubscript] - every quantity of a sensor has one
            self._ranges[name] = int(low or 0), int(high or 0)  # whole numbers, which take no heap
        lowest, highest = self._ranges[name]
        if not lowest <= number <= highest:
            return False
        return abs(number - last) <= _PER_MINUTE[name] * max(now - before, _MINUTE_MS) / _MINUTE_MS

    def values(self) -> dict:
        """The means, {quantity: (integer, exponent)}, with one digit more than the readings have."""
        means = {}
        for quantity, (total, count, exponent) in self._sums.items():
            means[quantity] = ((20 * total + count) // (2 * count), exponent - 1)
        return means
