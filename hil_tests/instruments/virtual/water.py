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
    wires = {"sensor": lines(_pulses(site, forwards, "water_volume", "sensor"))}
    if settings.reverse:
        backwards = WaterMeter(site.seed + 1, settings.litres_per_pulse, settings.reverse)
        wires["reverse"] = lines(_pulses(site, backwards, "water_volume.reverse", "reverse"))
    if settings.tamper:
        wires["tamper"] = lines(lambda _question: {"level": _level(site, settings)})
    if settings.pressure_mv is not None:
        wires["pressure"] = lines(lambda _question: {"mv": _millivolts(site, settings)})
    return wires


def _pulses(site: Site, meter: WaterMeter, quantity: str, wire: str) -> Answer:
    def answer(question: dict[str, Any]) -> dict[str, Any] | None:
        if site.wire.is_silent:
            return None
        meter.turn([(int((at - site.begun_ms) * 1000), count) for at, count in site.shown(wire) or ()])
        edges, values = meter.since(question["since"], int(site.seconds() * 1e6))
        site.gave({quantity: values["water_volume"]})
        return edges

    return answer


def _level(site: Site, settings: Settings) -> int:
    """A contact that is closed pulls the input down."""
    shown = site.shown("tamper")
    return value_at(settings.tamper, site.seconds()) if shown is None else int(not shown)


def _millivolts(site: Site, settings: Settings) -> int | None:
    shown = site.shown("pressure")
    return settings.pressure_mv if shown is None else int(shown)


def value_at(steps: Sequence[tuple[float, int]], second: float) -> int:
    """The value of the last step that has begun; of the first before that."""
    index = bisect_right([begin for begin, _ in steps], second) - 1
    return steps[max(index, 0)][1]
