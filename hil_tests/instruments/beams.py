"""Which edges do two beams across an entry give? Vehicles, people and second thoughts, each with its own shadow."""

import random
from collections.abc import Iterator, Sequence
from typing import Any, Literal

from hil_tests.instruments.edges import EdgeRecorder

Passing = Literal["in", "out", "reverse", "person"]
_APART_S, _SHADOW_S = 0.25, 2.0  # 0.5 m between the beams and 4 m of car, at 2 m/s
_PERSON_S = 0.15
_BOUNCES_S = (0.0005, 0.009)


class Beams:
    """``passings`` lists (second, what begins to pass then); broken is low. ``a`` is the beam on the street side."""

    def __init__(self, seed: int, passings: Sequence[tuple[float, Passing]]) -> None:
        self._random = random.Random(seed)
        shadows: tuple[list[tuple[float, float]], list[tuple[float, float]]] = ([], [])
        for second, what in passings:
            for beam, begin, end in _shadows(what):
                shadows[beam].append((second + begin, second + end))
        self.a, self.b = (EdgeRecorder(self._edges(sorted(beam))) for beam in shadows)

    def _edges(self, shadows: Sequence[tuple[float, float]]) -> Iterator[tuple[int, int]]:
        for begin, end in shadows:
            for at, level in ((begin, 0), (end, 1)):
                quiet = at
                for _ in range(self._random.randrange(3)):  # a mirror, a wheel, rain
                    yield round(quiet * 1e6), level
                    quiet += self._random.uniform(*_BOUNCES_S)
                    yield round(quiet * 1e6), 1 - level
                    quiet += self._random.uniform(*_BOUNCES_S)
                yield round(quiet * 1e6), level


def _shadows(what: Passing) -> Iterator[tuple[int, float, float]]:
    """(beam, begin, end) in seconds from when it begins to pass."""
    if what == "person":
        yield 0, 0.0, _PERSON_S
        yield 1, _APART_S, _APART_S + _PERSON_S
    elif what == "reverse":  # it stands in both beams, and leaves as it came
        yield 0, 0.0, _SHADOW_S
        yield 1, _APART_S, _SHADOW_S - _APART_S
    else:
        first, second = (0, 1) if what == "in" else (1, 0)
        yield first, 0.0, _SHADOW_S
        yield second, _APART_S, _APART_S + _SHADOW_S


def truth(passings: Sequence[tuple[float, Passing]], second: float) -> dict[str, Any]:
    """What has passed wholly by then."""
    done = [what for begun, what in passings if begun + _APART_S + _SHADOW_S <= second]
    return {"vehicle_count_in": done.count("in"), "vehicle_count_out": done.count("out")}
