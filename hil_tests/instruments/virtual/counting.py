"""The entry of a car park: ``beam_a`` (street side) and ``beam_b`` are inputs that record edges.

passings = [[5, "in"], [9.5, "out"], [12, "person"], [15, "reverse"]]   # second, and what begins to pass then
"""

from collections.abc import Callable, Mapping
from typing import Any

from pydantic import Field

from hil_tests.instruments.beams import Beams, Passing, truth
from hil_tests.instruments.edges import EdgeRecorder
from hil_tests.instruments.scenario import Strict
from hil_tests.instruments.virtual import Connected, Site, lines


class Settings(Strict):
    passings: list[tuple[float, Passing]] = Field(min_length=1)


def serve(settings: Settings, site: Site) -> Mapping[str, Connected]:
    beams = Beams(site.seed, settings.passings)

    def recorder(beam: EdgeRecorder) -> Callable[[dict[str, Any]], dict[str, Any]]:
        def answer(question: dict[str, Any]) -> dict[str, Any]:
            second = site.seconds()
            site.gave(truth(settings.passings, second))
            return beam.since(question["since"], int(second * 1e6), question["most"])

        return answer

    return {"beam_a": lines(recorder(beams.a)), "beam_b": lines(recorder(beams.b))}
