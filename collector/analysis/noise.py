"""How loud was it: LAeq over any windows, Lday, Levening, Lnight and Lden?

Levels in dB(A) are averaged by their energy, never as numbers. The hours are the Slovenian ones: day 6-18, evening
18-22, night 22-6 local time (Uredba o mejnih vrednostih kazalcev hrupa v okolju; Directive 2002/49/EC, Annex I,
leaves their beginning to the member state). Both acts define the indicators over a year; over a shorter time they are
the same formulas and no legal statement.
"""

from collections.abc import Iterable, Sequence
from datetime import date, timedelta
from fractions import Fraction
from math import fsum, log10
from typing import NamedTuple

from collector.analysis.coverage import latest, measured, overlap, share
from collector.analysis.windows import Window, instant, local_date
from collector.observation import Observation

LEAST_SHARE = Fraction(3, 4)
"""Of a window that must be measured. The acts name none for noise; this is the rule for air, chosen by us."""


class Level(NamedTuple):
    """An LAeq in dB(A) and what it stands on."""

    value: float | None
    """None: refused, because less than the least share of the time was measured."""
    share: Fraction
    """Of the windows' time that usable measurements cover, 0 … 1."""
    suspect: int
    """Measurements in the windows that were left out, and so count as not measured."""


class Indicators(NamedTuple):
    day: Level
    evening: Level
    night: Level
    lden: float | None
    """None when any of the three is refused."""


def energy_mean(weighted: Iterable[tuple[float, float]]) -> float:
    """The level in dB with the mean energy of levels in dB: (level, weight) pairs, at least one of weight above 0.

    10 lg(Σ w 10^(L/10) / Σ w), as ISO 1996-1 defines the equivalent level; the same whatever the order.
    """
    pairs = [(level, weight) for level, weight in weighted if weight]
    loudest = max(level for level, _ in pairs)  # relative to it no power overflows
    energy = fsum(weight * 10 ** ((level - loudest) / 10) for level, weight in pairs)
    return loudest + 10 * log10(energy / fsum(weight for _, weight in pairs))


def laeq(observations: Iterable[Observation], windows: Sequence[Window], least: Fraction = LEAST_SHARE) -> Level:
    """LAeq in dB(A) over all the windows together, out of LAeq,period of one series.

    Each measurement weighs with the time of it that lies in the windows, so that one over a window's edge counts on
    both sides with its share. Time that nothing covers is taken to be as loud as the rest, which is why it is
    bounded: under the ``least`` share the level is refused. Windows are sorted and share no time.
    """
    inside = [
        (one, overlap(one.at - one.series.period, one.at, windows)) for one in latest(observations) if one.series.period
    ]
    used = [(one, weight) for one, weight in inside if weight and one.judged != "suspect"]
    covered = share(measured((one for one, _ in used), windows), windows)
    suspect = sum(weight > 0 and one.judged == "suspect" for one, weight in inside)
    if not used or covered < least:
        return Level(None, covered, suspect)
    return Level(energy_mean((_level(one), weight) for one, weight in used), covered, suspect)


def day_window(day: date) -> Window:
    """6-18 local time."""
    return Window(instant(day, 6), instant(day, 18))


def evening_window(day: date) -> Window:
    """18-22 local time."""
    return Window(instant(day, 18), instant(day, 22))


def night_window(day: date) -> Window:
    """22-6 local time: the night that follows the evening, 7 or 9 hours long when the clocks change."""
    return Window(instant(day, 22), instant(day + timedelta(days=1), 6))


def lden(day: float, evening: float, night: float) -> float:
    """The day-evening-night level in dB(A): 5 dB more for the evening and 10 dB more for the night.

    12, 4 and 8 hours as Directive 2002/49/EC, Annex I, writes it, also for the night that has 7 or 9.
    """
    return energy_mean(((day, 12), (evening + 5, 4), (night + 10, 8)))


def indicators(
    observations: Iterable[Observation], since: int, until: int, least: Fraction = LEAST_SHARE
) -> Indicators:
    """Lday, Levening, Lnight and Lden over the local days that begin in [since, until), each by its own coverage.

    A day runs from 6:00 to 6:00, so that each night stays in one piece and belongs to the evening before it: a
    calendar year takes the observations up to 6:00 of the next 1 January.
    """
    days = _days(since, until)
    everything = latest(observations)
    day, evening, night = (
        laeq(everything, [part(one) for one in days], least) for part in (day_window, evening_window, night_window)
    )
    if day.value is None or evening.value is None or night.value is None:
        return Indicators(day, evening, night, None)
    return Indicators(day, evening, night, lden(day.value, evening.value, night.value))


def _days(since: int, until: int) -> list[date]:
    """The local dates whose midnight lies in [since, until)."""
    days = []
    day = local_date(since)
    while (midnight := instant(day, 0)) < until:
        if midnight >= since:
            days.append(day)
        day += timedelta(days=1)
    return days


def _level(one: Observation) -> float:
    if not isinstance(one.value, float | int):
        raise TypeError(f"{one.series.quantity}: expected a level in dB, got {one.value!r}")
    return one.value
