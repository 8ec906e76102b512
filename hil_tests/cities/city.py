"""The virtual city: real broker, collector, nodes and gateway around simulated sensors and meters.

Every program runs as its own process, as in the street; the sensors and meters are processes of their own, so that
they outlive what reads them. ``Plan`` says what, ``VirtualCity`` builds it in a directory, starts and supervises it.
"""

import json
import time
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from sys import executable
from typing import Any

from hil_tests.cities import wiring
from hil_tests.cities.koper import MBUS, MODBUS, NODES, OTHERS_THING, MeterPlan, NodePlan
from hil_tests.instruments import broker, influx, node, plain_publisher
from hil_tests.instruments.fast_time import REAL, Clock
from hil_tests.instruments.process import BenchError, Program, answers, free_ports, is_free, listens, wait_until
from hil_tests.instruments.proxy import Proxy
from hil_tests.instruments.small_disk import SmallDisk, small_disk
from hil_tests.judging.door import Door, opened
from hil_tests.judging.events import Death, Event
from provisioning.authority import Authority, Role
from provisioning.broker import Kind
from provisioning.broker import write as write_rights
from provisioning.inventory import Inventory
from provisioning.quickstart import Ports, quickstart

CITY = "koper"
GATEWAY = "gw-0001"
OTHERS = "other-0001"
DATA = "data"
"""The folder of the collector's own files."""
_MEGABYTES = {DATA: 220, GATEWAY: 12}
_OF_A_NODE = 4  # MB


@dataclass(frozen=True)
class Plan:
    """What is built where. ``store`` is duckdb, memory or influx; ``period`` in ms for nodes, in s for meters."""

    directory: Path
    ports: Ports
    broker: Kind = "nats"
    store: str = "duckdb"
    period_ms: int = 1000
    mbus_period: int = 10
    modbus_period: int = 2
    nodes: tuple[NodePlan, ...] = NODES
    with_meters: bool = True
    modbus: tuple[MeterPlan, ...] = MODBUS
    can_fail: bool = False
    """Devices reach the broker over a network that can fail, clocks of programs step, the gateway's disk forgets what
    was not synced, and root can fill the disks of ``small_disks``."""
    small_disks: tuple[str, ...] = ()
    """``DATA``, and publishers."""
    is_silent: bool = False
    """Its devices are known, and none runs: for whoever speaks in their place."""
    with_others: bool = False
    """A sensor that others made, without an outbox."""
    without: tuple[str, str] | None = None
    """A program, and the protection that it does without: ``instruments/protections``."""
    clock: Clock = REAL


@dataclass
class VirtualCity:
    """Built and started by ``start``; whoever owns it calls ``supervise`` regularly and ``stop`` at the end."""

    plan: Plan
    programs: dict[str, Program] = field(default_factory=dict)
    events: list[Event] = field(default_factory=list)
    ended: list[str] = field(default_factory=list)
    """What ended without being killed, and had to be started again."""
    _down: dict[str, int] = field(default_factory=dict)
    disks: dict[str, SmallDisk] = field(default_factory=dict)
    """The small disks, by the name of what is on it."""
    _mounted: ExitStack = field(default_factory=ExitStack)
    _door: Door | None = None
    _network: Proxy | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.plan.ports.http}"

    @property
    def door(self) -> Door:
        """Open once the collector has served; the token outlives it."""
        if self._door is None:
            raise BenchError("the city was never started")
        return self._door

    @property
    def network(self) -> Proxy:
        """Between the devices and the broker; only where the plan has one."""
        if self._network is None:
            raise BenchError("the plan has no network that can fail")
        return self._network

    @property
    def _port_of_devices(self) -> int:
        return self._network.port if self._network else self.plan.ports.mqtt

    @property
    def publishers(self) -> dict[str, str]:
        """Thing -> the publisher that speaks for it."""
        nodes = {one.thing.id: one.publisher for one in self.plan.nodes}
        others = {OTHERS_THING.id: OTHERS} if self.plan.with_others else {}
        return nodes | {one.thing.id: GATEWAY for one in self._meters} | others

    @property
    def truth(self) -> list[Path]:
        files = [self.plan.directory / name for name in (wiring.METERS_TRUTH, wiring.SENSORS_TRUTH)]
        files.append(plain_publisher.truth_of(self.plan.directory, OTHERS))
        return [file for file in files if file.exists()]

    @property
    def devices(self) -> list[str]:
        return [*(one.publisher for one in self.plan.nodes), *([GATEWAY] if self.plan.with_meters else [])]

    def start(self) -> None:
        """Everything, in the order in which it depends on each other; BenchError says what is in the way."""
        for port, what in zip(self.plan.ports, ("MQTT", "page"), strict=True):
            if not is_free(port):
                raise BenchError(
                    f"port {port} ({what}) is taken: is another demo running? Stop it, or choose another port"
                )
        self._mount()
        store = self._store()
        self._provision(store)
        if not self.plan.is_silent:
            self._start_simulators()
        self._add("broker", broker.program(self.plan.broker, self.plan.directory, self._log("broker")))
        started, mqtt = self.programs["broker"], self.plan.ports.mqtt
        wait_until(lambda: listens(started, mqtt), f"the broker listens: {self._log('broker')}")
        if self.plan.can_fail:
            port = next(port for port in free_ports(6) if port not in self.plan.ports)
            self._network = Proxy(port, self.plan.ports.mqtt)
            self._network.start()
        config = self.plan.directory / "collector.toml"
        self._add("collector", self._ours("collector", "collector", "--config", config))
        wait_until(lambda: answers(self.plan.ports.http), f"the collector serves: {self._log('collector')}", 60)
        self._door = opened(self.url, config)
        if not self.plan.is_silent:
            self._start_devices()

    def _start_devices(self) -> None:
        self._start_nodes()
        if self.plan.with_meters:
            self._add(GATEWAY, self._ours(GATEWAY, "edge", "--config", self._write_gateway()))
        if self.plan.with_others:
            self._add(OTHERS, plain_publisher.program(self.plan.directory, OTHERS, OTHERS_THING.id))

    def supervise(self) -> list[str]:
        """Start again what has ended; return the names."""
        revived = [name for name, program in self.programs.items() if name not in self._down and program.revive()]
        self.ended += revived
        return revived

    def kill(self, name: str, pause: float = 0.5) -> None:
        """``kill -9``, and started again after ``pause`` seconds, as a supervisor would."""
        self.down(name)
        time.sleep(pause)
        self.up(name)

    def down(self, name: str) -> None:
        """``kill -9``: nothing is flushed, nobody is told. It stays down, also for ``supervise``, until ``up``."""
        if name in self._down:
            raise BenchError(f"{name} is down already")
        killed = REAL.now_ms()
        self.programs[name].kill()
        self._down[name] = killed

    def up(self, name: str) -> None:
        """Start what is down; its death is on record from now on."""
        self.programs[name].start()
        self.events.append(Death(name, self._down.pop(name), REAL.now_ms()))

    def stop(self) -> None:
        """Leave no process and no mount behind, devices first; what fails keeps nothing else from being ended."""
        with ExitStack() as undo:
            undo.callback(self.disks.clear)
            undo.callback(self._mounted.close)
            if self._network is not None:
                undo.callback(self._network.stop)
                self._network = None
            for program in self.programs.values():
                undo.callback(program.stop)

    @property
    def _meters(self) -> tuple[MeterPlan, ...]:
        return tuple(meter for line in self._lines for meter in line.meters) if self.plan.with_meters else ()

    @property
    def _lines(self) -> tuple[wiring.Line, ...]:
        return wiring.lines((self.plan.mbus_period, MBUS), (self.plan.modbus_period, self.plan.modbus))

    def _add(self, name: str, program: Program) -> None:
        self.programs[name] = program
        if not program.is_running:
            program.start()

    def _log(self, name: str) -> Path:
        return self.plan.directory / "log" / f"{name}.log"

    def _python(self, name: str, module: str, *arguments: str | Path) -> Program:
        return Program(name, [executable, "-m", module, *arguments], self._log(name), directory=self.plan.directory)

    def _ours(self, name: str, module: str, *arguments: str | Path) -> Program:
        """A program of ours, which a fault may befall from within."""
        if not self.plan.can_fail:
            return self._python(name, module, *arguments)
        changes: list[str | Path] = ["--clock", self.clock_of(name)]
        if name == GATEWAY:
            changes.append("--forgetful")
        if self.plan.without and self.plan.without[0] == name:
            changes += ["--without", self.plan.without[1]]
        return self._python(name, "hil_tests.instruments.changed", *changes, module, *arguments)

    def clock_of(self, name: str) -> Path:
        """The file with the ms by which the clock of this program is off."""
        return self.plan.directory / f"{name}.clock"

    @property
    def disturbances(self) -> Path:
        """The file that says what disturbs the wires."""
        return self.plan.directory / wiring.DISTURBANCES

    def _mount(self) -> None:
        for name in self.plan.small_disks:
            folder = self.plan.directory / name
            self.disks[name] = self._mounted.enter_context(small_disk(folder, _MEGABYTES.get(name, _OF_A_NODE)))

    def _store(self) -> str:
        if self.plan.store == "influx":
            port = next(port for port in free_ports(3) if port not in self.plan.ports)  # nobody listens there yet
            program, url = influx.start(self.plan.directory / "influxdb", self._log("influxdb"), port)
            self.programs["influxdb"] = program
            return url
        return {"duckdb": "duckdb:observations.duckdb", "memory": "memory:"}[self.plan.store]

    def _provision(self, store: str) -> None:
        directory = self.plan.directory
        quickstart(directory, CITY, self.plan.broker, self.plan.ports, store)
        config = directory / "collector.toml"
        # The bench starts the broker, so that it can be killed alone.
        config.write_text(config.read_text().replace(f'kind = "{self.plan.broker}"', 'kind = "external"'))
        inventory = Inventory(directory / "inventory.toml")
        others = (OTHERS_THING,) if self.plan.with_others else ()
        for thing in (*(one.thing for one in self.plan.nodes), *(one.thing for one in self._meters), *others):
            if thing.id not in inventory.ids("thing"):
                inventory.add_thing(thing)
        roles: dict[str, Role] = dict.fromkeys((one.publisher for one in self.plan.nodes), "node")
        if self.plan.with_meters:
            roles[GATEWAY] = "gateway"
        if self.plan.with_others:
            roles[OTHERS] = "node"
        authority = Authority(directory)
        for name, role in roles.items():
            if not authority.knows(name):
                authority.issue(name, role)
            if name not in inventory.ids("publisher"):
                inventory.add_publisher(name, role, [t for t, p in self.publishers.items() if p == name])
        write_rights(directory, CITY, self.plan.ports.mqtt)

    def _start_simulators(self) -> None:
        if self.plan.with_meters:
            self._start_meters()
        if self.plan.nodes:
            self._start_sensors()

    def _start_meters(self) -> None:
        meters = self.plan.directory / "meters.toml"
        meters.write_text(wiring.meters(self._lines))
        self._add("meters", self._python("meters", "hil_tests.instruments.meters", meters))
        wait_until(lambda: self._said("meters") >= 2, f"the meters answer: {self._log('meters')}")

    def _start_sensors(self) -> None:
        sensors = self.plan.directory / "sensors.toml"
        sensors.write_text(wiring.sensors(self.plan.nodes, self.plan.clock))
        self._add("sensors", self._python("sensors", "hil_tests.instruments.sensors", sensors))
        wait_until(lambda: self._said("sensors") >= len(self.plan.nodes), f"sensors listen: {self._log('sensors')}")

    def _said(self, name: str) -> int:
        """How many lines or sensors the simulator has announced."""
        program = self.programs[name]
        if program.exit_status is not None:
            raise BenchError(f"the simulated {name} ended:\n{program.last_lines()}")
        return len(program.last_lines(1000).splitlines())

    def _start_nodes(self) -> None:
        if not self.plan.nodes:
            return
        announced = map(json.loads, self.programs["sensors"].last_lines(1000).splitlines())
        ports = {one["thing"]: one["ports"] for one in announced}
        for one in self.plan.nodes:
            self.add_node(one, {name: f"127.0.0.1:{port}" for name, port in ports[one.thing.id].items()})

    def add_node(self, one: NodePlan, hal: dict[str, Any]) -> None:
        """Build and start a node; ``hal`` is what its node.json wires."""
        directory = self.plan.directory
        if self.plan.clock != REAL:
            hal = {**hal, "clock": self.plan.clock._asdict()}
        config = wiring.node(CITY, one, self._port_of_devices, self.plan.period_ms, hal)
        built = node.build(directory / one.publisher, config, directory / "certificates", directory / "ca/ca.der")
        log = self._log(one.publisher)
        program = Program(one.publisher, built.command, log, directory=built.directory, environment=built.environment)
        self._add(one.publisher, program)

    def _write_gateway(self) -> Path:
        file = self.plan.directory / GATEWAY / "gateway.toml"
        file.parent.mkdir(exist_ok=True)
        file.write_text(wiring.gateway(CITY, GATEWAY, self.plan.directory, self._port_of_devices, self._lines))
        return file
