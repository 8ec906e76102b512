"""How high does water stand in the underpass, the car park, the sewer, and is it a flood?

A float switch (hal ``float``), a JSN-SR04T that looks down from ``height_mm`` above the floor (hal ``sensor``), or
both, which is what makes a warning early and sure. A change is published at once, before everything else. While water
rises, and while anything is doubtful, the node looks every ``fast_ms``; calm looks double the time back to
``period_ms``.
"""

from firmware.drivers import jsn_sr04t
from firmware.settings import between, whole
from firmware.spans import span
from firmware.water.level import Level

KEYS = {"height_mm": between(jsn_sr04t.BLIND_MM, jsn_sr04t.FARTHEST_MM)}
OPTIONAL = {
    "thresholds_mm": (span(1, jsn_sr04t.FARTHEST_MM), (30, 200)),  # wet, flooded, above the floor
    "fast_ms": (whole, 1000),
    "level_when_up": (between(0, 1), 0),  # of the float's input; 1: a contact that opens
}
QUANTITIES = ("level", "distance", "float_switch", "flood_state")
BATTERY = True


def make(settings: dict, hal, _note: bytes) -> Level:
    switch = hal.input("float") if hal.has("float") else None
    uart = hal.uart("sensor", jsn_sr04t.BAUD) if hal.has("sensor") else None
    if switch is None and uart is None:
        raise KeyError("float, sensor")
    return Level(switch, uart, settings)
