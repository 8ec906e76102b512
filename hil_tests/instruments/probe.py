"""A node without sensors, for tests of what every node does: it measures a distance of ``step`` mm.

``mood``: "crashing" ends it at the first sample, "refusing" while it is put together.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from hil_tests.instruments import node
from hil_tests.instruments.fast_time import REAL, Clock
from hil_tests.instruments.process import Program
from provisioning.broker import port_of

PUBLISHER, THING = "park-0001", "spot-0001"
SOURCE = """
from firmware.nodes import Sample
from firmware.settings import between, text

KEYS, QUANTITIES, BATTERY = {}, ("distance",), False
OPTIONAL = {"step": (between(1, 99), 1), "mood": (text, "fine")}

class Probe:
    def __init__(self, settings):
        self.period_ms, self.faults = settings["period_ms"], {}
        self._step, self._mood = settings["step"], settings["mood"]

    async def sample(self):
        if self._mood == "crashing":
            raise RuntimeError("the mood of the probe")
        return [Sample({"distance": (self._step, -3)})]

    def keep(self, note):
        pass

def make(settings, hal, note):
    if settings["mood"] == "refusing":
        raise ValueError("this mood is not wired")
    return Probe(settings)
"""
CHANGES = {"nodes/probe.py": SOURCE}


def program(
    directory: Path, folder: Path, trust: Mapping[str, Any], clock: Clock = REAL, changes: Mapping[str, str] = CHANGES
) -> Program:
    """The probe as park-0001 of the city of ``directory``; it lies in ``folder``/node."""
    hal = {} if clock == REAL else {"clock": clock._asdict()}
    config = {
        "city": "koper",
        "publisher": PUBLISHER,
        "thing": THING,
        "kind": "probe",
        "period_ms": 200 * clock.speed,
        "broker": {"host": "127.0.0.1", "port": port_of(directory), "server_name": "localhost"},
        "hal": hal,
        "trust": trust,
    }
    made = node.build(folder / "node", config, directory / "certificates", directory / "ca" / "ca.der", changes)
    return Program(PUBLISHER, made.command, folder / "node.log", environment=made.environment)
