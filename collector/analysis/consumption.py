"""How much was consumed in each window, out of the steps between readings?"""

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from fractions import Fraction
from typing import NamedTuple

from collector.analysis.counters import Step
from collector.analysis.windows import Window


class Consumption(NamedTuple):
    """What passed in one window, in the unit of the index."""

    window: Window
    amount: Fraction
    estimated: Fraction
    """How much of the amount is estimated."""
    covered: int
    """Ms of the window that lie between two readings."""
    bridged: int
    """How many of the covered ms are estimated: more than 0 marks the window as estimated."""


def per_window(steps: Iterable[Step], windows: Sequence[Window]) -> list[Consumption]:
    """The consumption of each window; windows are sorted and share no time.

    A step over an edge counts on both sides in proportion to its time, exactly: over windows without gaps the
    amounts sum to those of the steps. Such a cut alone marks nothing as estimated; its error is at most what passes
    in one step.
    """
    amounts = [Fraction(0) for _ in windows]
    estimated = [Fraction(0) for _ in windows]
    covered, bridged = [0] * len(windows), [0] * len(windows)
    for step in steps:
        for index in range(bisect_right(windows, step.begin, key=_end), len(windows)):
            window = windows[index]
            time = min(step.end, window.end) - max(step.begin, window.begin)
            if time <= 0:
                break
            amount = step.amount * Fraction(time, step.end - step.begin)
            amounts[index] += amount
            covered[index] += time
            if step.estimated:
                estimated[index] += amount
                bridged[index] += time
    return [Consumption(*row) for row in zip(windows, amounts, estimated, covered, bridged, strict=True)]


def _end(window: Window) -> int:
    return window.end
