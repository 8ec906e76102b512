"""Is this setting a pair of rising whole numbers? For two thresholds that only make sense together."""

from firmware.settings import SettingsError


def span(low: int, high: int):
    """A check: [first, second] with low <= first < second <= high. Returns a tuple."""

    def check(key: str, value):
        if (
            type(value) is list
            and len(value) == 2
            and type(value[0]) is type(value[1]) is int
            and low <= value[0] < value[1] <= high
        ):
            return value[0], value[1]
        raise SettingsError(key + ": expected [low, high], rising, from " + str(low) + " to " + str(high))

    return check
