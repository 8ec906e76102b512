"""All virtual sensors of a scenario, each on TCP ports of its own.

``python -m hil_tests.instruments.sensors SCENARIO.toml`` prints a line per sensor,
``{"thing": ..., "ports": {"sensor": ...}, "begun_ms": ...}``, and serves until it is stopped; it began then (UTC, on
its own clock). The scenario:

    truth = "truth.jsonl"          # relative to the scenario
    # what somebody shows a sensor right now stands beside it, in shown.json
    disturbances = "disturbed.json"    # what disturbs the wire of a thing right now; may be left out
    seed = 7
    clock = {speed = 600, real_ms = ..., simulated_ms = ...}   # left out: the host's
    [[sensor]]
    thing = "spot-0001"
    kind = "parking"               # hil_tests/instruments/virtual/parking.py, which says what else may stand here
"""

import asyncio
import json
import sys
from collections.abc import Sequence
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from hil_tests.instruments.disturbance import Disturbances
from hil_tests.instruments.fast_time import REAL, Clock
from hil_tests.instruments.scenario import ScenarioError, Strict, command, first_mistake, read
from hil_tests.instruments.shown import NAME, Shown
from hil_tests.instruments.truth import TruthFile
from hil_tests.instruments.virtual import Connected, Site


class Sensor(BaseModel):
    """What every kind has; the rest is for the kind's own ``Settings``."""

    model_config = ConfigDict(extra="allow", frozen=True)

    thing: str
    kind: str = Field(pattern=r"^[a-z_]+$")


class Scenario(Strict):
    truth: Path
    disturbances: Path | None = None
    seed: int = 0
    clock: Clock = REAL
    sensor: list[Sensor] = Field(min_length=1)


def load(path: Path) -> Scenario:
    """Read and check a scenario file; raise ScenarioError."""
    scenario = read(path, Scenario)
    for number, sensor in enumerate(scenario.sensor):
        _settings(f"{path}: sensor.{number}", sensor)
    disturbances = path.parent / scenario.disturbances if scenario.disturbances else None
    return scenario.model_copy(update={"truth": path.parent / scenario.truth, "disturbances": disturbances})


def _settings(where: str, sensor: Sensor) -> tuple[ModuleType, Any]:
    name = f"hil_tests.instruments.virtual.{sensor.kind}"
    if find_spec(name) is None:
        raise ScenarioError(f"{where}.kind: there is no virtual {sensor.kind}")
    kind = import_module(name)
    try:
        return kind, kind.Settings.model_validate(sensor.model_extra)
    except ValidationError as error:
        raise ScenarioError(f"{where}.{first_mistake(error)}") from None


class Sensors:
    """All sensors of a scenario, which begins now; ``ports`` maps a thing to its TCP ports by name."""

    def __init__(self, scenario: Scenario) -> None:
        self.ports: dict[str, dict[str, int]] = {}
        self._scenario = scenario
        self._truth = TruthFile(scenario.truth)
        self._wires = Disturbances(scenario.disturbances)
        self._hands = Shown(scenario.truth.with_name(NAME))
        self.begun_ms = scenario.clock.now_ms()
        self._servers: list[asyncio.Server] = []

    async def start(self) -> None:
        """Open every port."""
        for number, sensor in enumerate(self._scenario.sensor):
            kind, settings = _settings(f"sensor.{number}", sensor)
            seed = self._scenario.seed * 1000 + number
            site = Site(sensor.thing, seed, self._scenario.clock, self.begun_ms, self._truth, self._wires, self._hands)
            self.ports[sensor.thing] = {}
            for name, serve in kind.serve(settings, site).items():
                server = await asyncio.start_server(_until_gone(serve), "127.0.0.1", 0)
                self._servers.append(server)
                self.ports[sensor.thing][name] = server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        for server in self._servers:
            server.close()
        self._truth.close()


def _until_gone(serve: Connected) -> Connected:
    """A node that is killed in the middle of a request leaves its sensor running."""

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await serve(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass  # the node died; the next one connects again
        finally:
            writer.close()

    return connected


async def _serve(path: Path) -> None:
    sensors = Sensors(load(path))
    await sensors.start()
    for thing, ports in sensors.ports.items():
        print(json.dumps({"thing": thing, "ports": ports, "begun_ms": sensors.begun_ms}), flush=True)
    await asyncio.Event().wait()


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve the scenario until interrupted; 2 and one line for a scenario that can't be used."""
    return command("sensors", _serve, arguments)


if __name__ == "__main__":
    sys.exit(main())
