"""What can a fault befall? The kinds of device that the matrix judges, each with the one that is hit."""

from collections.abc import Iterable
from typing import NamedTuple

from hil_tests.cities.city import GATEWAY, OTHERS
from hil_tests.cities.koper import MBUS, MODBUS, NODES, OTHERS_THING


class Target(NamedTuple):
    """``publisher`` is the device; ``wire`` is what carries its readings: a line, or the thing at the end of a wire."""

    name: str
    publisher: str
    wire: str
    one: str
    """A thing on this wire."""
    things: frozenset[str]
    """Everything of this kind in the city."""

    @property
    def is_gateway(self) -> bool:
        return self.publisher == GATEWAY


def _things(kind: str) -> frozenset[str]:
    return frozenset(node.thing.id for node in NODES if node.kind == kind)


PARKING = Target("parking node", "park-0002", "spot-0002", "spot-0002", _things("parking"))
WATER = Target("water node", "water-0001", "shaft-0001", "shaft-0001", _things("water"))
ON_MBUS = Target("gateway M-Bus", GATEWAY, "cellar", MBUS[1].thing.id, frozenset(one.thing.id for one in MBUS))
ON_MODBUS = Target("gateway Modbus", GATEWAY, "switchboard", MODBUS[2].thing.id, frozenset(m.thing.id for m in MODBUS))
TARGETS = (PARKING, WATER, ON_MBUS, ON_MODBUS)
OTHERS_SENSOR = Target("others' sensor", OTHERS, OTHERS_THING.id, OTHERS_THING.id, frozenset((OTHERS_THING.id,)))
"""Judged in a city that has it; it knows no receipts, so faults of a broker may cost it values."""


def publishers(several: Iterable[Target]) -> list[str]:
    """Each once."""
    return list(dict.fromkeys(one.publisher for one in several))
