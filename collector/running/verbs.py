"""What may a running collector be told to do? Release what is held, back itself up, and what ``custody`` adds."""

import asyncio
from collections.abc import Mapping
from pathlib import Path

from sqlalchemy.exc import DBAPIError

from collector.city import City
from collector.config import CollectorConfig
from collector.entities.inventory import ConfigError
from collector.metadata import sqlite_file
from collector.running.backup import back_up
from collector.running.control import RefusedError, Verb
from collector.running.custody import custody
from collector.running.registration import Registration
from collector.store import StoreError


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
        meters = [config.meters] if config.meters else []
        size = await asyncio.to_thread(
            back_up, target, metadata, city.store, (config.inventory, *meters, file, city.access.audit.file)
        )
        return f"{target}: {size / 1e6:.1f} MB: start a collector with data = {str(target)!r} to use it"

    return {"release": release, "backup": backup, **custody(city)}
