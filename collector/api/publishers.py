"""How does each publisher do? What it last said of itself, what it owes, and what is held of it: worst first."""

import asyncio
from typing import Any

from fastapi import APIRouter, Request, Response

from collector.api.answers import as_json, asker_of, city_of
from collector.city import City
from collector.clock import now
from collector.messages.quarantine import FORGOTTEN
from collector.observation import Series
from collector.running.exposition import count

router = APIRouter()

SAID = (
    "online", "status_code", "clock", "outbox_depth", "dropped_count", "battery_level", "signal_strength", "boot_count",
    "firmware_version", "reset_cause",
)  # fmt: skip


@router.get(
    "/api/publishers", summary="The state of every publisher of the centers that the asker operates, worst first"
)
async def publishers(request: Request) -> Response:
    """``at`` is when it last said something of itself; ``missing`` counts messages that never arrived."""
    asker, city = asker_of(request), city_of(request)
    asker.must_anywhere("operate")
    missing, held = await asyncio.to_thread(_owed, city)
    shown = [
        _shown(city, one.id, missing.get(one.id, 0), held.get(one.id, 0))
        for one in city.registry.publishers.values()
        if one.role in ("node", "gateway")
        and (thing := city.registry.thing(one.id))
        and asker.may("operate", thing.center)
    ]
    shown.sort(key=lambda one: (-len(one["troubles"]), one["id"]))
    return as_json({"at": now(), "publishers": shown})


def _owed(city: City) -> tuple[dict[str, int], dict[str, int]]:
    """Messages missing, and readings held, by publisher."""
    missing: dict[str, int] = {}
    for account in city.ledger.read():
        missing[account.publisher] = missing.get(account.publisher, 0) + count(account.missing)
    counts = city.quarantine.counts()
    held = {name: sum(number for why, number in of.items() if why != FORGOTTEN) for name, of in counts.items()}
    return missing, held


def _shown(city: City, publisher: str, missing: int, held: int) -> dict[str, Any]:
    last = {name: one for name in SAID if (one := city.store.last(Series(publisher, name)))}
    said = {name: one.value for name, one in last.items()}
    troubles = [f"{missing} messages missing"] * bool(missing) + [f"{held} readings held"] * bool(held)
    if not said:
        troubles.append("never heard of")
    elif said.get("online") != "online":
        troubles.append("offline")
    if said.get("status_code", "ok") != "ok":
        troubles.append(f"status {said['status_code']}")
    if said.get("clock") in ("none", "estimated"):
        troubles.append(f"clock {said['clock']}")
    at = max((one.at for one in last.values()), default=None)
    return {"id": publisher, "at": at, "said": said, "missing": missing, "held": held, "troubles": troubles}
