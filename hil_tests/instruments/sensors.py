"""Virtual sensors that outlive their nodes: one TCP port each, driven by a scenario file.

``python -m hil_tests.instruments.sensors SCENARIO.toml`` prints a line per sensor, ``{"thing": ..., "port": ...}``,
and serves until it is stopped. The scenario:

    truth = "truth.jsonl"          # relative to the scenario
    seed = 7
    [[sensor]]
    thing = "spot-0001"
    kind = "parking"
    port = 0                       # 0: a free one is chosen and printed
    mean = 20.0                    # seconds a car stays or stays away; or: changes = [[0, "free"], [12.5, "occupied"]]
    faults = 0.0                   # share of answers without an echo or with a wrong sum
    [[sensor]]
    thing = "water-0001"
    kind = "water"
    litres_per_pulse = "1"
    flow = 3.6                     # m3/h
"""

import asyncio
import json
import sys
import time
from collections.abc import Callable, Coroutine, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field

from hil_tests.instruments.parking_spot import ParkingSpot
from hil_tests.instruments.scenario import Strict, command, read
from hil_tests.instruments.truth import TruthFile
from hil_tests.instruments.water_meter import WaterMeter


class ParkingSensor(Strict):
    thing: str
    kind: Literal["parking"]
    port: int = Field(default=0, ge=0, le=65535)
    mean: float = Field(default=20.0, gt=0)
    changes: list[tuple[float, Literal["free", "occupied"]]] = Field(default_factory=list)
    faults: float = Field(default=0.0, ge=0, le=1)


class WaterSensor(Strict):
    thing: str
    kind: Literal["water"]
    port: int = Field(default=0, ge=0, le=65535)
    litres_per_pulse: str = Field(default="1", pattern=r"^[0-9]+(\.[0-9]+)?$")
    flow: float = Field(gt=0)


class Scenario(Strict):
    truth: Path
    seed: int = 0
    sensor: list[Annotated[ParkingSensor | WaterSensor, Field(discriminator="kind")]] = Field(min_length=1)


def load(path: Path) -> Scenario:
    """Read and check a scenario file; raise ScenarioError."""
    scenario = read(path, Scenario)
    return scenario.model_copy(update={"truth": path.parent / scenario.truth})


Connected = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Coroutine[Any, Any, None]]


class Sensors:
    """All sensors of a scenario, listening; ``ports`` maps a thing to its TCP port."""

    def __init__(self, scenario: Scenario) -> None:
        self.ports: dict[str, int] = {}
        self._scenario = scenario
        self._truth = TruthFile(scenario.truth)
        self._begun = time.monotonic_ns()
        self._servers: list[asyncio.Server] = []

    async def start(self) -> None:
        """Open every port; raises OSError when one is taken."""
        for number, sensor in enumerate(self._scenario.sensor):
            seed = self._scenario.seed * 1000 + number
            if isinstance(sensor, ParkingSensor):
                serve = self._parking(sensor.thing, ParkingSpot(seed, sensor.changes, sensor.mean, sensor.faults))
            else:
                serve = self._water(sensor.thing, WaterMeter(seed, sensor.litres_per_pulse, sensor.flow))
            server = await asyncio.start_server(serve, "127.0.0.1", sensor.port)
            self._servers.append(server)
            self.ports[sensor.thing] = server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        for server in self._servers:
            server.close()
        self._truth.close()

    def _seconds(self) -> float:
        return (time.monotonic_ns() - self._begun) / 1e9

    def _parking(self, thing: str, spot: ParkingSpot) -> Connected:
        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            while await reader.read(1) == b"\x55":
                answer, values = spot.answer(self._seconds())
                if values:
                    self._truth.gave(thing, values)
                writer.write(answer)
                await writer.drain()

        return _until_gone(serve)

    def _water(self, thing: str, meter: WaterMeter) -> Connected:
        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            while (request := await reader.readline()).endswith(b"\n"):
                cursor = json.loads(request)["since"]
                answer, values = meter.since(cursor, int(self._seconds() * 1e6))
                self._truth.gave(thing, values)
                writer.write(json.dumps(answer, separators=(",", ":")).encode() + b"\n")
                await writer.drain()

        return _until_gone(serve)


def _until_gone(serve: Connected) -> Connected:
    """A node that is killed in the middle of a request leaves its sensor running."""

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await serve(reader, writer)
        except ConnectionError:
            pass  # the node died; the next one connects again
        finally:
            writer.close()

    return connected


async def _serve(path: Path) -> None:
    sensors = Sensors(load(path))
    await sensors.start()
    for thing, port in sensors.ports.items():
        print(json.dumps({"thing": thing, "port": port}), flush=True)
    await asyncio.Event().wait()


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve the scenario until interrupted; 2 and one line for a scenario or a port that can't be used."""
    return command("sensors", _serve, arguments)


if __name__ == "__main__":
    sys.exit(main())
