"""How many vehicles went in and out, and how many are inside now? Two beams across the entry of a car park.

``a`` is the beam on the street side. Contacts that record their edges (hal ``beam_a``, ``beam_b``) count every passage
exactly, whatever dies in between: totals and the next edges are one note, written with the reading. Two JSN-SR04T (hal
``ultrasonic_a``, ``ultrasonic_b``) are asked once a sample and serve where vehicles crawl.
"""

from firmware.drivers import jsn_sr04t
from firmware.entry.beams import Contacts, Echoes
from firmware.entry.counting import Counting
from firmware.settings import SettingsError, between, whole


def correction(key: str, value):
    """[number, vehicles inside]: taken once, when the number is another than the last one."""
    if type(value) is list and len(value) == 2 and all(type(one) is int and 0 <= one < 2**30 for one in value):
        return value[0], value[1]
    raise SettingsError(key + ": expected [number, vehicles inside]")


KEYS = {"capacity": between(1, 100000)}
OPTIONAL = {
    "start": (between(0, 100000), 0),  # vehicles inside at the very first start
    "correction": (correction, (0, 0)),
    "heartbeat_ms": (whole, 900000),
    "blocked_below_mm": (between(1, 8000), 1500),  # ultrasound: something stands in the beam
}
QUANTITIES = ("vehicle_count_in", "vehicle_count_out", "occupied_count")
BATTERY = False


def make(settings: dict, hal, note: bytes) -> Counting:
    if hal.has("ultrasonic_a"):
        sensors = [hal.uart(name, jsn_sr04t.BAUD) for name in ("ultrasonic_a", "ultrasonic_b")]
        beams = Echoes(sensors[0], sensors[1], settings["blocked_below_mm"])
    else:
        beams = Contacts(hal.pulses("beam_a"), hal.pulses("beam_b"))
    return Counting(beams, settings, hal.monotonic_ms, note)
