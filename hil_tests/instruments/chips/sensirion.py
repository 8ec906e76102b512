"""How do Sensirion's I2C chips frame words, and what do an SHT4x, an SCD41 and an SPS30 answer on that bus?"""

import struct
from collections.abc import Callable, Sequence

from hil_tests.instruments.chips.wire import Wire

Seconds = Callable[[], float]


def crc8(pair: bytes) -> int:
    """The remainder of the pair, its bits inverted by the initial value, divided by x8 + x5 + x4 + 1."""
    rest = (pair[0] ^ 0xFF) << 8 | pair[1]
    for bit in range(15, 7, -1):
        rest ^= (0x131 << bit - 8) * (rest >> bit & 1)
    rest <<= 8
    for bit in range(15, 7, -1):
        rest ^= (0x131 << bit - 8) * (rest >> bit & 1)
    return rest


def framed(words: Sequence[int]) -> bytes:
    """Each word with its checksum."""
    pairs = [word.to_bytes(2) for word in words]
    return b"".join(pair + bytes([crc8(pair)]) for pair in pairs)


def ticks(value: float, low: float, span: float) -> int:
    """A physical value as 16 bits of its scale."""
    return min(max(round((value - low) / span * 65535), 0), 65535)


class Sht4x:
    """``climate`` gives degrees and percent."""

    address = 0x44

    def __init__(self, climate: Callable[[], tuple[float, float]], wire: Wire) -> None:
        self._climate = climate
        self._wire = wire
        self._words: list[int] = []

    def exchange(self, request: bytes, size: int) -> bytes:
        if request and request[0] in (0xFD, 0xF6, 0xE0):
            temperature, humidity = self._climate()
            self._words = [ticks(temperature, -45, 175), ticks(humidity, -6, 125)]
        elif request == b"\x89":
            self._words = [0x1234, 0x5678]
        if not size:
            return b""
        words, self._words = self._words, []
        values = {}
        if words and words[0] != 0x1234:
            values = {
                "temperature": round(-45 + 175 * words[0] / 65535, 2),
                "relative_humidity": round(min(max(-6 + 125 * words[1] / 65535, 0), 100), 2),
            }
        return self._wire.answer(framed(words)[:size], values)


class Scd41:
    """``air`` gives ppm, degrees and percent; a new measurement each five seconds, once it was started."""

    address = 0x62

    def __init__(self, air: Callable[[], tuple[float, float, float]], seconds: Seconds, wire: Wire) -> None:
        self._air = air
        self._seconds = seconds
        self._wire = wire
        self._started: float | None = None
        self._given = 0  # number of the measurement that was read last
        self._words: list[int] = []
        self._values: dict[str, object] = {}
        self.pressure = 1013

    def exchange(self, request: bytes, size: int) -> bytes:
        if len(request) >= 2:
            self._obey(int.from_bytes(request[:2]), request[2:])
        if not size:
            return b""
        answer = self._wire.answer(framed(self._words)[:size], self._values)
        self._words, self._values = [], {}
        return answer

    def _obey(self, command: int, argument: bytes) -> None:
        measured = 0 if self._started is None else int((self._seconds() - self._started) / 5)
        if command == 0x3F86:
            self._started = None
        elif command == 0xE000 and len(argument) == 3 and crc8(argument[:2]) == argument[2]:
            self.pressure = int.from_bytes(argument[:2])
        elif command == 0xE4B8:
            self._words = [0x8006 if measured > self._given else 0x8000]
        elif command == 0xEC05 and measured > self._given:
            self._given = measured
            self._measure(measured)
        elif self._started is None:  # only an idle sensor listens to the rest
            self._obey_idle(command)

    def _obey_idle(self, command: int) -> None:
        if command == 0x21B1:
            self._started, self._given = self._seconds(), 0
        elif command == 0x3682:
            self._words = [0xF896, 0x9F07, 0x3B31]

    def _measure(self, number: int) -> None:
        co2, temperature, humidity = self._air()
        if number == 1:
            co2 = 5000  # the first measurement after power on is not to be used
        self._words = [round(co2), ticks(temperature, -45, 175), ticks(humidity, 0, 100)]
        self._values = {"co2": round(co2)} if number > 1 else {}


class Sps30I2c:
    """``dust`` gives PM1, PM2.5, PM4 and PM10; a new measurement each second, nonsense while it settles."""

    address = 0x69

    def __init__(
        self, dust: Callable[[], tuple[float, float, float, float]], seconds: Seconds, wire: Wire, settle: float = 0.0
    ) -> None:
        self.air = Dust(dust, seconds, settle)
        self._wire = wire
        self._words: list[int] = []
        self._values: dict[str, object] = {}

    def exchange(self, request: bytes, size: int) -> bytes:
        if len(request) >= 2:
            self._obey(int.from_bytes(request[:2]), request[2:])
        if not size:
            return b""
        answer = self._wire.answer(framed(self._words)[:size], self._values)
        self._words, self._values = [], {}
        return answer

    def _obey(self, command: int, argument: bytes) -> None:
        if command == 0x0010 and argument == framed([0x0300]):
            self.air.start()
        elif command == 0x0104:
            self.air.stop()
        elif command == 0x0202:
            self._words = [int(self.air.is_new())]
        elif command == 0x0300 and self.air.is_on:
            data, self._values = self.air.measurement()
            self._words = list(struct.unpack(">20H", data))
        elif command == 0x5607:
            self.air.clean()


class Dust:
    """What an SPS30 has measured, on whichever bus: 40 octets of floats, and what they say."""

    def __init__(
        self, dust: Callable[[], tuple[float, float, float, float]], seconds: Seconds, settle: float = 0.0
    ) -> None:
        self._dust = dust
        self._seconds = seconds
        self._settle = settle
        self._started: float | None = None
        self._cleaned = -1e9
        self._read_at = -1e9
        self.cleanings = 0

    @property
    def is_on(self) -> bool:
        return self._started is not None

    def start(self) -> None:
        self._started = self._seconds()

    def stop(self) -> None:
        self._started = None

    def clean(self) -> None:
        self._cleaned = self._seconds()
        self.cleanings += 1

    def is_new(self) -> bool:
        return self.is_on and self._seconds() - self._read_at >= 1

    def measurement(self) -> tuple[bytes, dict[str, object]]:
        """Nothing is told of what is nonsense."""
        now = self._read_at = self._seconds()
        settled = self._started is not None and now - self._started >= self._settle and now - self._cleaned >= 10
        masses = self._dust() if settled else (1500.0, 1600.0, 1700.0, 1800.0)
        data = struct.pack(">10f", *masses, 90.0, 100.0, 104.0, 105.0, 105.5, 0.55)
        names = ("pm1", "pm2_5", "pm4", "pm10")
        given = struct.unpack(">4f", data[:16])
        return data, dict(zip(names, (round(one, 2) for one in given), strict=True)) if settled else {}
