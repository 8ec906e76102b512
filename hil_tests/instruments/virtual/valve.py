"""A valve with a motor: ``relay`` drives it to open while it is energised, and back while it is not.

travel = 1.0            # seconds from one end to the other
sticks_at = [[0, 2], [5, 0.5]]   # from each second on, how far it can open: 2 is all the way
interlock = [[0, 1], [9, 0]]     # ``interlock`` is an input: second and level
feedback = "ends"                # or position

``end_open`` and ``end_closed`` are contacts that close to low, ``position`` is 500 mV closed and 2500 mV open.
"""

from bisect import bisect_right
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal

from pydantic import Field

from hil_tests.instruments.scenario import Strict
from hil_tests.instruments.virtual import Connected, Site, lines

CLOSED_MV, OPEN_MV = 500, 2500


class Settings(Strict):
    travel: float = Field(default=1.0, gt=0)
    sticks_at: list[tuple[float, float]] = Field(default=[(0, 2.0)])
    interlock: list[tuple[float, int]] = Field(default=[(0, 1)])
    feedback: Literal["ends", "position"] = "ends"


class Motor:
    """Where the valve is, from 0 to 1, at the second it is asked for."""

    def __init__(self, settings: Settings, seconds: Callable[[], float]) -> None:
        self.relay = 0
        self._settings = settings
        self._seconds = seconds
        self._opening = 0.0
        self._since = seconds()

    def opening(self) -> float:
        now = self._seconds()
        way = (now - self._since) / self._settings.travel
        wanted = self._opening + way if self.relay else self._opening - way
        self._opening = min(max(wanted, 0.0), at(self._settings.sticks_at, now), 1.0)
        self._since = now
        return self._opening


def at(steps: Sequence[tuple[float, float]], second: float) -> float:
    """The value of a list of (second, value) at that second."""
    return steps[max(bisect_right([begin for begin, _ in steps], second) - 1, 0)][1]


def serve(settings: Settings, site: Site) -> Mapping[str, Connected]:
    motor = Motor(settings, site.seconds)

    def relay(question: dict[str, Any]) -> dict[str, Any]:
        motor.opening()  # as far as it came until now
        motor.relay = question.get("write", motor.relay)
        site.gave({"relay_state": "on" if motor.relay else "off"})
        return {"level": motor.relay}

    def contact(end: float) -> Callable[[dict[str, Any]], dict[str, Any]]:
        return lambda _: {"level": 0 if motor.opening() == end else 1}

    feedback = (
        {"end_open": lines(contact(1.0)), "end_closed": lines(contact(0.0))}
        if settings.feedback == "ends"
        else {"position": lines(lambda _: {"mv": round(CLOSED_MV + (OPEN_MV - CLOSED_MV) * motor.opening())})}
    )
    interlock = lines(lambda _: {"level": int(at(settings.interlock, site.seconds()))})
    return {"relay": lines(relay), "interlock": interlock, **feedback}
