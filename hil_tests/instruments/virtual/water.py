"""A water meter with a reed contact: ``sensor`` is the pulse input.

litres_per_pulse = "1"
flow = 3.6                          # m3/h on average; or exactly, from each second on: [[0, 0.1], [3600, 2.5]]
reverse = [[7200, 0.5], [7210, 0]]  # the same, backwards: ``reverse`` is a second pulse input
tamper = [[0, 0], [9000, 1]]        # ``tamper`` is an input: second and level
pressure_mv = 2500                  # ``pressure`` is an analogue input
"""

from bisect import bisect_right
from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Any

from pydantic import Field

from hil_tests.instruments.scenario import Strict
from hil_tests.instruments.virtual import Connected, Site, lines
from hil_tests.instruments.water_meter import WaterMeter

Answer = Callable[[dict[str, Any]], dict[str, Any] | None]


class Settings(Strict):
    litres_per_pulse: str = Field(default="1", pattern=r"^[0-9]+(\.[0-9]+)?$")
    flow: Annotated[float, Field(gt=0)] | list[tuple[float, float]]
    reverse: list[tuple[float, float]] = Field(default_factory=list)
    tamper: list[tuple[float, int]] = Field(default_factory=list)
    pressure_mv: int | None = None


def serve(settings: Settings, site: Site) -> Mapping[str, Connected]:
    forwards = WaterMeter(site.seed, settings.litres_per_pulse, settings.flow)
    wires = {"sensor": lines(_pulses(site, forwards, "water_volume"))}
    if settings.reverse:
        backwards = WaterMeter(site.seed + 1, settings.litres_per_pulse, settings.reverse)
        wires["reverse"] = lines(_pulses(site, backwards, "water_volume.reverse"))
    if settings.tamper:
        wires["tamper"] = lines(lambda _question: {"level": value_at(settings.tamper, site.seconds())})
    if settings.pressure_mv is not None:
        wires["pressure"] = lines(lambda _question: {"mv": settings.pressure_mv})
    return wires


def _pulses(site: Site, meter: WaterMeter, quantity: str) -> Answer:
    def answer(question: dict[str, Any]) -> dict[str, Any] | None:
        if site.wire.is_silent:
            return None
        edges, values = meter.since(question["since"], int(site.seconds() * 1e6))
        site.gave({quantity: values["water_volume"]})
        return edges

    return answer


def value_at(steps: Sequence[tuple[float, int]], second: float) -> int:
    """The value of the last step that has begun; of the first before that."""
    index = bisect_right([begin for begin, _ in steps], second) - 1
    return steps[max(index, 0)][1]
