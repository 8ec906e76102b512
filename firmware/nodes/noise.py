"""How loud is it here? Levels from an I2S microphone, never the sound itself.

The microphone is read without a pause: every sample() takes in one second of sound, and at the end of a period says
what it was like. No sample of sound is kept longer than 25 ms, and nothing that is published can be turned back into
sound: the shortest value is a level over one second, and that only where ``seconds`` asks for it.

``calibration_db`` belongs to each microphone (an INMP441 is 3 dB off either way): what has to be added, found beside a
calibrator or a sound level meter. The digital A-weighting is within the class 1 limits; microphone and housing are not
certified, so the node is no class 1 or 2 instrument.
"""

from firmware.noise import a_weighting
from firmware.noise.noise import LEVELS, Noise
from firmware.settings import SettingsError, yes_or_no

_LARGEST_CALIBRATION_DB = 30


def calibration(key: str, value):
    """Whole dB, or [integer, exponent]: -1.5 is [-15, -1]. Returns (integer, exponent)."""
    if type(value) is int:
        value = [value, 0]
    if type(value) is list and len(value) == 2 and type(value[0]) is type(value[1]) is int and -3 <= value[1] <= 0:
        if abs(value[0]) <= _LARGEST_CALIBRATION_DB * 10 ** -value[1]:
            return value[0], value[1]
    raise SettingsError(key + ": expected dB from -30 to 30, whole or as [integer, exponent]")


KEYS = {"calibration_db": calibration}
OPTIONAL = {"seconds": (yes_or_no, False)}
QUANTITIES = LEVELS + ("overload_count", "lost_samples", "measured_time")
BATTERY = False
_LONGEST_MS = 3600000  # a class of the percentiles counts to 65535


def make(settings: dict, hal, _note: bytes) -> Noise:
    if settings["period_ms"] % 1000 or settings["period_ms"] > _LONGEST_MS:
        raise SettingsError("period_ms: expected whole seconds, an hour at most")
    return Noise(hal.microphone("microphone", a_weighting.RATE), settings, hal.monotonic_ms)
