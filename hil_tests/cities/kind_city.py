"""What does a test of a node kind need? A city of its nodes alone, when its sensors began, and what was stored."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from hil_tests.cities.city import Plan, VirtualCity
from hil_tests.cities.koper import NodePlan, thing
from hil_tests.instruments.fast_time import REAL, Clock
from hil_tests.instruments.process import free_ports
from hil_tests.judging.comparison import Stored
from provisioning.quickstart import Ports


def plan(identifier: str, kind: str, sensor: Mapping[str, Any], settings: Mapping[str, Any]) -> NodePlan:
    """The node ``node-<thing>`` of a thing somewhere in Koper."""
    there = thing(identifier, (identifier,) * 3, (13.7301, 45.5483), "mobility")
    return NodePlan(f"node-{identifier}", kind, there, sensor, settings)


@contextmanager
def running(directory: Path, *nodes: NodePlan, clock: Clock = REAL) -> Iterator[VirtualCity]:
    """Broker, collector, sensors and nodes, until the block ends."""
    city = VirtualCity(Plan(directory, Ports(*free_ports(2)), nodes=nodes, with_meters=False, clock=clock))
    try:
        city.start()
        yield city
    finally:
        city.stop()


def begun_ms(city: VirtualCity) -> int:
    """When the sensors' scenario began, ms UTC on the city's clock, as they announced it."""
    return int(json.loads(city.programs["sensors"].log.read_text().splitlines()[0])["begun_ms"])


def changes_of(stored: list[Stored]) -> list[Stored]:
    """The observations at which the value became another, oldest first."""
    found: list[Stored] = []
    for one in sorted(stored):
        if not found or found[-1].value != one.value:
            found.append(one)
    return found
