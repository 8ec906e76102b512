"""Which protection is missed by which fault? For each, where the matrix must fail once it is switched off.

A protection that nothing misses proves nothing: ``make matrix WITHOUT=receipt`` runs the fault that needs it.
"""

from collections.abc import Mapping
from typing import NamedTuple

from hil_tests.cities.city import GATEWAY
from hil_tests.cities.koper import MODBUS, MeterPlan
from hil_tests.harm.faults import LASTS
from hil_tests.harm.targets import ON_MODBUS, OTHERS_SENSOR
from provisioning.broker import Kind

LOST = ("missing", "holes")  # what was measured just before the fault is no value of its time, but misses in the ledger


class Bite(NamedTuple):
    """``protection`` is what ``instruments/protections`` knows by that name, in this program."""

    program: str
    broker: Kind
    fault: str
    device: str
    columns: tuple[str, ...]
    """Of the matrix: one of them is not 0 then."""
    lasts: float = LASTS
    """s of the fault until one can count on it."""
    modbus: tuple[MeterPlan, ...] = MODBUS
    times: int = 1
    """How often it befalls the city at most."""


BITES: Mapping[str, Bite] = {
    # It acknowledges what it denies. mosquitto hangs up then, often before its PUBACK is read: little is lost by that.
    "receipt": Bite(GATEWAY, "nats", "rights lost", ON_MODBUS.name, LOST),
    # Nothing was synced, so nothing is left.
    "outbox-flush": Bite(GATEWAY, "nats", "power cut alone", ON_MODBUS.name, LOST),
    # Receipts do not come back: what was stored is published again.
    "dedupe": Bite("collector", "nats", "network deaf", ON_MODBUS.name, ("repeated",)),
    # Alone on its line, so that its own next question comes at once, and is answered by what came late.
    "stale-reply": Bite(GATEWAY, "nats", "answers late", ON_MODBUS.name, ("wrong",), 50.0, MODBUS[2:3]),
    # Who has no outbox has no receipts: all that stands behind its PUBACK is the collector's.
    "puback-after-commit": Bite("collector", "nats", "collector killed", OTHERS_SENSOR.name, LOST, times=4),
}
