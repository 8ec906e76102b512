"""How is an SDS011 asked for its dust? It sleeps most of each period, for its laser's sake."""

from firmware.air.on_request import OnRequest
from firmware.drivers import sds011 as part


class Sensor(OnRequest):
    """Awake for half a minute of warming up and half a minute of measuring, at the end of each period."""

    WARM_UP_MS = part.WARM_UP_MS
    MEASURE_MS = part.MEASURE_MS
    LIFE_H = part.LIFE_H
    STUCK_AFTER = 360  # two numbers in tenths: in clean air they may well stay

    def __init__(self, hal, name: str) -> None:
        super().__init__(hal.uart(name, part.BAUD), part, part.ON_REQUEST)
