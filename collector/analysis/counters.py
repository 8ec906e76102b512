"""How much passed between the readings of an index: across roll-over, meter exchange, reset and reverse flow?

An index is the decimal number that the meter shows, so amounts are exact fractions and not doubles: 561.08 - 540.2 is
20.88. Between two readings the flow is taken as constant (linear interpolation of the index). An amount is marked
estimated when it was inferred and not read: where readings stand further apart than agreed, where a meter was
exchanged or reset without a record, where a reading itself is estimated. All is made anew from the indexes, so a
reading that comes late replaces the estimate. Suspect readings are left out: the next good one closes the gap.
"""

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from typing import Literal, NamedTuple

from collector.analysis.coverage import latest
from collector.analysis.windows import HOUR, Window
from collector.observation import Observation

_OFF = 24 * HOUR  # how far the time of a record may be off

Event = Literal["", "rolled over", "reverse", "reset", "exchanged", "exchanged unread", "implausible"]


@dataclass(frozen=True, slots=True)
class Meter:
    """What is known about the index at a metering point, in its unit (m3, kWh)."""

    most_per_hour: Fraction | None
    """More cannot pass: for water Q4, the overload flow rate of EN ISO 4064-1. None: whatever it shows is possible."""
    modulus: Fraction | None = None
    """The index that shows as 0: 100000 where 99999.999 is the highest. None: no roll-over is ever assumed, and none
    where nothing says how much can pass: every litre backwards would be one."""
    most_back_per_hour: Fraction = Fraction(0)
    """A meter that subtracts reverse flow: how fast it may run back. 0: it never does."""
    interval: int = HOUR
    """Ms between readings by agreement; up to twice as much is no gap."""


class Exchange(NamedTuple):
    """A meter exchange as the fitter wrote it down; it replaces a reading of the same instant."""

    at: int
    """Ms UTC. It may be up to a day off: what stands between it and where the readings change meters is left out."""
    final: Fraction
    """What the old meter showed."""
    initial: Fraction
    """What the new meter showed."""


class Index(NamedTuple):
    """What a meter showed at an instant."""

    at: int
    shown: Fraction
    source: str = ""
    """Which meter, where that is known."""
    estimated: bool = False


class Step(NamedTuple):
    """What passed from one reading to the next."""

    begin: int
    end: int
    amount: Fraction
    """In the unit of the index; below 0 for reverse flow."""
    event: Event
    estimated: bool


def steps(observations: Iterable[Observation], meter: Meter, exchanges: Iterable[Exchange] = ()) -> list[Step]:
    """What passed between the readings of one series, in order of time.

    The sum of the amounts is the last index less the first, plus the modulus for each roll-over, plus final less
    initial for each exchange on record; a reset and an exchange without a record are the two cases that add what
    nobody read. A record before the first reading says nothing: what was read before it is gone.
    """
    read = [_read(one) for one in latest(observations) if one.judged != "suspect"]
    on_record = {one.at: one for one in exchanges if read and one.at >= read[0].at}
    read = [one for one in read if one.at not in on_record]
    for one in on_record.values():
        read = _beside(read, one)
    ends = sorted([(one.at, one, one) for one in read] + [_as_ends(one) for one in on_record.values()])
    found = [
        _step(before[2], after[1], meter, is_new=before[0] in on_record)
        for before, after in pairwise(ends)  # from what the meter showed afterwards to what the next showed before
    ]
    return _with_unread_exchanges(found)


def stale(readings: Sequence[int], arrived: int) -> Window:
    """The time whose amounts a reading at ``arrived`` may change, among readings at the sorted instants (ms UTC).

    Two readings to each side, because an exchange without a record is estimated from the steps beside it. Where one is
    on record, up to a day to each side of it.
    """
    before = [at for at in readings if at < arrived][-2:]
    after = [at for at in readings if at > arrived][:2]
    return Window(min([*before, arrived]), max([*after, arrived]))


def _read(one: Observation) -> Index:
    if not isinstance(one.value, float | int):
        raise TypeError(f"{one.series.quantity}: expected an index, got {one.value!r}")
    shown = Fraction(repr(one.value))  # the shortest decimal that names the double is what came over the wire
    return Index(one.at, shown, one.source, one.judged != "valid")


def _beside(read: list[Index], one: Exchange) -> list[Index]:
    """Without those that stand on the wrong side of the record, because its time is not quite right.

    The meters change where the source does, or the index falls as the record says it does.
    """
    here = bisect_left(read, one.at, key=lambda index: index.at)
    there = [
        place
        for place in range(1, len(read))
        if read[place - 1].at - _OFF <= one.at <= read[place].at + _OFF
        and _are_two_meters(read[place - 1], read[place], one)
    ]
    if not there or here in there:
        return read
    place = min(there, key=lambda place: min(abs(read[place - 1].at - one.at), abs(read[place].at - one.at)))
    first, last = sorted((here, place))
    return read[:first] + read[last:]


def _are_two_meters(old: Index, new: Index, one: Exchange) -> bool:
    if old.source and new.source:
        return old.source != new.source
    return new.shown < old.shown and one.initial < one.final


def _as_ends(one: Exchange) -> tuple[int, Index, Index]:
    return one.at, Index(one.at, one.final), Index(one.at, one.initial)


def _step(old: Index, new: Index, meter: Meter, *, is_new: bool) -> Step:
    if old.source and new.source and old.source != new.source:
        return Step(old.at, new.at, Fraction(0), "exchanged unread", estimated=True)
    amount, event = _passed(new.shown, new.shown - old.shown, Fraction(new.at - old.at, HOUR), meter)
    is_gap = new.at - old.at > 2 * meter.interval
    estimated = is_gap or old.estimated or new.estimated or event in ("reset", "implausible")
    return Step(old.at, new.at, amount, event or ("exchanged" if is_new else ""), estimated)


def _passed(shown: Fraction, change: Fraction, hours: Fraction, meter: Meter) -> tuple[Fraction, Event]:
    """What explains a change of the index: the first that is possible in the time, in this order."""
    most = None if meter.most_per_hour is None else meter.most_per_hour * hours
    most_back = meter.most_back_per_hour * hours
    around = meter.modulus or Fraction(0)
    if change >= 0 and (most is None or change <= most):
        return change, ""
    if -most_back <= change < 0:
        return change, "reverse"
    if around and most is not None and 0 <= change + around <= most:
        return change + around, "rolled over"
    if around and -most_back <= change - around < 0:
        return change - around, "reverse"  # back through zero
    if shown <= -change and (most is None or shown <= most):
        return shown, "reset"  # it fell by half or more: it began again at 0; what passed unread before that is lost
    return change, "implausible"  # kept as shown: a jump there and back sums to nothing


def _with_unread_exchanges(found: list[Step]) -> list[Step]:
    """Estimate each exchange without a record at the mean rate of the undisturbed steps right before and after it."""
    filled = list(found)
    for index, one in enumerate(found):
        if one.event == "exchanged unread":
            beside = [
                step for step in (*found[max(0, index - 1) : index], *found[index + 1 : index + 2]) if not step.event
            ]
            time = sum(step.end - step.begin for step in beside)
            if time:
                rate = sum((step.amount for step in beside), Fraction(0)) / time
                filled[index] = one._replace(amount=rate * (one.end - one.begin))
    return filled
