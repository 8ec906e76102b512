"""How is a PMS5003 asked for its dust? In passive mode: it speaks when it is spoken to."""

from firmware.air.on_request import OnRequest
from firmware.drivers import pms5003 as part


class Sensor(OnRequest):
    """It measures all the time."""

    WARM_UP_MS = part.WARM_UP_MS
    MEASURE_MS = 0
    LIFE_H = part.LIFE_H
    STUCK_AFTER = 30  # its frames also count particles, which never stand still

    def __init__(self, hal, name: str) -> None:
        super().__init__(hal.uart(name, part.BAUD), part, part.PASSIVE)
