"""Water over a floor: ``sensor`` is a JSN-SR04T that looks down, ``float`` a contact that closes when the float is up.

height_mm = 3000
levels = [[0, 0], [60, 0], [120, 300]]   # second and mm above the floor, straight in between
float_mm = 200                           # where the float comes up
sensors = ["sensor", "float"]            # what is wired
outliers = 0.0                           # share of echoes from something else
"""

import random
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any, Literal

from pydantic import Field

from hil_tests.instruments.parking_spot import frame
from hil_tests.instruments.scenario import Strict
from hil_tests.instruments.virtual import Connected, Site, answers, lines

_NOISE_MM = 3


class Settings(Strict):
    height_mm: int = Field(default=3000, gt=0)
    levels: list[tuple[float, float]] = Field(min_length=1)
    float_mm: int = 200
    sensors: list[Literal["sensor", "float"]] = Field(default=["sensor", "float"])
    outliers: float = Field(default=0.0, ge=0, le=1)


def serve(settings: Settings, site: Site) -> Mapping[str, Connected]:
    chance = random.Random(site.seed)

    def echo() -> bytes:
        level = round(level_at(settings.levels, site.seconds())) + chance.randint(-_NOISE_MM, _NOISE_MM)
        if chance.random() < settings.outliers:
            level = settings.height_mm - chance.randint(300, settings.height_mm - 300)
        site.gave({"level": level / 1000})
        return frame(settings.height_mm - level)

    def contact(_question: dict[str, Any]) -> dict[str, Any]:
        shown = site.shown("float")
        is_up = level_at(settings.levels, site.seconds()) >= settings.float_mm if shown is None else bool(shown)
        site.gave({"float_switch": "on" if is_up else "off"})
        return {"level": int(not is_up)}

    wires = {"sensor": answers(b"\x55", echo), "float": lines(contact)}
    return {name: wires[name] for name in settings.sensors}


def level_at(levels: Sequence[tuple[float, float]], second: float) -> float:
    """Between two points in a straight line, before and after them at the nearest."""
    for (begin, low), (end, high) in pairwise(levels):
        if begin <= second < end:
            return low + (high - low) * (second - begin) / (end - begin)
    return levels[0][1] if second < levels[0][0] else levels[-1][1]
