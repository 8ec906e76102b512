"""A parking spot: ``sensor`` is a JSN-SR04T above it.

mean = 20.0    # seconds a car stays or stays away; or: changes = [[0, "free"], [12.5, "occupied"]]
faults = 0.0   # share of answers without an echo or with a wrong sum
"""

from collections.abc import Mapping
from typing import Literal

from pydantic import Field

from hil_tests.instruments.parking_spot import ParkingSpot
from hil_tests.instruments.scenario import Strict
from hil_tests.instruments.virtual import Connected, Site, answers


class Settings(Strict):
    mean: float = Field(default=20.0, gt=0)
    changes: list[tuple[float, Literal["free", "occupied"]]] = Field(default_factory=list)
    faults: float = Field(default=0.0, ge=0, le=1)


def serve(settings: Settings, site: Site) -> Mapping[str, Connected]:
    spot = ParkingSpot(site.seed, settings.changes, settings.mean, settings.faults)

    def answer() -> bytes:
        octets, values = spot.answer(site.seconds())
        if values:
            site.gave(values)
        return octets

    return {"sensor": answers(b"\x55", answer)}
