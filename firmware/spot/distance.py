"""How near is what stands at the spot, by sound or by light?"""

from firmware.drivers import jsn_sr04t
from firmware.drivers.stuck import Stuck
from firmware.spot.occupancy import FREE, OCCUPIED, UNKNOWN

_EQUAL = 2000  # distances: legitimate for a while, so they are only marked


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
