"""Is what a center can ask for what the sensors gave? Truth files against the public API, value by value.

A simulated sensor writes what it gives before the answer leaves. A device asks one question at a time and stamps its
reading between that answer and its next question, so the observation at ``a`` belongs to the value that was given
last before ``a``: no outbox, ledger or log is asked.
"""

import csv
import io
import json
import time
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from pathlib import Path
from statistics import quantiles
from typing import NamedTuple

from firmware.quantities import NUMBER_KINDS, QUANTITIES
from hil_tests.door import Door

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


class Death(NamedTuple):
    """A device was killed and started again, ms UTC."""

    publisher: str
    killed: int
    restarted: int


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


def read_truth(files: Iterable[Path], until: int) -> dict[Key, list[Given]]:
    """Everything given, oldest first, and one value behind ``until`` (ms UTC) where there is one."""
    truth: dict[Key, list[Given]] = defaultdict(list)
    for file in files:
        for line in file.read_text().splitlines():
            entry = json.loads(line)
            for quantity, value in entry["values"].items():
                series = truth[entry["thing"], quantity]
                if not series or series[-1].at <= until:
                    series.append(Given(entry["at"], value))
    return dict(truth)


def fetch(door: Door, things: Iterable[str]) -> dict[Key, list[Stored]]:
    """Every content kept of every thing, asked of the API behind ``door``; a thing nobody has heard of has none."""
    found: dict[Key, list[Stored]] = defaultdict(list)
    for thing in things:
        for row in csv.DictReader(io.StringIO(_series(door, thing))):
            numeric = QUANTITIES[_name(row["quantity"])][1] in (*NUMBER_KINDS, "flags")
            value: Value = float(row["value"]) if numeric else row["value"]
            known = int(row["known"]) if row["known"] else None
            found[thing, row["quantity"]].append(Stored(int(row["at"]), value, row["unit"], known))
    return dict(found)


def _series(door: Door, thing: str) -> str:
    for versions in ("all", "latest"):
        answer = door.get("/api/series.csv", thing=thing, versions=versions)
        if answer.status_code == HTTPStatus.NOT_FOUND:
            return ""
        if answer.status_code != HTTPStatus.NOT_IMPLEMENTED:  # 501: this store keeps one version
            return answer.raise_for_status().text
    return ""


def compare(
    truth: Mapping[Key, Sequence[Given]],
    stored: Mapping[Key, Sequence[Stored]],
    publishers: Mapping[str, str],
    deaths: Sequence[Death],
    until: int,
) -> dict[str, Account]:
    """One account per publisher, over the values given up to ``until`` (ms UTC).

    The newest value before a device's own death may be missing, and so may an answer that came while it was dead.
    """
    accounts: dict[str, Account] = defaultdict(Account)
    for (thing, quantity), given in truth.items():
        account = accounts[publishers[thing]]
        own = [death for death in deaths if death.publisher == publishers[thing]]
        _compare_series(account, (thing, quantity), given, stored.get((thing, quantity), ()), own, until)
    return dict(accounts)


def _compare_series(  # noqa: PLR0913, PLR0917  # one comparison, all it needs
    account: Account, key: Key, given: Sequence[Given], stored: Sequence[Stored], deaths: Sequence[Death], until: int
) -> None:
    name = " ".join(key)
    times = [one.at for one in given]
    matched = _match(account, key, given, stored, until)
    excused = {bisect_right(times, at) - 1 for death in deaths for at in (death.killed, death.restarted)}
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


def _match(account: Account, key: Key, given: Sequence[Given], stored: Sequence[Stored], until: int) -> set[int]:
    """The places in ``given`` that are stored; what is stored beside them is repeated or wrong."""
    name = " ".join(key)
    times = [one.at for one in given]
    unit, kind = QUANTITIES[_name(key[1])][:2]
    matched: set[int] = set()
    for one in sorted(stored, key=lambda stored: stored.at):
        place = bisect_right(times, one.at) - 1
        if place < 0:
            account.wrong.append(f"{name}: {one.value} at {one.at} was never given")
        elif given[place].at > until:
            continue
        elif one.value != given[place].value or one.unit != (unit if kind in NUMBER_KINDS else ""):
            account.wrong.append(f"{name}: {one.value} {one.unit} at {one.at} instead of {given[place]}")
        elif place in matched:
            account.repeated.append(f"{name}: {given[place]} again at {one.at}")
        else:
            matched.add(place)
            if one.known is not None:
                account.delays.append(one.known - given[place].at)
    return matched


def _name(quantity: str) -> str:
    return quantity.partition(".")[0]


def wait_for_agreement(  # noqa: PLR0913  # one comparison, all it needs
    door: Door,
    files: Sequence[Path],
    publishers: Mapping[str, str],
    deaths: Sequence[Death],
    *,
    until: int,
    seconds: float,
    pause: float = 1.0,
) -> dict[str, Account]:
    """Compare until all agree or so many seconds have passed; return the last accounts."""
    deadline = time.monotonic() + seconds
    while True:
        truth = read_truth(files, until)
        accounts: dict[str, Account] = {}
        try:
            accounts = compare(truth, fetch(door, {thing for thing, _ in truth}), publishers, deaths, until)
        except OSError:  # the collector may be starting again
            if time.monotonic() > deadline:
                raise
        if accounts and set(accounts) == set(publishers.values()) and all(a.agrees for a in accounts.values()):
            return accounts
        if time.monotonic() > deadline:
            return accounts
        time.sleep(pause)


def table(accounts: Mapping[str, Account]) -> str:
    """What `make demo` prints at its end."""
    head = f"{'publisher':<12}{'measured':>9}{'stored':>8}{'missing':>9}{'excused':>9}{'repeated':>10}{'wrong':>7}"
    lines = [head + f"{'p50 ms':>9}{'p99 ms':>9}"]
    for publisher, one in sorted(accounts.items()):
        cuts = quantiles(one.delays, n=100) if len(one.delays) > 1 else None
        delays = f"{cuts[49]:9.0f}{cuts[98]:9.0f}" if cuts else f"{'-':>9}{'-':>9}"
        counts = f"{one.measured:>9}{one.stored:>8}{len(one.missing):>9}{one.excused:>9}"
        lines.append(f"{publisher:<12}{counts}{len(one.repeated):>10}{len(one.wrong):>7}{delays}")
    for one in accounts.values():
        lines += [f"  {text}" for text in (*one.missing, *one.repeated, *one.wrong)[:10]]
    return "\n".join(lines)
