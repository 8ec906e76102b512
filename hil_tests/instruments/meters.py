"""Virtual meters that outlive their gateways: M-Bus and Modbus RTU on ptys, Modbus TCP on a port.

``python -m hil_tests.instruments.meters SCENARIO.toml`` prints a JSON line per line, ``{"line": ..., "port": ...}``,
and serves until it is stopped. Every value given is in the truth file, on disk, before the answer leaves. The scenario:

    truth = "truth.jsonl"             # relative to the scenario, as links are
    disturbances = "disturbed.json"   # what disturbs a line or a meter right now; may be left out
    [[line]]
    name = "cellar"
    kind = "mbus"                     # mbus | modbus-rtu | modbus-tcp
    link = "cellar.tty"               # the pty's name for the gateway; for modbus-tcp: port = 0 (0: a free one)
    baud = 2400
    has_echo = false                  # M-Bus: a level converter that sends every request back
    error_rate = 0.0                  # M-Bus: of characters in either direction with one wrong bit
    [[line.meter]]
    thing = "wm-0001"
    model = "els_falcon"              # a frame of frames/mbus.jsonl, or a file of registers/
    address = 1                       # primary address or unit id
    is_moving = true                  # false: M-Bus answers are the recording, byte for byte
    delay = 0.05                      # s before it answers
    identification = "06855817"       # M-Bus: another number than the recording's
    is_silent = false                 # M-Bus: says nothing
    baud = 2400                       # M-Bus: the speed it understands at first; left out: the line's
"""

import asyncio
import json
import sys
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Literal

from pydantic import Field

from edge.errors import DeviceError
from edge.mbus import frame
from hil_tests.instruments.disturbance import Disturbance, Disturbances
from hil_tests.instruments.mbus_meter import MbusMeter
from hil_tests.instruments.mbus_noise import Noise, overlaid
from hil_tests.instruments.modbus_framing import crc, mbap, request_of_mbap, request_of_rtu
from hil_tests.instruments.modbus_meter import ModbusMeter
from hil_tests.instruments.pty_line import PtyLine
from hil_tests.instruments.scenario import ScenarioError, Strict, command, read
from hil_tests.instruments.truth import TruthFile

_SILENCE = 0.3  # s after which a broken request is forgotten


class MeterConfig(Strict):
    thing: str
    model: str
    address: int = Field(ge=0, le=250)
    is_moving: bool = True
    delay: float = Field(default=0.05, ge=0)
    identification: str | None = Field(default=None, pattern="^[0-9a-f]{8}$")
    is_silent: bool = False
    baud: int | None = Field(default=None, ge=300)


class LineConfig(Strict):
    name: str
    kind: Literal["mbus", "modbus-rtu", "modbus-tcp"]
    link: Path | None = None
    port: int = Field(default=0, ge=0, le=65535)
    baud: int = Field(default=2400, ge=300)
    has_echo: bool = False
    error_rate: float = Field(default=0.0, ge=0, lt=1)
    meter: list[MeterConfig] = Field(min_length=1)


class Scenario(Strict):
    truth: Path
    disturbances: Path | None = None
    line: list[LineConfig] = Field(min_length=1)


def load(path: Path) -> Scenario:
    """Read and check a scenario file; raise ScenarioError."""
    scenario = read(path, Scenario)
    lines = []
    for number, line in enumerate(scenario.line):
        if line.kind != "modbus-tcp" and line.link is None:
            raise ScenarioError(f"{path}: line.{number}.link: missing")
        lines.append(line.model_copy(update={"link": path.parent / line.link if line.link else None}))
    disturbances = path.parent / scenario.disturbances if scenario.disturbances else None
    places = {"truth": path.parent / scenario.truth, "disturbances": disturbances}
    return scenario.model_copy(update={**places, "line": lines})


class Meters:
    """All lines of a scenario, answering; ``ports`` maps a line to what a gateway opens."""

    def __init__(self, scenario: Scenario) -> None:
        self.ports: dict[str, str] = {}
        self._scenario = scenario
        self._truth = TruthFile(scenario.truth)
        self._wires = Disturbances(scenario.disturbances)
        self._begun = time.monotonic()
        self._tasks: list[asyncio.Task[None]] = []
        self._ptys: list[PtyLine] = []
        self._servers: list[asyncio.Server] = []

    async def start(self) -> None:
        """Open every line; raises OSError when a port is taken."""
        for line in self._scenario.line:
            if line.kind == "modbus-tcp":
                meters = _modbus_meters(line)
                server = await asyncio.start_server(partial(self._tcp, meters), "127.0.0.1", line.port)
                self._servers.append(server)
                self.ports[line.name] = f"tcp:127.0.0.1:{server.sockets[0].getsockname()[1]}"
            elif line.link is not None:
                pty = PtyLine(line.link, line.baud)
                self._ptys.append(pty)
                serve = self._mbus(pty, line) if line.kind == "mbus" else self._rtu(pty, line)
                self._tasks.append(asyncio.create_task(serve, name=line.name))
                self.ports[line.name] = str(line.link)

    async def serve(self) -> None:
        """Until cancelled; a fault in a meter ends the simulator, so that no test goes on without it."""
        await asyncio.gather(asyncio.Event().wait(), *self._tasks)

    async def stop(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for pty in self._ptys:
            pty.close()
        for server in self._servers:
            server.close()
        self._truth.close()

    def _seconds(self) -> float:
        return time.monotonic() - self._begun

    async def _mbus(self, pty: PtyLine, line: LineConfig) -> None:
        meters = _mbus_meters(line)
        noise = Noise()
        while True:
            request = await _request(pty, _mbus_size)
            await asyncio.sleep(pty.seconds(len(request)))
            wire = self._wires.of(line.name)
            rate = max(line.error_rate, wire.noise)
            if line.has_echo:
                await pty.write(request)
            request = noise.on(request, rate)
            answers = [
                (config, *said) for config, meter in meters if (said := self._said(pty, config, meter, request))[0]
            ]
            if not answers or not await _passes(wire, pty):
                continue
            await asyncio.sleep(max(config.delay for config, _, _ in answers))
            await _take_longer(wire, pty)
            sent = overlaid([octets for _, octets, _ in answers])
            heard = noise.on(sent, rate)
            if len(answers) == 1 and answers[0][2] and heard == sent and not wire.late:
                self._truth.gave(answers[0][0].thing, answers[0][2])
            await pty.write(heard)

    def _said(
        self, pty: PtyLine, config: MeterConfig, meter: MbusMeter, request: bytes
    ) -> tuple[bytes, dict[str, object]]:
        """Nothing, when it is silent, hears another speed than its own, or no frame (EN 13757-2 5.7)."""
        if config.is_silent or self._wires.of(config.thing).is_silent or pty.speed not in (0, meter.baud):
            return b"", {}
        try:
            return meter.answer(request, self._seconds())
        except DeviceError:
            return b"", {}

    async def _rtu(self, pty: PtyLine, line: LineConfig) -> None:
        meters = _modbus_meters(line)
        noise = Noise()
        while True:
            request = await _request(pty, request_of_rtu)
            await asyncio.sleep(pty.seconds(len(request)))
            wire = self._wires.of(line.name)
            request = noise.on(request, wire.noise)
            config, meter = meters.get(request[0], (None, None))
            if config is None or meter is None or crc(request[:-2]) != request[-2:]:
                continue
            if self._wires.of(config.thing).is_silent or not await _passes(wire, pty):
                continue
            pdu, values = meter.answer(request[1:-2], self._seconds())
            await asyncio.sleep(config.delay)
            await _take_longer(wire, pty)
            sent = request[:1] + pdu + crc(request[:1] + pdu)
            heard = noise.on(sent, wire.noise)
            if values and heard == sent and not wire.late:
                self._truth.gave(config.thing, values)
            await pty.write(heard)

    async def _tcp(
        self,
        meters: dict[int, tuple[MeterConfig, ModbusMeter]],
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
    ) -> None:
        try:
            while True:
                head = await reader.readexactly(7)
                unit_id, size = request_of_mbap(head)
                request = await reader.readexactly(size)
                if unit_id not in meters:
                    continue
                config, meter = meters[unit_id]
                await asyncio.sleep(config.delay)
                pdu, values = meter.answer(request, self._seconds())
                if values:
                    self._truth.gave(config.thing, values)
                writer.write(mbap(head, pdu))
                await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError, ValueError):
            pass  # the gateway died or does not speak Modbus; the next one connects again
        finally:
            writer.close()


def _mbus_meters(line: LineConfig) -> list[tuple[MeterConfig, MbusMeter]]:
    return [
        (
            config,
            MbusMeter(
                config.model,
                config.address,
                is_moving=config.is_moving,
                identification=config.identification,
                baud=config.baud or line.baud,
            ),
        )
        for config in line.meter
    ]


def _modbus_meters(line: LineConfig) -> dict[int, tuple[MeterConfig, ModbusMeter]]:
    return {config.address: (config, ModbusMeter(config.model)) for config in line.meter}


async def _passes(wire: Disturbance, pty: PtyLine) -> bool:
    """Whether anything does; of a short circuit a receiver hears a break."""
    if wire.is_short:
        await pty.write(b"\0")
    return not (wire.is_short or wire.is_silent)


async def _take_longer(wire: Disturbance, pty: PtyLine) -> None:
    """Whoever is late hears nothing meanwhile."""
    if wire.late:
        await asyncio.sleep(wire.late)
        pty.forget()


def _mbus_size(octets: bytes) -> int:
    try:
        return frame.size_of(octets)
    except DeviceError:
        return -1


async def _request(pty: PtyLine, size_of: Callable[[bytes], int]) -> bytes:
    """One whole request; what does not become one before a silence is forgotten."""
    octets = await pty.read()
    while True:
        size = size_of(octets)
        if 0 < size <= len(octets):
            return octets[:size]
        try:
            async with asyncio.timeout(_SILENCE):
                octets += await pty.read()
        except TimeoutError:
            octets = await pty.read()


async def _serve(path: Path) -> None:
    meters = Meters(load(path))
    await meters.start()
    for line, port in meters.ports.items():
        print(json.dumps({"line": line, "port": port}), flush=True)
    await meters.serve()


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve the scenario until interrupted; 2 and one line for a scenario or a port that can't be used."""
    return command("meters", _serve, arguments)


if __name__ == "__main__":
    sys.exit(main())
