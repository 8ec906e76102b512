"""What stands in a rig file? The same nouns for a virtual bench and a soldered one, checked with the key named.

What a rig can do follows from what stands in it: ``power`` where every node has a switch, ``truth`` where sensors are
simulated and say what they gave.
"""

import tomllib
from pathlib import Path
from typing import Annotated, ClassVar, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from hil_tests.instruments.drivers import Driver, chosen, mistake
from hil_tests.instruments.process import BenchError

Name = Annotated[str, Field(pattern=r"^[a-z0-9-]{1,64}$")]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class BrokerEntry(_Strict):
    driver: Literal["nats", "mosquitto", "external"]
    """``external`` runs already, with the city that ``directory`` holds."""


class CollectorEntry(_Strict):
    driver: Literal["virtual", "external"] = "virtual"
    store: Literal["duckdb", "memory", "influx"] = "duckdb"
    url: str = ""
    """Of an external one."""
    token_file: Path | None = None
    """With a token that may see everything, of an external one."""


class NodeEntry(_Strict):
    name: Name
    """As it publishes."""
    kind: Literal["parking", "counting", "water", "noise", "air", "level", "valve"]
    driver: Literal["virtual", "soldered"]
    thing: Name
    quantity: str
    """What it says of its thing again and again."""


class _Instrument(BaseModel):
    """At a device; the keys beyond these are the driver's own."""

    model_config = ConfigDict(extra="allow", frozen=True)
    noun: ClassVar[str]
    node: Name
    """Or gateway."""
    driver: str

    @property
    def key(self) -> str:
        """By what a test finds it among those of its noun."""
        return self.node

    @property
    def chosen(self) -> Driver:
        return chosen(self.noun, self.driver, self.model_extra or {})

    @model_validator(mode="after")
    def _is_known(self) -> Self:
        self.chosen  # noqa: B018 - it raises ValueError, naming the key
        return self


class PowerEntry(_Instrument):
    noun = "power"


class ConsoleEntry(_Instrument):
    noun = "console"


class Rig(_Strict):
    """The whole file."""

    name: Name
    broker: BrokerEntry
    collector: CollectorEntry = CollectorEntry()
    directory: Path | None = None
    """Of the city, where broker and collector are external."""
    node: Annotated[tuple[NodeEntry, ...], Field(min_length=1)]
    power: tuple[PowerEntry, ...] = ()
    console: tuple[ConsoleEntry, ...] = ()
    needs: tuple[Path, ...] = ()
    """Devices that must be there, as ``/dev/ttyUSB0``: without them the rig is absent."""

    @model_validator(mode="after")
    def _agrees(self) -> Self:
        names = [one.name for one in self.node]
        if len(set(names)) < len(names):
            raise ValueError("node: a name stands here twice")
        for noun, place, entry in self.instruments:
            if entry.node not in names:
                raise ValueError(f"{noun}.{place}.node: there is no node {entry.node}")
            if entry.key in {one.key for of, before, one in self.instruments if of == noun and before < place}:
                raise ValueError(f"{noun}.{place}.node: {entry.key} has a {noun} already")
        is_external = self.broker.driver == "external"
        if is_external != (self.collector.driver == "external") or is_external != (self.directory is not None):
            raise ValueError("directory: an external broker goes with an external collector and the city's directory")
        if is_external and not (self.collector.url and self.collector.token_file):
            raise ValueError("collector.url: an external collector needs url and token_file")
        if not is_external and any(one.driver == "soldered" for one in self.node):
            raise ValueError("node: soldered nodes know one city: broker and collector are external")
        for noun, place, entry in [] if self.is_virtual else self.instruments:
            if entry.driver == "virtual":
                raise ValueError(f"{noun}.{place}.driver: what is virtual needs a virtual city")
        return self

    @property
    def is_virtual(self) -> bool:
        return self.broker.driver != "external"

    @property
    def instruments(self) -> list[tuple[str, int, _Instrument]]:
        """(noun, place within it, entry) of every one."""
        several: tuple[tuple[_Instrument, ...], ...] = (self.power, self.console)
        return [(one.noun, place, one) for entries in several for place, one in enumerate(entries)]

    @property
    def capabilities(self) -> frozenset[str]:
        """What a test may need of it."""
        found = {f"node:{one.kind}" for one in self.node}
        found |= {noun for noun in ("power", "console") if self._is_at_every_node(noun)}
        if self.is_virtual:
            found |= {"truth", "faults"}
        return frozenset(found)

    def _is_at_every_node(self, noun: str) -> bool:
        return {one.name for one in self.node} <= {one.node for name, _, one in self.instruments if name == noun}

    @property
    def why_absent(self) -> str:
        """What of it is not here; "" when it is whole."""
        missing = [
            str(one) for one in (*self.needs, *((self.directory,) if self.directory else ())) if not one.exists()
        ]
        return f"rig {self.name}: there is no {', '.join(missing)}" if missing else ""


def load_rig(file: Path) -> Rig:
    """Raises BenchError naming file and key."""
    try:
        return Rig.model_validate(tomllib.loads(file.read_text("utf-8")))
    except OSError as error:
        raise BenchError(f"{file}: {error.strerror}") from None
    except ValidationError as error:
        raise BenchError(f"{file}: {mistake(error)}") from None
    except ValueError as error:  # TOML and UTF-8 errors are ValueErrors
        raise BenchError(f"{file}: {error}") from None
