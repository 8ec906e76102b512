"""Is the parking spot under or above this sensor free? Any of four sensors, or several that check each other.

What hal wires is asked: ``magnetometer`` (I2C), ``ultrasonic`` or ``sensor`` (JSN-SR04T), ``radar`` (LD2410), ``tof``
(VL53L1X). A change is published at once, before everything else; what each sensor measured, and the magnetic field of
the empty spot (``magnetic_field.s1``), with every change and every ``heartbeat_ms``. A spot with nothing but a
magnetometer is commissioned empty, and after ``relearn`` was changed it must be empty too.
"""

import struct

from firmware.drivers import DriverError
from firmware.nodes import Sample
from firmware.settings import between, whole
from firmware.spans import span
from firmware.spot.occupancy import FREE, UNKNOWN, Occupancy, combined

KEYS = {}
OPTIONAL = {
    "debounce": (between(1, 100), 3),  # samples that must agree
    "recheck_ms": (whole, 5000),  # how soon the next of them comes, where that is sooner than period_ms
    "heartbeat_ms": (whole, 900000),
    "unknown_after_ms": (whole, 300000),  # without an answer, or while the sensors contradict each other
    "distance_mm": (span(1, 8000), (1200, 1600)),  # occupied below the first, free above the second
    "radar_energy": (between(1, 100), 40),  # %, least of an occupied spot
    "magnetic_nt": (span(1, 1000000), (4000, 8000)),  # deviation: free below the first, occupied above the second
    "magnetic_drift_nt": (between(0, 100000), 1000),  # that the baseline may follow in an hour
    "magnetic_degree_nt": (between(0, 10000), 50),  # allowed per degree since it last did
    "relearn": (between(0, 2**30), 0),  # a new number: the spot is empty now, learn its field anew
}
QUANTITIES = (
    "occupancy",
    "distance",
    "distance.u2",  # by time of flight, where ultrasound measures the other
    "magnetic_field",
    "magnetic_field.s1",
    "magnetic_deviation",
    "radar_distance",
    "radar_energy",
)
BATTERY = True
_NOTE = "<BI"  # version, number of the last relearning; then the baseline
_VERSION = 1
_DOZE = "<BBBIIIB"  # state, candidate, times, doubt, ms without a reading, period, what sensors said; then a note
_WORDS = (UNKNOWN, FREE, "occupied")


class Parking:
    """``sensors``: name -> one of firmware.spot; ``magnetic``: the one that learns, if there is one."""

    def __init__(self, sensors: dict, magnetic, settings: dict, monotonic_ms, note: bytes) -> None:
        self.period_ms = self._calm_ms = settings["period_ms"]
        self._recheck_ms = min(settings["recheck_ms"], self._calm_ms)
        self.faults = {}
        self._sensors = sensors
        self._magnetic = magnetic
        self._heartbeat_ms = settings["heartbeat_ms"]
        self._relearn = settings["relearn"]
        self._monotonic_ms = monotonic_ms
        self._occupancy = Occupancy(settings["debounce"], settings["unknown_after_ms"])
        self._last_ms = None  # of the sample before
        self._quiet_ms = 0  # since the last reading
        self._take(note)

    async def sample(self) -> list:
        now = self._monotonic_ms()
        elapsed = 0 if self._last_ms is None else now - self._last_ms
        self._last_ms = now
        self._quiet_ms += elapsed
        values, evidence, quality = {}, [], {}
        for name, sensor in self._sensors.items():
            try:
                evidence.append((sensor.weight, await sensor.look(values)))
            except DriverError as error:
                self._fault(name, str(error))
                continue
            for quantity in sensor.suspect:
                quality[quantity] = "suspect"
        changed = self._occupancy.judge(evidence, elapsed)
        self.period_ms = self._calm_ms if self._occupancy.is_settled else self._recheck_ms
        if self._magnetic is not None:
            self._magnetic.learn(self._is_free(self._magnetic), elapsed)
        if self._contradict(evidence):
            quality["occupancy"] = "suspect"
            self._fault("sensors", "disagree")
        if not changed and not (values and self._is_due()):
            return []
        self._quiet_ms = 0
        values["occupancy"] = self._occupancy.state
        return [Sample(values, changed, self._note(), quality=quality)]

    def _is_due(self) -> bool:
        return self._quiet_ms >= self._heartbeat_ms or self._heartbeat_ms <= self._calm_ms

    def _is_free(self, magnetic) -> bool:
        """Whether what the magnetometer sees now is the empty spot: on its own word only to begin with."""
        alone = len(self._sensors) == 1 and magnetic.baseline.field is None
        return alone or self._occupancy.state == FREE

    def _contradict(self, evidence: list) -> bool:
        return combined(evidence) == UNKNOWN and not all(says == UNKNOWN for _weight, says in evidence)

    def _fault(self, sensor: str, name: str) -> None:
        if len(self._sensors) > 1:
            name = sensor + "_" + name
        self.faults[name] = self.faults.get(name, 0) + 1

    # ---- what survives

    def keep(self, note: bytes) -> None:
        """The baseline is durable; nothing waits for it."""

    def _note(self) -> bytes:
        learnt = b"" if self._magnetic is None else self._magnetic.baseline.remember()
        return struct.pack(_NOTE, _VERSION, self._relearn) + learnt

    def _take(self, note: bytes) -> None:
        start = struct.calcsize(_NOTE)
        if self._magnetic is None or len(note) != start + self._magnetic.baseline.SIZE or note[0] != _VERSION:
            return
        if struct.unpack(_NOTE, note[:start])[1] == self._relearn:
            self._magnetic.baseline.recall(note[start:])

    def remember(self) -> bytes:
        """What a board that sleeps between samples keeps in the memory that deep sleep does not clear."""
        state, candidate, times, doubt_ms = self._occupancy.remember()
        said = 0
        for sensor in self._sensors.values():
            said = said * 3 + _WORDS.index(sensor.says)
        doze = struct.pack(_DOZE, state, candidate, times, doubt_ms, self._quiet_ms, self.period_ms, said)
        return doze + self._note()

    def recall(self, octets: bytes) -> None:
        """Go on from ``remember``, one of its periods later."""
        start = struct.calcsize(_DOZE)
        if len(octets) < start:
            return
        state, candidate, times, doubt_ms, self._quiet_ms, self.period_ms, said = struct.unpack(_DOZE, octets[:start])
        self._occupancy.recall(state, candidate, times, doubt_ms)
        for sensor in reversed(list(self._sensors.values())):
            sensor.says = _WORDS[said % 3]
            said //= 3
        self._take(octets[start:])
        self._last_ms = self._monotonic_ms() - self.period_ms


def make(settings: dict, hal, note: bytes) -> Parking:
    sensors, magnetic = {}, None
    name = "ultrasonic" if hal.has("ultrasonic") else "sensor"
    if hal.has(name):
        sensors[name] = _ultrasonic(name, settings, hal)
    if hal.has("tof"):
        sensors["tof"] = _light("distance.u2" if sensors else "distance", settings, hal)
    if hal.has("magnetometer"):
        sensors["magnetometer"] = magnetic = _magnetic(settings, hal)
    if hal.has("radar"):
        sensors["radar"] = _radar(settings, hal)
    if not sensors:
        raise KeyError("sensor")
    return Parking(sensors, magnetic, settings, hal.monotonic_ms, note)


def _ultrasonic(name: str, settings: dict, hal):
    from firmware.spot.distance import Ultrasonic, jsn_sr04t

    below, above = settings["distance_mm"]
    return Ultrasonic(hal.uart(name, jsn_sr04t.BAUD), below, above, "distance")


def _light(quantity: str, settings: dict, hal):
    from firmware.spot.distance import Light
    from firmware.spot.time_of_flight import TimeOfFlight

    below, above = settings["distance_mm"]
    return Light(TimeOfFlight(hal.i2c("tof"), hal.sleep_ms), below, above, quantity)


def _magnetic(settings: dict, hal):
    from firmware.spot.baseline import Baseline
    from firmware.spot.magnetic import Magnetic
    from firmware.spot.magnetometer import Magnetometer

    free, occupied = settings["magnetic_nt"]
    learnt = Baseline(occupied, free, settings["magnetic_drift_nt"], settings["magnetic_degree_nt"])
    return Magnetic(Magnetometer(hal.i2c("magnetometer"), hal.sleep_ms), learnt)


def _radar(settings: dict, hal):
    from firmware.spot.radar import Radar, ld2410

    return Radar(hal.uart("radar", ld2410.BAUD), settings["radar_energy"])
