"""Which things does the inventory protect, and whose are they? Remembered for things that it no longer lists."""

from collections.abc import Mapping
from typing import NamedTuple

from sqlalchemy import Column, Engine, String, Table, select

from collector.entities.inventory import Inventory, Openness
from collector.metadata import in_turn, insert, metadata

protection = Table(
    "protection",
    metadata,
    Column("thing", String(64), primary_key=True),
    Column("openness", String(16)),
    Column("household", String(64)),
)


class Protection(NamedTuple):
    openness: Openness | None = None
    household: str | None = None


_NONE = Protection()


class Protections:
    """In memory and written through; exchanged as a whole, so readers need no lock."""

    def __init__(self, engine: Engine, inventory: Inventory) -> None:
        self._engine = engine
        self._known: Mapping[str, Protection] = {}
        self.revision = 0
        """Grows after anything of what is here has changed."""
        self.take_inventory(inventory)

    def take_inventory(self, inventory: Inventory) -> None:
        """Durable on return. What a thing that is gone was, it stays: its observations are still there."""
        entries = {one.id: Protection(one.openness, one.household) for one in inventory.thing}
        with in_turn(self._engine) as connection:
            known = {
                row.thing: Protection(row.openness, row.household) for row in connection.execute(select(protection))
            }
            for thing, one in entries.items():
                if known.get(thing, _NONE) != one:
                    statement = insert(connection, protection).values(thing=thing, **one._asdict())
                    connection.execute(statement.on_conflict_do_update(index_elements=["thing"], set_=one._asdict()))
        self._known = {**known, **entries}
        self.revision += 1

    def __getitem__(self, thing: str) -> Protection:
        return self._known.get(thing, _NONE)

    def of_household(self, household: str) -> list[str]:
        """The things that are, or were, of one household."""
        return sorted(thing for thing, one in self._known.items() if one.household == household)
