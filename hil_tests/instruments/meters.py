"""Virtual meters that outlive their gateways: M-Bus and Modbus RTU on ptys, Modbus TCP on a port.

``python -m hil_tests.instruments.meters SCENARIO.toml`` prints a JSON line per line, ``{"line": ..., "port": ...}``,
and serves until it is stopped. Every value given is in the truth file, on disk, before the answer leaves. The scenario:

    truth = "truth.jsonl"             # relative to the scenario, as links are
    disturbances = "disturbed.json"   # what disturbs a line or a meter right now; may be left out
    record = "lines.jsonl"            # what was asked and answered; may be left out
    [[line]]
    name = "cellar"
    kind = "mbus"                     # mbus | modbus-rtu | modbus-tcp
    link = "cellar.tty"               # the pty's name for the gateway; for modbus-tcp: port = 0 (0: a free one)
    baud = 2400
    has_echo = false                  # M-Bus: a level converter that sends every request back
    error_rate = 0.0                  # M-Bus: of characters in either direction with one wrong bit
    replay = "lines.jsonl"            # a pty that answers as a record says, instead of meters
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
import random
import sys
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Literal, NamedTuple

from pydantic import Field

from edge.errors import DeviceError
from edge.mbus import frame
from hil_tests.instruments.disturbance import Disturbance, Disturbances
from hil_tests.instruments.line_record import LineRecord, Replay
from hil_tests.instruments.mbus_meter import MbusMeter
from hil_tests.instruments.mbus_noise import Noise, overlaid
from hil_tests.instruments.modbus_framing import crc, mbap, request_of_mbap, request_of_rtu
from hil_tests.instruments.modbus_meter import ModbusMeter
from hil_tests.instruments.pty_line import PtyLine
from hil_tests.instruments.scenario import ScenarioError, Shape, Strict, command, read
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
    replay: Path | None = None
    meter: list[MeterConfig] = Field(default_factory=list)


class Scenario(Strict):
    truth: Path
    disturbances: Path | None = None
    record: Path | None = None
    line: list[LineConfig] = Field(min_length=1)


def load(path: Path) -> Scenario:
    """Read and check a scenario file; raise ScenarioError."""
    scenario = read(path, Scenario)
    lines = []
    for number, line in enumerate(scenario.line):
        if line.kind != "modbus-tcp" and line.link is None:
            raise ScenarioError(f"{path}: line.{number}.link: missing")
        if not line.meter and (line.replay is None or line.kind == "modbus-tcp"):
            raise ScenarioError(f"{path}: line.{number}.meter: missing, and it is no pty with a replay")
        lines.append(_beside(path, line, "link", "replay"))
    return _beside(path, scenario, "truth", "disturbances", "record").model_copy(update={"line": lines})


def _beside(path: Path, shape: Shape, *keys: str) -> Shape:
    """With these paths relative to the scenario."""
    found = {key: getattr(shape, key) for key in keys}
    return shape.model_copy(update={key: path.parent / value for key, value in found.items() if value})


class _Answer(NamedTuple):
    request: bytes
    sent: bytes
    heard: bytes
    """With what the line made of it."""
    values: dict[str, object]


class Meters:
    """All lines of a scenario, answering; ``ports`` maps a line to what a gateway opens."""

    def __init__(self, scenario: Scenario) -> None:
        self.ports: dict[str, str] = {}
        self._scenario = scenario
        self._truth = TruthFile(scenario.truth)
        self._wires = Disturbances(scenario.disturbances)
        self._record = LineRecord(scenario.record)
        self._chance = random.Random(7)
        self._begun = asyncio.get_running_loop().time()
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
                self._tasks.append(asyncio.create_task(self._serial(pty, line), name=line.name))
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
        self._record.close()

    async def _serial(self, pty: PtyLine, line: LineConfig) -> None:
        if line.replay:
            await self._replay(pty, line, Replay(line.replay, line.name))
        elif line.kind == "mbus":
            await self._mbus(pty, line)
        else:
            await self._rtu(pty, line)

    async def _replay(self, pty: PtyLine, line: LineConfig, replay: Replay) -> None:
        while True:
            request = await _request(pty, _mbus_size if line.kind == "mbus" else request_of_rtu)
            await asyncio.sleep(pty.seconds(len(request)))
            if answer := replay.answer(request):
                await pty.write(answer)

    def _seconds(self) -> float:
        return asyncio.get_running_loop().time() - self._begun

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
                self._record.add(line.name, request, b"")
                continue
            await asyncio.sleep(max(config.delay for config, _, _ in answers))
            sent = overlaid([octets for _, octets, _ in answers])
            config, _, values = answers[0]
            given = values if len(answers) == 1 else {}
            await self._answer(pty, line, config, _Answer(request, sent, noise.on(sent, rate), given))

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
                self._record.add(line.name, request, b"")
                continue
            pdu, values = meter.answer(request[1:-2], self._seconds())
            await asyncio.sleep(config.delay)
            sent = request[:1] + pdu + crc(request[:1] + pdu)
            await self._answer(pty, line, config, _Answer(request, sent, noise.on(sent, wire.noise), values))

    async def _answer(self, pty: PtyLine, line: LineConfig, config: MeterConfig, answer: _Answer) -> None:
        """Now, or much later, while the line goes on."""
        self._record.add(line.name, answer.request, answer.heard)
        if late := self._late(line, config):
            self._tasks.append(asyncio.create_task(self._say_later(pty, config, answer, late)))
        else:
            await self._say(pty, config, answer)

    async def _say_later(self, pty: PtyLine, config: MeterConfig, answer: _Answer, seconds: float) -> None:
        await asyncio.sleep(seconds)
        await self._say(pty, config, answer)

    async def _say(self, pty: PtyLine, config: MeterConfig, answer: _Answer) -> None:
        """What arrives otherwise than it was sent was not given."""
        if answer.values and answer.heard == answer.sent:
            self._truth.gave(config.thing, answer.values)
        await pty.write(answer.heard)

    def _late(self, line: LineConfig, config: MeterConfig) -> float:
        """By how much this answer is, s."""
        wires = (self._wires.of(line.name), self._wires.of(config.thing))
        return max(wire.late if self._chance.random() < wire.late_share else 0.0 for wire in wires)

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
