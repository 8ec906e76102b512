"""What may whoever runs the collector ask about rights and households? Tokens, pseudonyms, exports, erasures."""

import asyncio
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy.exc import DBAPIError

from collector.access import giving
from collector.access.tokens import TokenError
from collector.city import City
from collector.clock import now
from collector.running import household
from collector.running.control import RefusedError, Verb
from collector.store import NotOfferedError, StoreError

CONSOLE = "console"
"""Who asks over the socket: whoever may open it runs the collector."""


def custody(city: City) -> Mapping[str, Verb]:
    """By name."""
    return {**_tokens(city), **_households(city)}


def _tokens(city: City) -> Mapping[str, Verb]:
    async def token_add(asked: dict[str, str]) -> str:
        grants, days = asked.get("grants", "").split(), asked.get("days", str(giving.DAYS))
        if not days.isdecimal():
            raise RefusedError(f"days: expected a whole number, got {days}")
        with _said():
            wanted = giving.Wanted(asked.get("name", ""), grants, int(days), asked.get("purpose", ""))
            return await asyncio.to_thread(giving.give, city.access, CONSOLE, wanted)

    async def token_list(_asked: dict[str, str]) -> str:
        return giving.listed(city.access)

    async def token_revoke(asked: dict[str, str]) -> str:
        with _said():
            await asyncio.to_thread(giving.take_away, city.access, CONSOLE, asked.get("name", ""))
        return f"{asked['name']} is refused from now on"

    return {"token add": token_add, "token list": token_list, "token revoke": token_revoke}


def _households(city: City) -> Mapping[str, Verb]:
    async def pseudonyms(asked: dict[str, str]) -> str:
        things = city.access.protections.of_household(asked.get("household", ""))
        with _said():
            more = {"why": _why(asked), "things": [city.access.pseudonyms.of(one) for one in things]}
            await asyncio.to_thread(city.access.audit.write, "pseudonyms told", CONSOLE, **more)
        return "\n".join(f"{one} {city.access.pseudonyms.of(one)}" for one in things)

    async def household_export(asked: dict[str, str]) -> str:
        target = Path(asked.get("target", ""))
        if not target.is_absolute():
            raise RefusedError("target: expected an absolute path")
        with _said():
            count = await household.export(city, asked.get("household", ""), target, CONSOLE, _why(asked))
        return f"{target}: {count} observations"

    async def household_erase(asked: dict[str, str]) -> str:
        with _said():
            gone = await household.erase(city, asked.get("household", ""), now(), CONSOLE, _why(asked))
        return (
            f"{' '.join(gone.things)}: {gone.observations} observations and {gone.held} held readings are erased; "
            "backups made before still hold them"
        )

    return {"pseudonyms": pseudonyms, "household export": household_export, "household erase": household_erase}


@contextmanager
def _said() -> Iterator[None]:
    try:
        yield
    except (TokenError, household.NoHouseholdError, NotOfferedError, StoreError, DBAPIError, OSError) as error:
        raise RefusedError(str(error)) from None


def _why(asked: dict[str, str]) -> str:
    if not asked.get("why", "").strip():
        raise RefusedError("why: expected the reason: it stands in the audit log")
    return asked["why"]
