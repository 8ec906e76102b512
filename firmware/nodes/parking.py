"""Is the parking spot under this sensor free? Every distance is published, a change before everything else."""

from firmware.drivers import jsn_sr04t
from firmware.nodes import Sample

KEYS = {}
OCCUPIED_BELOW_MM = 1200
FREE_ABOVE_MM = 1600
TIMEOUT_MS = 3000


class Parking:
    """Hysteresis between the thresholds keeps the last answer; after a start it is ``unknown``."""

    def __init__(self, uart) -> None:
        self._uart = uart
        self._occupancy = "unknown"
        self.faults = {}

    async def sample(self) -> Sample | None:
        answer = await self._uart.exchange(jsn_sr04t.REQUEST, jsn_sr04t.ANSWER_SIZE, TIMEOUT_MS)
        try:
            distance = jsn_sr04t.distance_mm(answer)
        except jsn_sr04t.EchoError as error:
            self.faults[str(error)] = self.faults.get(str(error), 0) + 1
            return None
        before, self._occupancy = self._occupancy, occupancy(distance, self._occupancy)
        values = {"distance": (distance, -3), "occupancy": self._occupancy}
        return Sample(values, self._occupancy != before, None)

    def keep(self, note: bytes) -> None:
        """A parking spot needs no memory."""


def occupancy(distance_mm: int, before: str) -> str:
    if distance_mm < OCCUPIED_BELOW_MM:
        return "occupied"
    return "free" if distance_mm > FREE_ABOVE_MM else before


def make(_settings: dict, hal, _note: bytes) -> Parking:
    return Parking(hal.uart("sensor", jsn_sr04t.BAUD))
