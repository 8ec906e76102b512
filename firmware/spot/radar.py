"""Does a radar see something at the spot? From the newest of the reports that it sends by itself."""

from firmware.drivers import DriverError, ld2410
from firmware.drivers.framing import FrameFinder
from firmware.drivers.stuck import Stuck
from firmware.spot.occupancy import FREE, OCCUPIED, UNKNOWN

_DRAIN = 512  # bytes of reports at a time
_MOST = 64  # times; noise without an end holds no report
_RADAR_MS = 500  # five reports
_EQUAL = 2000  # reports: legitimate for a while, so they are only marked


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
