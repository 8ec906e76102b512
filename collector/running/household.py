"""What does the city know of one household, and how does it forget it? GDPR, articles 15, 17 and 20.

Both are done by whoever runs the collector, with a reason, and stand in the audit log before they begin.
"""

import asyncio
import csv
import json
from collections.abc import Sequence
from contextlib import aclosing
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from collector.city import City
from collector.entities.forgetting import forget_told
from collector.observation import Series, kind_of
from collector.series.query import Query

COLUMNS = ("quantity", "period", "at", "value", "unit", "quality", "censored", "source", "known")


class NoHouseholdError(Exception):
    """No thing is, or was, of this household."""


class Erased(NamedTuple):
    things: list[str]
    observations: int
    """Every version counts."""
    held: int
    """Readings in quarantine."""


async def export(city: City, household: str, target: Path, who: str, why: str) -> int:
    """Write everything into ``target``, a folder that is not there yet; return the number of observations.

    Raises NoHouseholdError, OSError or StoreError.
    """
    things = _things(city, household)
    await asyncio.to_thread(city.access.audit.write, "household exported", who, why=why, things=_names(city, things))
    await asyncio.to_thread(partial(target.mkdir, mode=0o700, parents=True))
    count = 0
    for thing in things:
        count += await _write_readings(city, thing, target / f"{thing}.csv")
    about = await asyncio.to_thread(_about, city, things)
    text = json.dumps({"household": household, **about}, ensure_ascii=False, indent=1)
    await asyncio.to_thread((target / "household.json").write_text, text)
    return count


async def erase(city: City, household: str, before: int, who: str, why: str) -> Erased:
    """Everything measured before that time (ms UTC), and whatever of it comes later.

    Raises NoHouseholdError, NotOfferedError, or StoreError: then it is to be asked for again.
    """
    things = _things(city, household)
    access = city.access
    names = _names(city, things)
    await asyncio.to_thread(access.audit.write, "household erased", who, why=why, things=names, before=before)
    series = [one.series for thing in things for one in city.registry.datastreams_of(thing)]

    def write() -> Erased:
        access.erasures.add(things, before)  # first: nothing comes back meanwhile
        city.registry.change(lambda change: forget_told(city.registry.known, change, things, before))
        return Erased(things, city.store.erase(series, before), city.quarantine.erase(access.erasures.covers))

    erased = await city.writer.write(write)
    city.feed.forget()
    city.recent.forget()
    return erased


def _things(city: City, household: str) -> list[str]:
    things = city.access.protections.of_household(household)
    if not things:
        raise NoHouseholdError(f"household: no thing is, or was, of {household}")
    return things


def _names(city: City, things: Sequence[str]) -> list[str]:
    return [city.access.pseudonyms.of(thing) for thing in things]


async def _write_readings(city: City, thing: str, file: Path) -> int:
    count = 0
    with file.open("w", newline="") as text:  # as large as a chunk, and nobody waits for it
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(COLUMNS)
        for stream in city.registry.datastreams_of(thing):
            async with aclosing(city.reader.chunks(_whole(city, stream.series))) as chunks:
                async for chunk in chunks:
                    unit = kind_of(stream.series.quantity).unit
                    quantity, period = stream.series.quantity, stream.series.period
                    writer.writerows(
                        (quantity, period, o.at, o.value, unit, o.judged, o.censored, o.source, o.known or "")
                        for o in chunk
                    )
                    count += len(chunk)
    return count


def _whole(city: City, series: Series) -> Query:
    return Query(series, versions="all" if city.store.keeps_versions else "latest")


def _about(city: City, things: Sequence[str]) -> dict[str, Any]:
    """The things themselves, what is held of them, and who has read them and why."""
    names = set(_names(city, things))
    with (city.access.audit.file).open() as lines:
        records = [json.loads(line) for line in lines]
    reads = [
        {"at": one["at"], "who": one["event"]["who"], "why": one["event"].get("why"), "what": one["event"].get("what")}
        for one in records
        if names & set(one["event"].get("things", ()))
    ]
    known = [one for thing in things if (one := city.registry.thing(thing))]
    return {
        "things": [
            {"id": one.id, "name": one.name, "location": one.location, "center": one.center, "listed": one.listed}
            for one in known
        ],
        "exchanges": [
            {
                "thing": thing,
                "quantity": quantity,
                "at": one.at,
                "final": float(one.final),
                "initial": float(one.initial),
            }
            for (thing, quantity), index in city.meters.known.items()
            if thing in things
            for one in index.exchanges
        ],
        "purposes": sorted({p for one in known for p in _purposes(city, one.id)}),
        "read_by": reads,
    }


def _purposes(city: City, thing: str) -> set[str]:
    found = city.registry.thing(thing)
    judged = city.rights.of(found).judgements.values() if found else ()
    return {one.purpose for one in judged if one.purpose}
