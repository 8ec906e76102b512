"""What would no sensor in order say: a jump, a value that never moves, a clock that is off?

Each check returns the mark it adds to ``Observation.derived``, or "": nothing is dropped and no value is changed.
"""

from collections.abc import Iterable, Sequence
from statistics import median_low
from typing import Literal

from collector.analysis.coverage import latest
from collector.analysis.windows import HOUR
from collector.observation import Observation, Value, kind_of

Mark = Literal["", "implausible", "skewed"]


def rate_of_change(before: Observation, one: Observation, most_per_hour: float, step: float = 0.0) -> Mark:
    """Implausible when the value moved faster than ``most_per_hour`` (units of the quantity) since the one before.

    A change of up to ``step`` (the resolution of the sensor and its noise) is never too fast. A jump back is as
    much of a jump: ``before`` is the last observation that is not itself suspect, so that a single spike marks itself
    and not what follows. Only gauges, counters and sound levels have a rate; TypeError names a series of these that
    holds anything else.
    """
    if not kind_of(one.series.quantity).is_number:
        return ""
    old, new = before.value, one.value
    if not isinstance(old, float | int) or not isinstance(new, float | int):
        raise TypeError(f"{one.series.quantity}: expected numbers, got {old!r} and {new!r}")
    change = abs(new - old)
    allowed = step + most_per_hour * abs(one.at - before.at) / HOUR
    return "implausible" if change > allowed else ""


def stuck(history: Iterable[Observation], longest: int, least: int = 3, resting: Sequence[Value] = ()) -> Mark:
    """Implausible when the newest value of one series has stood unchanged for more than ``longest`` ms.

    At least ``least`` observations must say so: silence is no proof. ``resting`` names the values at which the
    quantity may stand for ever (0 of rain, free of a parking spot). The history reaches back past ``longest``.
    """
    several = latest(history)
    if not several or several[-1].value in resting:
        return ""
    since, count = several[-1].at, 0
    for one in reversed(several):
        if one.value != several[-1].value:
            break
        since, count = one.at, count + 1
    return "implausible" if count >= least and several[-1].at - since > longest else ""


def clock_skew(at: int, received: int, ahead: int) -> Mark:
    """Skewed when an observation claims an ``at`` more than ``ahead`` ms after it was received.

    A late one proves nothing: outboxes keep readings through an outage and publish them with the time they were taken.
    """
    return "skewed" if at > received + ahead else ""


def slow_clock(delays: Sequence[int], behind: int, least: int = 20) -> Mark:
    """Skewed when a publisher's readings keep arriving more than ``behind`` ms after they claim to have been taken.

    ``delays`` are ``received - at`` in ms of its newest messages, sent live. The lower median judges, so that half
    of them may be late by themselves; under ``least`` of them there is no judgement.
    """
    return "skewed" if len(delays) >= max(1, least) and median_low(delays) > behind else ""


def derived(*marks: Mark) -> str:
    """The marks as ``Observation.derived`` writes them: "", "implausible", "skewed" or "implausible skewed"."""
    return " ".join(sorted({mark for mark in marks if mark}))
