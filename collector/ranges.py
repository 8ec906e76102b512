"""How are sets of sequence numbers kept small? As sorted, disjoint, inclusive ranges: ``((1, 17), (19, 4211))``."""

from collections.abc import Iterable
from functools import lru_cache

Ranges = tuple[tuple[int, int], ...]


def union(*sets: Iterable[tuple[int, int]]) -> Ranges:
    """Everything in any of the sets; they need not be sorted or disjoint."""
    merged: list[tuple[int, int]] = []
    for first, last in sorted(pair for one in sets for pair in one):
        if merged and first <= merged[-1][1] + 1:
            merged[-1] = (merged[-1][0], max(last, merged[-1][1]))
        else:
            merged.append((first, last))
    return tuple(merged)


def of(numbers: set[int]) -> Ranges:
    merged: list[tuple[int, int]] = []
    ordered = sorted(numbers)
    if not ordered:
        return ()
    if ordered[-1] - ordered[0] == len(ordered) - 1:
        return ((ordered[0], ordered[-1]),)  # the usual batch has no gap
    first = last = ordered[0]
    for number in ordered:
        if number > last + 1:
            merged.append((first, last))
            first = number
        last = number
    return (*merged, (first, last))


def gaps(ranges: Ranges, end: int) -> Ranges:
    """What of 1 … ``end`` is in none of the sorted, disjoint ranges."""
    missing, expected = [], 1
    for first, last in ranges:
        if first > expected and expected <= end:
            missing.append((expected, min(first - 1, end)))
        expected = max(expected, last + 1)
    if expected <= end:
        missing.append((expected, end))
    return tuple(missing)


def without(ranges: Ranges, taken: Ranges) -> Ranges:
    """What is in ``ranges`` and not in ``taken``; both sorted and disjoint."""
    end = ranges[-1][1] if ranges else 0
    return gaps(union(gaps(ranges, end), taken), end)


def to_text(ranges: Ranges) -> str:
    return " ".join(f"{first}-{last}" for first, last in ranges)


@lru_cache(maxsize=50_000)  # a ledger that is read every few seconds has hardly changed
def from_text(text: str) -> Ranges:
    pairs = (part.split("-") for part in text.split())
    return tuple((int(first), int(last)) for first, last in pairs)
