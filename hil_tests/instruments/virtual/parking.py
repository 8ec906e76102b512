"""A parking spot and whatever looks at it.

mean = 20.0              # seconds a car stays or stays away; or: changes = [[0, "free"], [12.5, "occupied"]]
faults = 0.0             # share of the ultrasonic sensor's answers without an echo or with a wrong sum
sensors = ["sensor"]     # what is wired: sensor or ultrasonic (JSN-SR04T), magnetometer, radar (LD2410), tof (VL53L1X)
magnetometer = "mmc5603" # or qmc5883l, qmc5883p
swing = 0.0              # degrees Celsius up and down in a day; the magnetic field moves with it
"""

import asyncio
import math
import random
from collections.abc import Mapping
from typing import Literal

from pydantic import Field

from hil_tests.instruments.chips import I2cChip, bus, ld2410
from hil_tests.instruments.chips.magnetometers import Mmc5603, Qmc5883l, Qmc5883p
from hil_tests.instruments.chips.vl53l1x import Vl53l1x
from hil_tests.instruments.parking_spot import OCCUPIED, ParkingSpot, frame
from hil_tests.instruments.scenario import Strict
from hil_tests.instruments.virtual import Connected, Site, answers, lines

DAY_S = 86_400
_EARTH_NT = (21_300.0, -1_700.0, 42_900.0)
_CAR_NT = (5_200.0, -9_800.0, 7_400.0)
_NT_PER_DEGREE = 60.0  # on each axis: what a field seems to move with the chip's temperature
_REPORT_S = 0.1


class Settings(Strict):
    mean: float = Field(default=20.0, gt=0)
    changes: list[tuple[float, Literal["free", "occupied"]]] = Field(default_factory=list)
    faults: float = Field(default=0.0, ge=0, le=1)
    sensors: list[Literal["sensor", "ultrasonic", "magnetometer", "radar", "tof"]] = Field(default=["sensor"])
    magnetometer: Literal["mmc5603", "qmc5883l", "qmc5883p"] = "mmc5603"
    swing: float = Field(default=0.0, ge=0)


class World:
    """What is there now: a car or none, its field, its distance."""

    def __init__(self, settings: Settings, site: Site) -> None:
        self.spot = ParkingSpot(site.seed, settings.changes, settings.mean, settings.faults)
        self._swing = settings.swing
        self._site = site
        self._random = random.Random(site.seed)

    @property
    def is_occupied(self) -> bool:
        return self.spot.occupancy(self._site.seconds()) == OCCUPIED

    def celsius(self) -> float:
        return 15 + self._swing * math.sin(2 * math.pi * self._site.seconds() / DAY_S)

    def field(self) -> tuple[float, float, float]:
        moved = (self.celsius() - 15) * _NT_PER_DEGREE
        x, y, z = (axis + moved + car * self.is_occupied for axis, car in zip(_EARTH_NT, _CAR_NT, strict=True))
        self._site.gave({"magnetic_field": math.hypot(x, y, z) / 1000})
        return x, y, z

    def distance(self) -> int:
        occupied = self.is_occupied
        millimetres = self._random.randint(350, 450) if occupied else self._random.randint(2050, 2150)
        self._site.gave({"distance.u2": millimetres / 1000})
        return millimetres

    def echo(self) -> bytes:
        wire = self._site.wire
        if wire.is_silent:
            return b""
        shown = self._site.shown("sensor")
        if shown is not None:
            self._site.gave({"distance": shown})
            return frame(round(shown * 1000))
        octets, values = self.spot.answer(self._site.seconds(), wire.noise)
        if values:
            self._site.gave(values)
        return octets

    def report(self) -> bytes:
        if not self.is_occupied:
            return ld2410.report(0, (0, self._random.randint(0, 9)), (0, self._random.randint(0, 9)))
        return ld2410.report(ld2410.STATIC, (0, 0), (self._random.randint(35, 45), self._random.randint(70, 90)))


def serve(settings: Settings, site: Site) -> Mapping[str, Connected]:
    world = World(settings, site)

    async def reports(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """The radar talks by itself; what nobody takes from the wire is lost, as in a full buffer."""
        while not reader.at_eof():
            if not writer.transport.get_write_buffer_size():
                writer.write(world.report())
                await writer.drain()
            await asyncio.sleep(_REPORT_S)

    magnetometers: dict[str, I2cChip] = {
        "mmc5603": Mmc5603(world.field, world.celsius, site.seed, offset=12_000),
        "qmc5883l": Qmc5883l(world.field, world.celsius, site.seed),
        "qmc5883p": Qmc5883p(world.field, site.seed),
    }
    wires = {
        "sensor": answers(b"\x55", world.echo),
        "ultrasonic": answers(b"\x55", world.echo),
        "magnetometer": lines(bus(magnetometers[settings.magnetometer])),
        "tof": lines(bus(Vl53l1x(world.distance))),
        "radar": reports,
    }
    return {name: wires[name] for name in settings.sensors}
