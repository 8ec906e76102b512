"""Which virtual city is the bench of a rig? The virtual Koper, as far as the rig names it."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from shutil import rmtree

from hil_tests.bench.file import Rig
from hil_tests.bench.nouns import NodeEntry
from hil_tests.cities.city import GATEWAY, Plan, VirtualCity
from hil_tests.cities.koper import MBUS, MODBUS, NODES, NodePlan
from hil_tests.instruments.process import BenchError, free_ports
from hil_tests.instruments.stimulus.virtual import STILL
from provisioning.broker import Kind
from provisioning.quickstart import Ports

LINES = {"cellar": MBUS, "switchboard": MODBUS}
"""Of its gateway."""


@contextmanager
def virtual_city(rig: Rig) -> Iterator[VirtualCity]:
    """Built, started, and gone at the end; BenchError where the rig names what Koper has not."""
    nodes = _nodes(rig)
    directory = Path(tempfile.mkdtemp(prefix="senzorika-rig-"))
    broker: Kind = "mosquitto" if rig.broker.driver == "mosquitto" else "nats"
    ports, store = Ports(*free_ports(2)), rig.collector.store
    plan = Plan(directory / "city", ports, broker, store, nodes=nodes, with_meters=bool(rig.gateway), can_fail=True)
    city = VirtualCity(plan)
    try:
        city.start()
        yield city
    finally:
        city.stop()
        rmtree(directory, ignore_errors=True)


def _nodes(rig: Rig) -> tuple[NodePlan, ...]:
    known = {one.publisher: one for one in NODES}
    if missing := [one.name for one in rig.node if one.name not in known]:
        raise BenchError(f"rig {rig.name}: the virtual Koper has no node {' '.join(missing)}")
    if strange := [one.name for one in rig.gateway if one.name != GATEWAY]:
        raise BenchError(f"rig {rig.name}: the virtual Koper has no gateway {' '.join(strange)}")
    if strange := [one.name for noun, _, one in rig.parts if noun != "line" or one.name not in LINES]:
        raise BenchError(f"rig {rig.name}: the gateway of the virtual Koper has no {' '.join(strange)}")
    stimulated = {one.node for one in rig.stimulus if one.driver == "virtual"}
    return tuple(_planned(known[one.name], one, one.name in stimulated) for one in rig.node)


def _planned(known: NodePlan, entry: NodeEntry, is_stimulated: bool) -> NodePlan:
    if known.kind != entry.kind or known.thing.id != entry.thing:
        raise BenchError(f"the virtual Koper has {entry.name} as a {known.kind} node of {known.thing.id}")
    settings = entry.battery.settings if entry.battery else {}
    still = STILL.get(known.kind, {}) if is_stimulated else {}
    return known._replace(settings={**known.settings, **settings}, sensor={**known.sensor, **still})
