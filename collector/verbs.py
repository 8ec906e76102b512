"""What may a running collector be told to do? Release what is held, back itself up, give tokens and take them away."""

import asyncio
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy.exc import DBAPIError

from collector.access import giving
from collector.access.tokens import TokenError
from collector.backup import back_up
from collector.city import City
from collector.config import CollectorConfig
from collector.control import RefusedError, Verb
from collector.inventory import ConfigError
from collector.metadata import sqlite_file
from collector.registration import Registration
from collector.stores import StoreError

CONSOLE = "console"
"""Who asks over the socket: whoever may open it runs the collector."""


def verbs(city: City, registration: Registration, config: CollectorConfig, file: Path) -> Mapping[str, Verb]:
    """By name; ``file`` is where the configuration was read from."""

    async def release(asked: dict[str, str]) -> str:
        publisher = asked.get("publisher")
        try:
            released = await registration.release(publisher)
        except (ConfigError, StoreError, DBAPIError) as error:
            raise RefusedError(str(error)) from None
        whose = "of all publishers" if publisher is None else f"of {publisher}"
        return f"{released.stored} observations {whose} released, {released.held} readings still held"

    async def backup(asked: dict[str, str]) -> str:
        target = Path(asked.get("target", ""))
        if not target.is_absolute():
            raise RefusedError("target: expected an absolute path")
        metadata = sqlite_file(city.engine)
        if metadata is None:
            raise RefusedError("metadata.url: PostgreSQL is copied by its own pg_dump; do it before you copy the store")
        size = await asyncio.to_thread(back_up, target, metadata, city.store, (config.inventory, file))
        return f"{target}: {size / 1e6:.1f} MB: start a collector with data = {str(target)!r} to use it"

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

    return {
        "release": release,
        "backup": backup,
        "token add": token_add,
        "token list": token_list,
        "token revoke": token_revoke,
    }


@contextmanager
def _said() -> Iterator[None]:
    try:
        yield
    except (TokenError, DBAPIError, OSError) as error:
        raise RefusedError(str(error)) from None
