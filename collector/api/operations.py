"""Is everything well? Health, metrics, the ledger of every publisher and what is held in quarantine."""

import asyncio
from collections.abc import Callable
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import JSONResponse, PlainTextResponse

from collector.access.asker import EVERY
from collector.api.answers import as_json, asker_of, city_of
from collector.city import City
from collector.health import COUNTERS, GAUGES
from collector.ledger import Account
from collector.messages.quarantine import Held
from collector.running.exposition import count, family, forgotten_readings, held_readings, outbox_messages

router = APIRouter()


@router.get("/health", summary="200 when all is well, 503 with the reasons when not")
async def health(request: Request) -> Response:
    """Anyone may know that something is wrong; what it is, whoever operates a center."""
    reasons = city_of(request).health.reasons
    shown = reasons if asker_of(request).may_anywhere("operate") else dict.fromkeys(reasons, "")
    return JSONResponse({"well": not reasons, "reasons": shown}, 503 if reasons else 200)


@router.get("/metrics", summary="Counters and gauges for Prometheus", response_class=PlainTextResponse)
async def metrics(request: Request) -> Response:
    """Some thousands of publishers make some ten thousand lines: in a thread."""
    asker_of(request).must_anywhere("operate")
    text = await asyncio.to_thread(_exposed, city_of(request))
    return PlainTextResponse(text, media_type="text/plain; version=0.0.4")


@router.get("/api/ledger", summary="Per publisher and outbox: which messages are stored, held, dropped or missing")
async def ledger(request: Request) -> Response:
    """Of the publishers of the centers that the asker operates."""
    accounts = await asyncio.to_thread(city_of(request).ledger.read)
    operates = _operates(request)
    ordered = sorted(
        (one for one in accounts if operates(one.publisher)), key=lambda one: (one.publisher, one.first_seen)
    )
    return as_json({"outboxes": [_account(one) for one in ordered]})


@router.get("/api/quarantine", summary="What was held back, with its reason; the oldest first")
async def quarantine(
    request: Request,
    publisher: str | None = None,
    after: Annotated[int, Query(ge=0, lt=2**31)] = 0,
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
) -> Response:
    """``after`` is the id of the last one seen. What was held is shown to admins: it may be of a household."""
    held = city_of(request).quarantine
    operates, asker = _operates(request), asker_of(request)
    found = await asyncio.to_thread(held.held, publisher, limit, after)
    counts = await asyncio.to_thread(held.counts)
    shown = [_held(one, with_content=asker.may("administer", EVERY)) for one in found if operates(one.publisher)]
    return as_json({"counts": {name: of for name, of in counts.items() if operates(name)}, "held": shown})


def _operates(request: Request) -> Callable[[str], bool]:
    """Whether the asker operates the center of a publisher; raises as ``Asker.must`` where it is none at all."""
    asker, registry = asker_of(request), city_of(request).registry
    asker.must_anywhere("operate")

    def operates(publisher: str) -> bool:
        thing = registry.thing(publisher)
        return asker.may("operate", thing.center if thing else EVERY)

    return operates


def _exposed(city: City) -> str:
    accounts = city.ledger.read()
    held = city.quarantine.counts()
    publishers = list(city.registry.publishers)
    gauges: dict[str, float] = {
        **city.metrics.gauges,
        "live_clients": city.feed.subscribers,
        "datastreams": len(city.registry.datastreams),
        "messages_missing": sum(count(one.missing) for one in accounts),
        "healthy": int(not city.health.reasons),
    }
    lines: list[str] = []
    for name, number in city.metrics.counts.items():
        lines += family(name, "counter", COUNTERS.get(name, name), {(): number})
    for name, value in gauges.items():
        lines += family(name, "gauge", GAUGES.get(name, name), {(): value})
    text = "messages of an outbox, by what became of them"
    lines += family("outbox_messages", "gauge", text, outbox_messages(accounts))
    lines += family("quarantine_readings", "gauge", "readings held, by reason", held_readings(held, publishers))
    text = "readings that made room in a full quarantine"
    lines += family("quarantine_forgotten_total", "counter", text, forgotten_readings(held, publishers))
    return "\n".join(lines) + "\n"


def _account(one: Account) -> dict[str, Any]:
    return {
        "publisher": one.publisher,
        "outbox": one.outbox,
        "first_seen": one.first_seen,
        "next_seq": one.next_seq,
        "stored": one.stored,
        "quarantined": one.quarantined,
        "dropped": one.dropped,
        "missing": one.missing,
        "tail": "unknown" if one.closed else "open",
    }


def _held(one: Held, *, with_content: bool) -> dict[str, Any]:
    return {
        "id": one.id,
        "publisher": one.publisher,
        "topic": one.topic,
        "received": one.received,
        "reason": one.reason,
        "outbox": one.outbox,
        "seq": one.seq,
        "content": one.content.decode(errors="replace") if with_content else None,
    }
