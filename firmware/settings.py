"""Is one key of node.json, or of a configuration, right? A missing or wrong one is one line that names it."""

from firmware.contract import ContractError


class SettingsError(ContractError):
    """It can't be used; the text names the key."""


def text(key: str, value):
    if type(value) is not str or not value:
        raise SettingsError(key + ": expected text")
    return value


def whole(key: str, value):
    if type(value) is not int or value < 1:
        raise SettingsError(key + ": expected a whole number over 0")
    return value


def table(key: str, value):
    if type(value) is not dict:
        raise SettingsError(key + ": expected an object")
    return value


def check(path: str, given: dict, keys: dict) -> dict:
    """``keys`` names each required key and the function that checks it."""
    checked = {}
    for key, check_one in keys.items():
        if key not in given:
            raise SettingsError(path + key + ": missing")
        checked[key] = check_one(path + key, given[key])
    return checked


def between(low: int, high: int):
    """A check: a whole number from ``low`` to ``high``."""

    def check_one(key: str, value):
        if type(value) is not int or not low <= value <= high:
            raise SettingsError(key + ": expected a whole number from " + str(low) + " to " + str(high))
        return value

    return check_one


def choice(*words: str):
    """A check: one of these words."""

    def check_one(key: str, value):
        if value not in words:
            raise SettingsError(key + ": expected one of " + " ".join(words))
        return value

    return check_one


def yes_or_no(key: str, value):
    if type(value) is not bool:
        raise SettingsError(key + ": expected true or false")
    return value


def decimal(key: str, value):
    """A positive whole number, or [integer, exponent]: 0.5 is [5, -1]. Returns (integer, exponent)."""
    if type(value) is int and value > 0:
        return value, 0
    if type(value) is list and len(value) == 2 and type(value[0]) is type(value[1]) is int and value[0] > 0:
        return value[0], value[1]
    raise SettingsError(key + ": expected a whole number over 0 or [integer, exponent]")


def resolved(given: dict, keys: dict, optional: dict) -> dict:
    """``keys``: key -> function that checks it; ``optional``: key -> (function, default). Refuses any other key."""
    for key in given:
        if key not in keys and key not in optional:
            raise SettingsError(key + ": unknown key")
    found = check("", given, keys)
    for key, (check_one, default) in optional.items():
        found[key] = check_one(key, given[key]) if key in given else default
    return found
