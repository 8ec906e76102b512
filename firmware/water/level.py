"""How high does water stand above the floor, and is it a flood? A float and an echo, each checked by the other."""

import struct

from firmware.drivers import DriverError, float_switch, jsn_sr04t
from firmware.nodes import Sample
from firmware.water.flood import Flood

_SILENT = 3  # looks without any sensor until nothing is known
_BELOW_FLOOR_MM = 200  # deeper than the floor by more: the echo came from elsewhere


class Level:
    """``switch`` and ``uart`` are opened inputs, or None where hal wires none."""

    def __init__(self, switch, uart, settings: dict) -> None:
        self.period_ms = self._calm_ms = settings["period_ms"]
        self.faults = {}
        self._switch = switch
        self._uart = uart
        self._height_mm = settings["height_mm"]
        self._level_when_up = settings["level_when_up"]
        self._fast_ms = min(settings["fast_ms"], self._calm_ms)
        wet, flooded = settings["thresholds_mm"]
        self._flood = Flood(wet, flooded, _SILENT)

    async def sample(self) -> list:
        values, quality = {}, {}
        is_up = await self._float(values)
        level = await self._depth(values, quality)
        changed = self._flood.judge(level, is_up)
        self.period_ms = self._fast_ms if self._flood.is_alert else min(self.period_ms * 2, self._calm_ms)
        if not values and not changed:
            return []
        values["flood_state"] = self._flood.state
        if self._flood.is_doubted:
            quality["level"] = "suspect"
        if self._flood.is_suspect:
            self._fault("sensors_disagree")
            for key in values:
                quality[key] = "suspect"
        return [Sample(values, changed, quality=quality)]

    async def _float(self, values: dict) -> bool | None:
        if self._switch is None:
            return None
        try:
            position = float_switch.position(await self._switch.read(), self._level_when_up)
        except DriverError as error:
            self._fault("float_" + str(error))
            return None
        values["float_switch"] = position
        return position == "on"

    async def _depth(self, values: dict, quality: dict) -> int | None:
        """Millimetres above the floor; None when there is no echo that could be one."""
        if self._uart is None:
            return None
        try:
            answer = await self._uart.exchange(jsn_sr04t.REQUEST, jsn_sr04t.ANSWER_SIZE, jsn_sr04t.TIMEOUT_MS)
            distance = jsn_sr04t.distance_mm(answer)
        except DriverError as error:
            self._fault(str(error))
            return None
        level = self._height_mm - distance
        values["distance"], values["level"] = (distance, -3), (level, -3)
        if distance < jsn_sr04t.BLIND_MM:  # the water may be anywhere up to the sensor: at least so high
            quality["level"] = quality["distance"] = "suspect"
        elif level < -_BELOW_FLOOR_MM:
            self._fault("below_floor")
            quality["level"] = quality["distance"] = "suspect"
            return None
        return level

    def keep(self, note: bytes) -> None:
        """Nothing here has to survive a restart: the next looks say it again."""

    def _fault(self, name: str) -> None:
        self.faults[name] = self.faults.get(name, 0) + 1

    def remember(self) -> bytes:
        """What a board that sleeps between samples keeps in the memory that deep sleep does not clear."""
        numbers = self._flood.remember()
        return struct.pack("<I" + "i" * len(numbers), self.period_ms, *numbers)

    def recall(self, octets: bytes) -> None:
        """Go on from ``remember``."""
        numbers = struct.unpack("<I" + "i" * (len(octets) // 4 - 1), octets)
        self.period_ms = numbers[0]
        self._flood.recall(list(numbers[1:]))
