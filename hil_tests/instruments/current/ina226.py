"""How does a shunt with an INA226 measure a node? On the I2C of a spare board, a mean of 1024 conversions at a time.

port = "/dev/serial/by-id/..."    # of the spare board
scl = 22
sda = 21
shunt = 0.1                       # ohm
address = 0x40

One step is 2.5 uV: 25 uA at 0.1 ohm. The mean over sleeps and wakes is well above that, a chip asleep is not.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from pydantic import Field

from hil_tests.instruments.drivers import Place
from hil_tests.instruments.process import BenchError
from hil_tests.instruments.scenario import Strict
from hil_tests.instruments.spare_board import run

STEP_UV = 2.5  # data sheet, register 1
MEAN_S = 1.127  # 1024 conversions of 1.1 ms
CONFIGURATION = 0x4F25  # register 0: 1024 conversions in a mean, 1.1 ms each, shunt voltage without end
# Register 6, bit 3: a mean is ready; reading it clears the bit. The first mean began before we did.
_CODE = """
import time
from machine import I2C, Pin
bus = I2C(0, scl=Pin({scl}), sda=Pin({sda}), freq=100000)
bus.writeto_mem({address}, 0, ({configuration}).to_bytes(2, "big"))
def mean():
    end = time.ticks_add(time.ticks_ms(), 5000)
    while not bus.readfrom_mem({address}, 6, 2)[1] & 8:
        if time.ticks_diff(end, time.ticks_ms()) < 0:
            raise OSError("no mean within 5 s")
        time.sleep_ms(10)
    high, low = bus.readfrom_mem({address}, 1, 2)
    return ((high << 8 | low) ^ 0x8000) - 0x8000
mean()
print(*[mean() for _ in range({count})])
"""


class Settings(Strict):
    port: str = Field(min_length=1)
    scl: int = Field(ge=0, le=48)
    sda: int = Field(ge=0, le=48)
    shunt: float = Field(gt=0)
    address: int = Field(default=0x40, ge=0x40, le=0x4F)


class Shunt:
    def __init__(self, settings: Settings, device: str) -> None:
        self._settings = settings
        self._what = f"current of {device}"

    def mean(self, seconds: float) -> float:
        one, count = self._settings, int(seconds / MEAN_S) + 1
        code = _CODE.format(scl=one.scl, sda=one.sda, address=one.address, count=count, configuration=CONFIGURATION)
        said = run(one.port, code, (count + 1) * MEAN_S, self._what)
        try:
            steps = [int(word) for word in said.split()]
        except ValueError:
            raise BenchError(f"{self._what}: the board says {said!r}") from None
        if len(steps) != count:
            raise BenchError(f"{self._what}: {len(steps)} means came of {count}")
        return STEP_UV / 1000 * sum(steps) / count / one.shunt


@contextmanager
def opened(settings: Settings, place: Place) -> Iterator[Shunt]:
    yield Shunt(settings, place.device)
