"""How long was a parking spot occupied, and how many vehicles stood on it?

A spot tells its state when it changes; a state holds until the next. Time without a known state is counted apart: it
is neither occupied nor free.
"""

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from fractions import Fraction
from itertools import pairwise
from typing import NamedTuple

from collector.analysis.coverage import latest
from collector.analysis.windows import Window
from collector.observation import Observation


class Stay(NamedTuple):
    """A stretch of one state."""

    begin: int
    end: int
    state: str
    """free, occupied, closed or unknown."""
    is_arrival: bool
    """A vehicle arrived at ``begin``: the spot was last known free or closed and is now occupied."""


class Use(NamedTuple):
    """What became of the time of one window, in ms, and who arrived in it."""

    window: Window
    occupied: int
    free: int
    closed: int
    unknown: int
    """Before the first event, while the spot said unknown or something suspect, or was silent for too long."""
    arrivals: int

    @property
    def occupancy(self) -> Fraction | None:
        """Occupied time as a share of the time in which the spot was known to be open; None without such time."""
        return Fraction(self.occupied, self.occupied + self.free) if self.occupied + self.free else None

    @property
    def known(self) -> Fraction:
        """The share of the window's time so far whose state is known, 0 … 1."""
        time = self.occupied + self.free + self.closed
        return Fraction(time, max(1, time + self.unknown))


def stays(events: Iterable[Observation], until: int, silence: int | None = None) -> list[Stay]:
    """The states of one spot from its first event up to ``until`` (ms UTC; now, or the end of what is asked).

    A state holds at most ``silence`` ms without an event that repeats it, then it is unknown; None: for ever. A vehicle
    that came while the state was unknown counts when the spot was free before: occupied, unknown, occupied may be
    one vehicle or two, and counts as one, so arrivals are a lower bound.
    """
    found: list[Stay] = []
    last_known = ""
    for begin, end, state in _stretches(events, until, silence):
        is_arrival = state == "occupied" and last_known in ("free", "closed")
        last_known = last_known if state == "unknown" else state
        if found and found[-1].state == state:
            found[-1] = found[-1]._replace(end=end)
        else:
            found.append(Stay(begin, end, state, is_arrival))
    return found


def use(several: Sequence[Stay], windows: Sequence[Window], until: int) -> list[Use]:
    """What became of each window; windows are sorted and share no time, and end at ``until`` if that comes first.

    Occupied, free, closed and unknown sum to the time of the window up to ``until``.
    """
    found = []
    for window in windows:
        end = max(window.begin, min(window.end, until))
        spent = {"occupied": 0, "free": 0, "closed": 0}
        arrivals = 0
        for stay in several[bisect_right(several, window.begin, key=_end) :]:
            if stay.begin >= end:
                break
            if stay.state in spent:
                spent[stay.state] += min(stay.end, end) - max(stay.begin, window.begin)
            arrivals += stay.is_arrival and stay.begin >= window.begin
        unknown = end - window.begin - sum(spent.values())
        found.append(Use(window, spent["occupied"], spent["free"], spent["closed"], unknown, arrivals))
    return found


def turnover(uses: Iterable[Use], spots: int) -> Fraction:
    """Vehicles per spot over the windows of ``uses``, of all ``spots`` of a car park: a lower bound, see ``stays``."""
    return Fraction(sum(one.arrivals for one in uses), spots)


def _stretches(events: Iterable[Observation], until: int, silence: int | None) -> Iterator[tuple[int, int, str]]:
    changes = [(one.at, _state(one)) for one in latest(events) if one.at < until]
    for (begin, state), (end, _) in pairwise([*changes, (until, "")]):
        heard = end if silence is None else min(end, begin + silence)
        yield begin, heard, state
        if heard < end:
            yield heard, end, "unknown"


def _state(one: Observation) -> str:
    if one.value not in ("free", "occupied", "closed", "unknown"):
        raise ValueError(f"{one.series.quantity}: expected free, occupied, closed or unknown, got {one.value!r}")
    return "unknown" if one.judged == "suspect" else str(one.value)


def _end(stay: Stay) -> int:
    return stay.end
