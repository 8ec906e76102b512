"""How is a meter read on a line of each kind? One readout is one set of values by key."""

from typing import Protocol

from edge import profile
from edge.config import LineConfig, Meter
from edge.errors import DeviceError
from edge.line import Line, open_line
from edge.mbus import meter as mbus_meter
from edge.mbus.quantity import Values, status_of, values_of
from edge.modbus.client import Client
from edge.modbus.register import Table
from edge.profile import MbusProfile, ModbusProfile


class Bus(Protocol):
    """Opens when first asked; one task owns it."""

    async def read(self, meter: Meter) -> Values:
        """All values of one readout; DeviceError: next meter; LineError: ``close``, wait, ask again."""

    def close(self) -> None:
        """Let go of the line."""


class MbusBus:
    """M-Bus meters by primary address."""

    def __init__(self, config: LineConfig) -> None:
        self._config = config
        self._line: Line | None = None

    async def read(self, meter: Meter) -> Values:
        if self._line is None:
            self._line = await open_line(self._config.port, self._config.baud, self._config.parity)
        telegrams = await mbus_meter.read(self._line, meter.address)
        model = profile.load(meter.profile) if meter.profile else profile.found(telegrams[0])
        if not isinstance(model, MbusProfile | None):
            raise DeviceError(f"profile {meter.profile} is not for M-Bus")
        values = values_of(telegrams, profile.rules(model))
        values["status_code"] = max((status_of(telegram.status) for telegram in telegrams), key=_severity)
        return values

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

    async def read(self, meter: Meter) -> Values:
        model = profile.load(meter.profile or "")
        if not isinstance(model, ModbusProfile):
            raise DeviceError(f"profile {meter.profile} is not for Modbus")
        words: dict[tuple[Table, int], int] = {}
        for block in model.blocks():
            for step, word in enumerate(await self._client.read(meter.address, block)):
                words[block.table, block.address + step] = word
        values = model.values_of(words)
        if not values:
            raise DeviceError("every value is marked as not available")
        return values

    def close(self) -> None:
        self._client.close()


def bus_of(config: LineConfig) -> Bus:
    """The bus of this line's kind."""
    return MbusBus(config) if config.kind == "mbus" else ModbusBus(config)


def _severity(code: str) -> int:
    return ("ok", "warning", "alarm", "fault").index(code)
