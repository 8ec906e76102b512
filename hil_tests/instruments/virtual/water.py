"""A water meter with a reed contact: ``sensor`` is the pulse input.

litres_per_pulse = "1"
flow = 3.6                 # m3/h
"""

from collections.abc import Mapping
from typing import Any

from pydantic import Field

from hil_tests.instruments.scenario import Strict
from hil_tests.instruments.virtual import Connected, Site, lines
from hil_tests.instruments.water_meter import WaterMeter


class Settings(Strict):
    litres_per_pulse: str = Field(default="1", pattern=r"^[0-9]+(\.[0-9]+)?$")
    flow: float = Field(gt=0)


def serve(settings: Settings, site: Site) -> Mapping[str, Connected]:
    meter = WaterMeter(site.seed, settings.litres_per_pulse, settings.flow)

    def answer(question: dict[str, Any]) -> dict[str, Any]:
        edges, values = meter.since(question["since"], int(site.seconds() * 1e6))
        site.gave(values)
        return edges

    return {"sensor": lines(answer)}
