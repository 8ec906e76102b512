"""Is what a center can ask for what the sensors gave? Truth files against the public API, value by value.

A simulated sensor writes what it gives before the answer leaves; ``comparison`` says which observation is whose.
"""

import csv
import io
import json
import time
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from http import HTTPStatus
from pathlib import Path
from statistics import quantiles

from firmware.quantities import NUMBER_KINDS, QUANTITIES
from hil_tests.judging.comparison import Account, Given, Key, Stored, Value, compare, name_of
from hil_tests.judging.door import Door
from hil_tests.judging.events import Event


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
            numeric = QUANTITIES[name_of(row["quantity"])][1] in (*NUMBER_KINDS, "flags")
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


def wait_for_agreement(  # noqa: PLR0913  # one comparison, all it needs
    door: Door,
    files: Sequence[Path],
    publishers: Mapping[str, str],
    events: Sequence[Event],
    *,
    until: int,
    seconds: float,
    pause: float = 1.0,
) -> dict[str, Account]:
    """Compare until all agree or so many seconds have passed; return the last accounts."""
    deadline = time.monotonic() + seconds
    while True:
        accounts: dict[str, Account] = {}
        try:
            stored = fetch(door, publishers)  # first: what is given meanwhile must stand in the truth that judges it
            accounts = compare(read_truth(files, until), stored, publishers, events, until)
        except OSError:  # the collector may be starting again
            if time.monotonic() > deadline:
                raise
        if accounts and set(accounts) == set(publishers.values()) and all(a.agrees for a in accounts.values()):
            return accounts
        if time.monotonic() > deadline:
            return accounts
        time.sleep(pause)


def holes(door: Door, seconds: float = 20) -> dict[str, int]:
    """Messages that the ledger misses, by publisher; what is on its way is given time to arrive."""
    deadline = time.monotonic() + seconds
    while True:
        outboxes = door.get("/api/ledger").raise_for_status().json()["outboxes"]
        found: dict[str, int] = {}
        for one in outboxes:
            missed = sum(last - first + 1 for first, last in one["missing"])
            found[one["publisher"]] = found.get(one["publisher"], 0) + missed
        if not any(found.values()) or time.monotonic() > deadline:
            return found
        time.sleep(0.5)


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
