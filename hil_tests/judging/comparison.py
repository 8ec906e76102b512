"""Is what is stored what was given, once each? Pure: values given and stored, and what happened to the city meanwhile.

A device asks one question at a time and stamps its reading between that answer and its next question, so the
observation at ``a`` belongs to the value that was given last before ``a``: no outbox, ledger or log is asked.
"""

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from firmware.quantities import NUMBER_KINDS, QUANTITIES
from hil_tests.judging.events import ANSWER, READOUT, SETTLES, Death, Disturbed, Event, Stepped

Value = float | int | str
Key = tuple[str, str]  # thing, quantity


class Given(NamedTuple):
    """A value that a sensor gave, at ms UTC."""

    at: int
    value: Value


class Stored(NamedTuple):
    """An observation as the API returns it; ``known`` in ms UTC, None where the store keeps no known time."""

    at: int
    value: Value
    unit: str
    known: int | None


@dataclass
class Account:
    """What became of the values of one publisher's things."""

    measured: int = 0
    stored: int = 0
    missing: list[str] = field(default_factory=list)
    excused: int = 0
    repeated: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    delays: list[int] = field(default_factory=list)

    @property
    def agrees(self) -> bool:
        return not (self.missing or self.repeated or self.wrong) and self.stored > 0


def compare(
    truth: Mapping[Key, Sequence[Given]],
    stored: Mapping[Key, Sequence[Stored]],
    publishers: Mapping[str, str],
    events: Sequence[Event],
    until: int,
) -> dict[str, Account]:
    """One account per publisher, over the values given up to ``until`` (ms UTC).

    The newest value before a device's own death may be missing, and so may an answer that came while it was dead, or
    over a disturbed wire. What was stamped while a clock was behind is compared in its order.
    """
    accounts: dict[str, Account] = defaultdict(Account)
    for (thing, quantity), given in truth.items():
        publisher = publishers[thing]
        own = [
            one for one in events if (one.thing if isinstance(one, Disturbed) else one.publisher) in (thing, publisher)
        ]
        _compare_series(accounts[publisher], (thing, quantity), given, stored.get((thing, quantity), ()), own, until)
    return dict(accounts)


def _compare_series(  # noqa: PLR0913, PLR0917  # one comparison, all it needs
    account: Account, key: Key, given: Sequence[Given], stored: Sequence[Stored], events: Sequence[Event], until: int
) -> None:
    name = " ".join(key)
    times = [one.at for one in given]
    stretches = [  # what was given last before the clock stepped may have been stamped after, behind its predecessor
        range(max(0, bisect_right(times, one.begin) - 2), bisect_right(times, one.end))
        for one in events
        if isinstance(one, Stepped)
    ]
    matched = _match(account, key, given, stored, until, stretches)
    excused = _excused(times, events)
    for stretch in stretches:  # which of several equal values is gone, their order does not tell
        lost = [place for place in stretch if place not in matched]
        spare = sum(place in stretch for place in excused)
        excused |= set(lost[:spare])
    for place, one in enumerate(given):
        if one.at > until:
            continue
        account.measured += 1
        if place in matched:
            account.stored += 1
        elif place in excused:
            account.excused += 1
        else:
            account.missing.append(f"{name}: {one}")


def _excused(times: Sequence[int], events: Sequence[Event]) -> set[int]:
    """The places of values that may be missing."""
    found: set[int] = set()
    for one in events:
        if isinstance(one, Death):
            found |= _taken_at(times, one)
        elif isinstance(one, Disturbed):
            found |= set(range(bisect_left(times, one.begin - READOUT), bisect_right(times, one.end + SETTLES)))
    return found


def _taken_at(times: Sequence[int], death: Death) -> set[int]:
    """The value that was being taken when the device died, and one that was given to the dead."""
    last = bisect_right(times, death.killed) - 1
    taken = {last} if last >= 0 and death.killed - times[last] <= READOUT else set()
    ends = {bisect_right(times, at) - 1 for at in (death.restarted, death.restarted + ANSWER)}
    return taken | {place for place in ends if place >= 0 and times[place] > death.killed}


def _match(  # noqa: PLR0913, PLR0917  # one comparison, all it needs
    account: Account,
    key: Key,
    given: Sequence[Given],
    stored: Sequence[Stored],
    until: int,
    stretches: Sequence[range],
) -> set[int]:
    """The places in ``given`` that are stored; what is stored beside them is repeated or wrong."""
    name = " ".join(key)
    times = [one.at for one in given]
    matched: set[int] = set()
    by_order: dict[range, list[Stored]] = defaultdict(list)
    for one in sorted(stored, key=lambda stored: stored.at):
        place = bisect_right(times, one.at) - 1
        stretch = next((stretch for stretch in stretches if place in stretch), None)
        if place < 0:
            account.wrong.append(f"{name}: {one.value} at {one.at} was never given")
        elif given[place].at > until:
            continue
        elif stretch is not None:
            by_order[stretch].append(one)
        elif not _is_same(key[1], given[place], one):
            account.wrong.append(f"{name}: {one.value} {one.unit} at {one.at} instead of {given[place]}")
        elif place in matched:
            account.repeated.append(f"{name}: {given[place]} again at {one.at}")
        else:
            matched.add(place)
            if one.known is not None:
                account.delays.append(one.known - given[place].at)
    for stretch, several in by_order.items():
        matched |= _match_by_order(account, key, given, several, stretch)
    return matched


def _match_by_order(
    account: Account, key: Key, given: Sequence[Given], stored: Sequence[Stored], stretch: range
) -> set[int]:
    """The places of the longest common run of values; what is stored beside them was not given in this order."""
    best: list[list[int]] = [[0] * (len(stretch) + 1) for _ in range(len(stored) + 1)]
    for row in reversed(range(len(stored))):
        for column in reversed(range(len(stretch))):
            is_same = _is_same(key[1], given[stretch[column]], stored[row])
            best[row][column] = max(
                best[row + 1][column], best[row][column + 1], best[row + 1][column + 1] + 1 if is_same else 0
            )
    row = column = 0
    matched: set[int] = set()
    while row < len(stored):
        if column < len(stretch) and best[row][column] == best[row][column + 1]:
            column += 1
        elif best[row][column] == best[row + 1][column]:
            one = stored[row]
            account.wrong.append(f"{' '.join(key)}: {one.value} {one.unit} at {one.at} was not given in this order")
            row += 1
        else:
            matched.add(stretch[column])
            row, column = row + 1, column + 1
    return matched


def _is_same(quantity: str, given: Given, stored: Stored) -> bool:
    unit, kind = QUANTITIES[name_of(quantity)][:2]
    return stored.value == given.value and stored.unit == (unit if kind in NUMBER_KINDS else "")


def name_of(quantity: str) -> str:
    """Without its qualifiers."""
    return quantity.partition(".")[0]
