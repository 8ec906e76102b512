"""What stands in a rig file? The same nouns for a virtual bench and a soldered one, checked with the key named.

What a rig can do follows from what stands in it: ``power`` where every node has a switch, ``truth`` where sensors are
simulated and say what they gave.
"""

import tomllib
from pathlib import Path
from typing import Annotated, Self

from pydantic import Field, ValidationError, model_validator

from hil_tests.bench.lines import refusal
from hil_tests.bench.nouns import (
    BrokerEntry,
    CollectorEntry,
    ConsoleEntry,
    CurrentEntry,
    GatewayEntry,
    Instrument,
    LineEntry,
    Name,
    NodeEntry,
    PowerEntry,
    ReceiverEntry,
    StimulusEntry,
)
from hil_tests.instruments.drivers import mistake
from hil_tests.instruments.process import BenchError
from hil_tests.instruments.scenario import Strict


class Rig(Strict):
    """The whole file."""

    name: Name
    broker: BrokerEntry
    collector: CollectorEntry = CollectorEntry()
    directory: Path | None = None
    """Of the city, where broker and collector are external."""
    node: Annotated[tuple[NodeEntry, ...], Field(min_length=1)]
    gateway: tuple[GatewayEntry, ...] = ()
    line: tuple[LineEntry, ...] = ()
    receiver: tuple[ReceiverEntry, ...] = ()
    power: tuple[PowerEntry, ...] = ()
    console: tuple[ConsoleEntry, ...] = ()
    current: tuple[CurrentEntry, ...] = ()
    stimulus: tuple[StimulusEntry, ...] = ()
    needs: tuple[Path, ...] = ()
    """Devices that must be there, as ``/dev/ttyUSB0``: without them the rig is absent."""

    @model_validator(mode="after")
    def _names_what_is_there(self) -> Self:
        names = [one.name for _, _, one in self.devices]
        if len(set(names)) < len(names):
            raise ValueError("node: a name stands here twice")
        gateways = [one.name for one in self.gateway]
        for noun, place, part in self.parts:
            if part.gateway not in gateways:
                raise ValueError(f"{noun}.{place}.gateway: there is no gateway {part.gateway}")
        seen: set[tuple[str, str]] = set()
        for noun, place, one in self.instruments:
            if one.node not in names:
                raise ValueError(f"{noun}.{place}.node: there is no node or gateway {one.node}")
            if (noun, one.key) in seen:
                raise ValueError(f"{noun}.{place}.node: {one.key} has a {noun} already")
            seen.add((noun, one.key))
        return self

    @model_validator(mode="after")
    def _is_virtual_or_soldered(self) -> Self:
        is_external = not self.is_virtual
        if is_external != (self.collector.driver == "external") or is_external != (self.directory is not None):
            raise ValueError("directory: an external broker goes with an external collector and the city's directory")
        if is_external and not (self.collector.url and self.collector.token_file):
            raise ValueError("collector.url: an external collector needs url and token_file")
        for noun, place, device in (*self.devices, *self.parts):
            if (device.driver == "virtual") == is_external:
                needs = "an external broker and collector" if device.driver == "soldered" else "a virtual city"
                raise ValueError(f"{noun}.{place}.driver: what is {device.driver} needs {needs}")
        for noun, place, one in self.instruments:
            if one.driver == "virtual" and is_external:
                raise ValueError(f"{noun}.{place}.driver: what is virtual needs a virtual city")
        return self

    @model_validator(mode="after")
    def _has_lines_that_a_gateway_takes(self) -> Self:
        """Every key beyond ours is of gateway.toml."""
        for gateway in () if self.is_virtual else self.gateway:
            of_it = [one for one in self.parts if one[2].gateway == gateway.name]
            lines, receivers = (
                [(place, part.table) for noun, place, part in of_it if noun == wanted]
                for wanted in ("line", "receiver")
            )
            if why := refusal(lines, receivers):
                raise ValueError(why)
        return self

    @model_validator(mode="after")
    def _limits_what_is_measured(self) -> Self:
        sleeping = {one.name for one in self.node if one.battery}
        for place, meter in enumerate(self.current):
            if meter.node not in sleeping:
                raise ValueError(f"current.{place}.node: {meter.node} has no battery, so nothing limits its current")
        return self

    @property
    def is_virtual(self) -> bool:
        return self.broker.driver != "external"

    @property
    def instruments(self) -> list[tuple[str, int, Instrument]]:
        """(noun, place within it, entry) of every one."""
        several: tuple[tuple[Instrument, ...], ...] = (self.power, self.console, self.current, self.stimulus)
        return [(one.noun, place, one) for entries in several for place, one in enumerate(entries)]

    @property
    def devices(self) -> list[tuple[str, int, NodeEntry | GatewayEntry]]:
        """(noun, place within it, entry) of every node and gateway."""
        nodes = [("node", place, one) for place, one in enumerate(self.node)]
        return [*nodes, *(("gateway", place, one) for place, one in enumerate(self.gateway))]

    @property
    def parts(self) -> list[tuple[str, int, LineEntry | ReceiverEntry]]:
        """(noun, place within it, entry) of every line and receiver."""
        lines = [("line", place, one) for place, one in enumerate(self.line)]
        return [*lines, *(("receiver", place, one) for place, one in enumerate(self.receiver))]

    @property
    def capabilities(self) -> frozenset[str]:
        """What a test may need of it."""
        found = {f"node:{one.kind}" for one in self.node}
        found |= {noun for noun in ("power", "console") if self._is_at_every_node(noun)}
        found |= {noun for noun in ("gateway", "line", "receiver") if getattr(self, noun)}
        found |= {"current"} if self.current else set()
        found |= {"pulses" if one.each else "stimulus" for one in self.stimulus}
        if self.gateway and {one.name for one in self.gateway} <= {one.node for one in self.power}:
            found.add("gateway:power")
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
