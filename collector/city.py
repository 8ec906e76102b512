"""What does the HTTP API stand on? Everything the collector knows, as one value."""

import asyncio
from dataclasses import dataclass, field
from pathlib import Path

from sqlalchemy import Engine

from collector.access.audit import FILE as AUDIT
from collector.access.audit import Audit
from collector.access.erasure import Erasures
from collector.access.protection import Protections
from collector.access.pseudonyms import FILE as PSEUDONYMS
from collector.access.pseudonyms import open_pseudonyms
from collector.access.rights import Access, Policy, Rights
from collector.access.tokens import Tokens
from collector.clock import now
from collector.command_book import CommandBook
from collector.entities.inventory import Inventory
from collector.entities.meters import Meters
from collector.entities.registry import Registry
from collector.health import Health, Metrics
from collector.ledger import Ledger
from collector.messages.quarantine import Quarantine
from collector.metadata import DEFAULT as METADATA
from collector.metadata import open_metadata
from collector.reader import Reader
from collector.series.feed import Feed
from collector.series.recent import Recent
from collector.store import Store
from collector.stores import open_store
from collector.writer import Writer


@dataclass(frozen=True, slots=True)
class City:
    """Made once at start; ``store`` is for what runs in ``writer``, everyone else asks ``reader``."""

    engine: Engine
    registry: Registry
    store: Store
    reader: Reader
    ledger: Ledger
    quarantine: Quarantine
    access: Access
    rights: Rights
    commands: CommandBook
    meters: Meters = field(default_factory=Meters)
    recent: Recent = field(default_factory=Recent)
    feed: Feed = field(default_factory=Feed)
    health: Health = field(default_factory=Health)
    metrics: Metrics = field(default_factory=Metrics)
    writer: Writer = field(default_factory=Writer)
    approved: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when a command was approved: it need not wait for its turn."""

    def close(self) -> None:
        """What is being written is written; nothing more is."""
        self.writer.close()
        self.store.close()


def open_city(  # noqa: PLR0913, PLR0917  # everything that collector.toml names
    inventory: Inventory,
    data: Path,
    store_url: str,
    metadata_url: str = METADATA,
    collector: str = "",
    policy: Policy | None = None,
) -> City:
    """Open everything under the directory ``data``; ``collector`` is the name of one of several that share the store.

    Raises MetadataError or DBAPIError for the metadata, ValueError or StoreError for the store, ConfigError for what
    protects the readings, and OSError.
    """
    data.mkdir(parents=True, exist_ok=True)
    engine = open_metadata(metadata_url, data)
    store = open_store(store_url, data, is_shared=bool(collector))
    access = _open_access(engine, inventory, data, policy)
    registry = Registry(engine, inventory)
    registry.see(store.latest())  # a collector killed between store and registry left a series without a datastream
    return City(
        engine,
        registry,
        store,
        Reader(store),
        Ledger(engine, collector),
        Quarantine(engine),
        access,
        Rights(access, registry),
        CommandBook(engine, access.audit, access.policy.keys, now),
    )


def _open_access(engine: Engine, inventory: Inventory, data: Path, policy: Policy | None) -> Access:
    policy = policy or Policy.shipped()
    return Access(
        policy,
        Protections(engine, inventory),
        Erasures(engine),
        open_pseudonyms(policy.pseudonyms or data / PSEUDONYMS),
        Tokens(engine, now),
        Audit(data / AUDIT, now),
    )
