"""The virtual city: real broker, collector, nodes and gateway around simulated sensors and meters.

Every program runs as its own process, as in the street; the sensors and meters are processes of their own, so that
they outlive what reads them. ``Plan`` says what, ``VirtualCity`` builds it in a directory, starts and supervises it.
"""

import json
import time
from dataclasses import dataclass, field
from pathlib import Path
from sys import executable
from typing import Any

from hil_tests.door import Door, opened
from hil_tests.events import Death, Event
from hil_tests.instruments import broker, influx, node
from hil_tests.instruments.fast_time import REAL, Clock
from hil_tests.instruments.process import BenchError, Program, answers, free_ports, is_free, wait_until
from hil_tests.instruments.proxy import Proxy
from hil_tests.koper import MBUS, MODBUS, NODES, MeterPlan, NodePlan
from provisioning.authority import Authority, Role
from provisioning.broker import Kind
from provisioning.broker import write as write_rights
from provisioning.inventory import Inventory
from provisioning.quickstart import Ports, quickstart

CITY = "koper"
GATEWAY = "gw-0001"


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
    has_network: bool = False
    """Devices reach the broker over a stretch of network that can fail."""
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
        return nodes | {one.thing.id: GATEWAY for one in self._meters}

    @property
    def truth(self) -> list[Path]:
        files = [self.plan.directory / "meters.truth.jsonl", self.plan.directory / "sensors.truth.jsonl"]
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
        store = self._store()
        self._provision(store)
        self._start_simulators()
        self._add("broker", broker.program(self.plan.broker, self.plan.directory, self._log("broker")))
        wait_until(lambda: answers(self.plan.ports.mqtt), f"the broker listens: {self._log('broker')}")
        if self.plan.has_network:
            port = next(port for port in free_ports(6) if port not in self.plan.ports)
            self._network = Proxy(port, self.plan.ports.mqtt)
            self._network.start()
        config = self.plan.directory / "collector.toml"
        self._add("collector", self._python("collector", "collector", "--config", config))
        wait_until(lambda: answers(self.plan.ports.http), f"the collector serves: {self._log('collector')}", 60)
        self._door = opened(self.url, config)
        self._start_nodes()
        if self.plan.with_meters:
            self._add(GATEWAY, self._python(GATEWAY, "edge", "--config", self._write_gateway()))

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
        self._down[name] = REAL.now_ms()
        self.programs[name].kill()

    def up(self, name: str) -> None:
        """Start what is down; its death is on record from now on."""
        self.programs[name].start()
        self.events.append(Death(name, self._down.pop(name), REAL.now_ms()))

    def stop(self) -> None:
        """Leave no process behind, devices first."""
        for program in reversed(self.programs.values()):
            program.stop()
        if self._network is not None:
            self._network.stop()
            self._network = None

    @property
    def _meters(self) -> tuple[MeterPlan, ...]:
        return (*MBUS, *MODBUS) if self.plan.with_meters else ()

    def _add(self, name: str, program: Program) -> None:
        self.programs[name] = program
        if not program.is_running:
            program.start()

    def _log(self, name: str) -> Path:
        return self.plan.directory / "log" / f"{name}.log"

    def _python(self, name: str, module: str, *arguments: str | Path) -> Program:
        return Program(name, [executable, "-m", module, *arguments], self._log(name), directory=self.plan.directory)

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
        for thing in (*(one.thing for one in self.plan.nodes), *(one.thing for one in self._meters)):
            if thing.id not in inventory.ids("thing"):
                inventory.add_thing(thing)
        roles: dict[str, Role] = dict.fromkeys((one.publisher for one in self.plan.nodes), "node")
        if self.plan.with_meters:
            roles[GATEWAY] = "gateway"
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
        meters.write_text(
            'truth = "meters.truth.jsonl"\n'
            + _simulated_line("cellar", "mbus", MBUS)
            + _simulated_line("switchboard", "modbus-rtu", MODBUS)
        )
        self._add("meters", self._python("meters", "hil_tests.instruments.meters", meters))
        wait_until(lambda: self._said("meters") >= 2, f"the meters answer: {self._log('meters')}")

    def _start_sensors(self) -> None:
        sensors = self.plan.directory / "sensors.toml"
        clock = ", ".join(f"{key} = {value}" for key, value in self.plan.clock._asdict().items())
        head = f'truth = "sensors.truth.jsonl"\nseed = 7\nclock = {{ {clock} }}\n'
        sensors.write_text(head + "".join(map(_simulated_sensor, self.plan.nodes)))
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
        config = {
            "city": CITY,
            "publisher": one.publisher,
            "thing": one.thing.id,
            "kind": one.kind,
            "period_ms": self.plan.period_ms,
            "broker": {"host": "127.0.0.1", "port": self._port_of_devices, "server_name": "localhost"},
            "hal": hal,
            **one.settings,
        }
        built = node.build(directory / one.publisher, config, directory / "certificates", directory / "ca/ca.der")
        log = self._log(one.publisher)
        program = Program(one.publisher, built.command, log, directory=built.directory, environment=built.environment)
        self._add(one.publisher, program)

    def _write_gateway(self) -> Path:
        directory = self.plan.directory
        file = directory / "gateway.toml"
        lines = [
            _gateway_line("cellar", "mbus", "primary_address", directory, MBUS, self.plan.mbus_period),
            _gateway_line("switchboard", "modbus-rtu", "unit_id", directory, MODBUS, self.plan.modbus_period),
        ]
        certificate = f"certificates/{GATEWAY}"
        file.write_text(
            f'city = "{CITY}"\npublisher = "{GATEWAY}"\noutbox = "gateway.sqlite"\nclock = "host"\n\n'
            '[collector]\nkey = "certificates/collector.pem"\n\n[broker]\n'
            f'port = {self._port_of_devices}\nca = "ca/ca.pem"\n'
            f'certificate = "{certificate}.pem"\nkey = "{certificate}.key"\n' + "".join(lines)
        )
        return file


def _simulated_line(name: str, kind: str, meters: tuple[MeterPlan, ...]) -> str:
    baud = 2400 if kind == "mbus" else 9600
    lines = [f'\n[[line]]\nname = "{name}"\nkind = "{kind}"\nlink = "{name}.tty"\nbaud = {baud}\n']
    lines += [f'[[line.meter]]\nthing = "{m.thing.id}"\nmodel = "{m.model}"\naddress = {m.address}\n' for m in meters]
    return "".join(lines)


def _simulated_sensor(one: NodePlan) -> str:
    more = "".join(f"{key} = {json.dumps(value)}\n" for key, value in one.sensor.items())
    return f'\n[[sensor]]\nthing = "{one.thing.id}"\nkind = "{one.kind}"\n{more}'


def _gateway_line(  # noqa: PLR0913, PLR0917  # what a line of gateway.toml has
    name: str, kind: str, address: str, directory: Path, meters: tuple[MeterPlan, ...], period: int
) -> str:
    baud = 2400 if kind == "mbus" else 9600
    head = (
        f'\n[[line]]\nname = "{name}"\nkind = "{kind}"\nport = "{directory / name}.tty"\n'
        f'baud = {baud}\nparity = "N"\n'  # a pty knows no parity: it refuses even, once it is configured
    )
    lines = [head]
    lines += [
        f'[[line.meter]]\nthing = "{m.thing.id}"\nprofile = "{m.profile}"\n{address} = {m.address}\nperiod = {period}\n'
        for m in meters
    ]
    return "".join(lines)
