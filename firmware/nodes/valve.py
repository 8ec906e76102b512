"""Is the valve where it was told to be? A relay or two move it; end switches or a potentiometer say where it is.

``relay`` alone: energised it goes one way, released the other. ``relay_open`` and ``relay_close``: both released, it
stands. Feedback: ``end_open`` and ``end_closed``, contacts that close to low, or ``position``, an analogue input.
``interlock``: an input that forbids moves. A command is done when the valve was seen where it should be.
"""

from firmware.drivers.valve_feedback import CLOSED, OPEN
from firmware.settings import between, choice, whole
from firmware.valve import HOLD, Valve

KEYS = {}
OPTIONAL = {
    "energised": (choice(OPEN, CLOSED), OPEN),  # where a single relay drives to
    "travel_ms": (whole, 30000),  # a move that takes longer has failed
    "safe_state": (choice(OPEN, CLOSED, HOLD), HOLD),
    "safe_after_ms": (between(0, 10**9), 0),  # without a word of the city; 0: never
    "heartbeat_ms": (whole, 900000),
    "closed_mv": (between(0, 5000), 500),
    "open_mv": (between(0, 5000), 2500),
    "tolerance": (between(1, 49), 5),  # percent
    "interlock_forbids": (choice(OPEN, CLOSED, "both"), "both"),
    "interlock_active": (between(0, 1), 0),  # the level that forbids
}
QUANTITIES = ("valve_state", "valve_position")
BATTERY = False


def make(settings: dict, hal, _note: bytes) -> Valve:
    parts = {}
    for name in ("relay", "relay_open", "relay_close"):
        if hal.has(name):
            parts[name] = hal.output(name)
    for name in ("end_open", "end_closed", "interlock"):
        if hal.has(name):
            parts[name] = hal.input(name)
    if hal.has("position"):
        parts["position"] = hal.analog("position")
    if not ("relay" in parts or ("relay_open" in parts and "relay_close" in parts)):
        raise ValueError("relay, or relay_open and relay_close: missing")
    if not ("position" in parts or ("end_open" in parts and "end_closed" in parts)):
        raise ValueError("position, or end_open and end_closed: missing")
    return Valve(settings, parts, hal)
