"""What flowed when nobody draws water: the lowest flow of a night?

Between 2 and 4 local time most of what flows into a district is leakage (minimum night flow, the usual practice of
water utilities). The night of the change in March has one such hour, that in October three.
"""

from collections.abc import Iterable
from datetime import date
from fractions import Fraction
from typing import NamedTuple

from collector.analysis.consumption import per_window
from collector.analysis.counters import Step
from collector.analysis.coverage import latest
from collector.analysis.windows import HOUR, QUARTER, Window, instant
from collector.observation import Observation


class NightFlow(NamedTuple):
    """The lowest flow of a night in m3/h, and what it stands on."""

    value: Fraction | None
    """None: nothing usable was measured between 2 and 4."""
    at: int | None
    """Ms UTC at which the lowest flow ended; the earliest of equals."""
    share: Fraction
    """Of the night that was usable, 0 … 1: the less, the more may the true lowest flow have been missed."""


def night(day: date) -> Window:
    """2 to 4 local time of a date: two hours, one in March and three in October when the clocks change."""
    return Window(instant(day, 2), instant(day, 4))


def lowest_of_index(steps: Iterable[Step], day: date, over: int = QUARTER) -> NightFlow:
    """The lowest mean flow over consecutive stretches of ``over`` ms, out of the steps of an index in m3.

    A stretch counts only when readings cover all of it and nothing in it is estimated: an interpolated flow is too
    even, and would show a leak where there is a gap. ``over`` should be no less than the time between readings, or the
    flow of one step is only repeated; what does not fill a stretch at the end of the night is left out.
    """
    window = night(day)
    stretches = [Window(begin, begin + over) for begin in range(window.begin, window.end - over + 1, over)]
    usable = [one for one in per_window(steps, stretches) if one.covered == over and not one.bridged]
    share = Fraction(len(usable) * over, window.end - window.begin)
    if not usable:
        return NightFlow(None, None, share)
    lowest = min(usable, key=lambda one: (one.amount, one.window))
    return NightFlow(lowest.amount * HOUR / over, lowest.window.end, share)


def lowest_of_flow(flows: Iterable[Observation], day: date, expected: int) -> NightFlow:
    """The lowest of the flows in m3/h that were measured in the night, as one series of readings.

    Suspect, estimated and substituted ones do not count. A flow over a period counts when all of it lies in the
    night; ``expected`` is how many readings a night of two hours has when none is missing.
    """
    window = night(day)
    usable = [
        (_flow(one), one.at)
        for one in latest(flows)
        if one.judged == "valid" and window.begin <= one.at - one.series.period and one.at <= window.end
    ]
    hours = Fraction(window.end - window.begin, HOUR)
    share = min(Fraction(1), Fraction(len(usable)) / (Fraction(expected, 2) * hours))
    if not usable:
        return NightFlow(None, None, share)
    lowest, at = min(usable)
    return NightFlow(Fraction(repr(lowest)), at, share)


def net_night_flow(inflow: NightFlow, drawn: Iterable[Fraction]) -> Fraction | None:
    """What flows into a district at night less what its own meters drew over the same stretch, in m3/h: the loss.

    None without an inflow. Below 0 the meters do not agree, which is for people to see and not for us to hide.
    """
    return None if inflow.value is None else inflow.value - sum(drawn, Fraction(0))


def _flow(one: Observation) -> float:
    if not isinstance(one.value, float | int):
        raise TypeError(f"{one.series.quantity}: expected a flow, got {one.value!r}")
    return one.value
