"""Is the parking spot under or above this sensor free? Any of four sensors, or several that check each other.

What hal wires is asked: ``magnetometer`` (I2C), ``ultrasonic`` or ``sensor`` (JSN-SR04T), ``radar`` (LD2410), ``tof``
(VL53L1X). A change is published at once, before everything else; what each sensor measured, and the magnetic field of
the empty spot (``magnetic_field.s1``), with every change and every ``heartbeat_ms``. A spot with nothing but a
magnetometer is commissioned empty, and after ``relearn`` was changed it must be empty too.
"""

from firmware.settings import between, whole
from firmware.spans import span
from firmware.spot.parking import Parking

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
