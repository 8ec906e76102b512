"""How is a meter read on a line of each kind? One readout is one set of values by key."""

from functools import partial
from typing import Protocol

from edge import profile
from edge.config import LineConfig, Meter
from edge.errors import DeviceError
from edge.line import Line, open_line
from edge.mbus import meter as mbus_meter
from edge.mbus.model import MbusProfile
from edge.mbus.quantity import Values, source_of, state_of, values_of
from edge.modbus import sunspec
from edge.modbus.client import Client
from edge.modbus.model import ModbusProfile, Words
from edge.modbus.register import Block, Table
from edge.modbus.sunspec import SunspecProfile


class Bus(Protocol):
    """Opens when first asked; one task owns it."""

    async def read(self, meter: Meter) -> Values:
        """All values of one readout; DeviceError: next meter; LineError: ``close``, wait, ask again."""

    async def write(self, meter: Meter, table: Table, address: int, words: list[int]) -> None:
        """Write registers or a coil and see it acknowledged; errors as of ``read``."""

    def source(self, thing: str) -> str:
        """Which meter last answered for this thing, empty when it does not say; another one after an exchange."""

    def close(self) -> None:
        """Let go of the line."""


class MbusBus:
    """M-Bus meters by primary address."""

    def __init__(self, config: LineConfig) -> None:
        self._config = config
        self._line: Line | None = None
        self._sources: dict[str, str] = {}

    async def read(self, meter: Meter) -> Values:
        if self._line is None:
            self._line = await open_line(self._config.port, self._config.baud, self._config.parity)
        telegrams = await mbus_meter.read(self._line, meter.address)
        model = profile.load(meter.profile) if meter.profile else profile.found(telegrams[0])
        if not isinstance(model, MbusProfile | None):
            raise DeviceError(f"profile {meter.profile} is not for M-Bus")
        values = values_of(telegrams, profile.rules(model))
        self._sources[meter.thing] = source_of(telegrams[0])
        return values | state_of(telegrams)

    async def write(self, meter: Meter, table: Table, address: int, words: list[int]) -> None:
        raise DeviceError(f"{meter.thing}: nothing is written to {table} {address} ({words}) by M-Bus")

    def source(self, thing: str) -> str:
        return self._sources.get(thing, "")

    def close(self) -> None:
        if self._line is not None:
            self._line.close()
            self._line = None


class ModbusBus:
    """Modbus meters by unit id."""

    def __init__(self, config: LineConfig) -> None:
        if config.kind == "mbus":
            raise ValueError("an M-Bus line is not read by Modbus")
        self._client = Client(config.kind, config.port, config.baud, config.parity)
        self._models: dict[str, sunspec.Model] = {}  # by thing: where its SunSpec model was found

    async def read(self, meter: Meter) -> Values:
        model = profile.load(meter.profile or "")
        if isinstance(model, SunspecProfile):
            values = await self._read_sunspec(meter, model)
        elif isinstance(model, ModbusProfile):
            values = model.values_of(await self._words(meter, model.blocks()))
        else:
            raise DeviceError(f"profile {meter.profile} is not for Modbus")
        if not values:
            raise DeviceError("every value is marked as not available")
        return values

    async def _read_sunspec(self, meter: Meter, model: SunspecProfile) -> Values:
        if meter.thing not in self._models:
            chain = await sunspec.discover(partial(self._client.read, meter.unit_id or 0))
            self._models[meter.thing] = model.chosen(chain)
        found = self._models[meter.thing]
        try:
            return model.values_of(found, await self._words(meter, model.blocks(found)))
        except DeviceError:
            del self._models[meter.thing]  # an inverter that was exchanged has another chain
            raise

    async def _words(self, meter: Meter, blocks: list[Block]) -> Words:
        words: Words = {}
        for block in blocks:
            for step, word in enumerate(await self._client.read(meter.unit_id or 0, block)):
                words[block.table, block.address + step] = word
        return words

    async def write(self, meter: Meter, table: Table, address: int, words: list[int]) -> None:
        await self._client.write(meter.unit_id or 0, table, address, words)

    def source(self, thing: str) -> str:
        del thing  # a Modbus meter does not say which one it is
        return ""

    def close(self) -> None:
        self._client.close()


def bus_of(config: LineConfig) -> Bus:
    """The bus of this line's kind."""
    return MbusBus(config) if config.kind == "mbus" else ModbusBus(config)
