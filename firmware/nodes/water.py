"""How much water has gone through the meter, and does some run that should not?

``sensor`` gives pulses; where wired, ``reverse`` those of water that flows backwards, ``tamper`` a loop that somebody
may open, ``pressure`` a voltage.

``water_flags``, bits: 1 continuous flow, 2 burst, 4 back-flow, 8 tampered with, 16 no edge for long, 32 pulses may
have been lost before this reading. ``night_flow`` is the least hour between 02:00 and 04:00, local time.
"""

from firmware.settings import between, decimal, whole
from firmware.spans import span
from firmware.water.meter import Water

KEYS = {"litres_per_pulse": decimal}
OPTIONAL = {
    "rest_ms": (whole, 3600000),  # no pulse for so long is a rest
    "continuous_ms": (whole, 86400000),
    "burst_flow": (decimal, None),  # m3/h; without it there is no burst
    "burst_ms": (whole, 300000),
    "back_flow_pulses": (between(1, 65535), 2),
    "stuck_ms": (whole, 2592000000),  # 30 days
    "tamper_level": (between(0, 1), 1),  # of an opened loop
    "pressure_mv": (span(0, 5000), (500, 4500)),  # as the pin sees it, behind a divider
    "pressure_mbar": (span(-1000, 100000), (0, 10000)),  # at these two voltages
}
QUANTITIES = (
    "water_volume",
    "water_volume.reverse",
    "water_flow",
    "water_flags",
    "pulse_epoch",
    "night_flow",
    "pressure",
)
BATTERY = True


def make(settings: dict, hal, note: bytes) -> Water:
    wires = {"pulses": hal.pulses("sensor")}
    for name, open_one in (("reverse", hal.pulses), ("tamper", hal.input), ("pressure", hal.analog)):
        if hal.has(name):
            wires[name] = open_one(name)
    return Water(wires, settings, hal.now_ms, note)
