"""What does each sensor of a parking spot say: free, occupied or nothing, and from which numbers?

Each has a ``weight``, ``async look(values)``, which adds its raw numbers to ``values`` and returns its
evidence (DriverError: none this time), and ``suspect``: the quantities that may not be believed now.
"""

from firmware.baseline import magnitude
from firmware.drivers import DriverError, jsn_sr04t, ld2410
from firmware.drivers.framing import FrameFinder
from firmware.drivers.stuck import Stuck
from firmware.occupancy import FREE, OCCUPIED, UNKNOWN

_DRAIN = 512  # bytes of reports at a time
_MOST = 64  # times; noise without an end holds no report
_RADAR_MS = 500  # five reports
_EQUAL = 2000  # distances or reports: legitimate for a while, so they are only marked


class _ByDistance:
    """A distance with hysteresis: between ``below`` and ``above`` the last answer stays."""

    weight = 2

    def __init__(self, below: int, above: int, quantity: str) -> None:
        self._below = below
        self._above = above
        self._quantity = quantity
        self._stuck = Stuck(_EQUAL)
        self.suspect = ()
        self.says = UNKNOWN

    def _judge(self, distance_mm: int, values: dict) -> str:
        values[self._quantity] = (distance_mm, -3)
        self.suspect = (self._quantity,) if self._stuck.is_stuck(distance_mm) else ()
        if distance_mm < self._below:
            self.says = OCCUPIED
        elif distance_mm > self._above:
            self.says = FREE
        return self.says


class Ultrasonic(_ByDistance):
    """``uart`` leads to a JSN-SR04T."""

    def __init__(self, uart, below: int, above: int, quantity: str) -> None:
        super().__init__(below, above, quantity)
        self._uart = uart

    async def look(self, values: dict) -> str:
        answer = await self._uart.exchange(jsn_sr04t.REQUEST, jsn_sr04t.ANSWER_SIZE, jsn_sr04t.TIMEOUT_MS)
        return self._judge(jsn_sr04t.distance_mm(answer), values)


class Light(_ByDistance):
    """``ranger`` is a TimeOfFlight."""

    def __init__(self, ranger, below: int, above: int, quantity: str) -> None:
        super().__init__(below, above, quantity)
        self._ranger = ranger

    async def look(self, values: dict) -> str:
        measured = await self._ranger.measure()
        return self._judge(measured.distance_mm, values)


class Radar:
    """``uart`` leads to an LD2410. Made for people, it weighs less than what sees metal or distance."""

    weight = 1

    def __init__(self, uart, energy: int) -> None:
        self._uart = uart
        self._energy = energy
        self._finder = FrameFinder(ld2410.HEAD, ld2410.size_of, ld2410.is_frame)
        self._stuck = Stuck(_EQUAL)
        self.suspect = ()
        self.says = UNKNOWN

    async def look(self, values: dict) -> str:
        report = await self._newest()
        values["radar_distance"] = (report.detection_cm, -2)
        values["radar_energy"] = energy = max(report.moving_energy, report.static_energy)
        numbers = (report.detection_cm, report.moving_energy, report.static_energy)
        self.suspect = ("radar_distance", "radar_energy") if self._stuck.is_stuck(numbers) else ()
        if report.state and energy >= self._energy:
            self.says = OCCUPIED
        elif not report.state:
            self.says = FREE
        return self.says

    async def _newest(self) -> ld2410.Report:
        newest, heard = None, False
        for _ in range(_MOST):
            octets = await self._uart.receive(_DRAIN, _RADAR_MS)
            heard = heard or bool(octets)
            for frame in self._finder.feed(octets):
                newest = frame
            if newest is not None and len(octets) < _DRAIN:
                return ld2410.report(newest)
            if not octets:
                break
        raise DriverError("no_frame" if heard else "no_answer")


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
