"""Is node.json right? Each missing or wrong key is one line that names it."""

import json

from firmware.contract import ContractError, check_id


class SettingsError(ContractError):
    """node.json can't be used; the text names the key."""


def text(key: str, value):
    if type(value) is not str or not value:
        raise SettingsError(key + ": expected text")
    return value


def _id(key: str, value):
    try:
        check_id(key, value)
    except ContractError as error:
        raise SettingsError(str(error)) from None
    return value


def whole(key: str, value):
    if type(value) is not int or value < 1:
        raise SettingsError(key + ": expected a whole number over 0")
    return value


def _port(key: str, value):
    if whole(key, value) > 65535:
        raise SettingsError(key + ": expected a port, 1 to 65535")
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


def _only(path: str, given: dict, keys: dict) -> dict:
    for key in given:
        if key not in keys:
            raise SettingsError(path + key + ": unknown key")
    return check(path, given, keys)


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


_KEYS = {
    "city": _id,
    "publisher": _id,
    "thing": _id,
    "kind": text,
    "period_ms": whole,
    "broker": table,
    "certificate": text,
    "key": text,
    "ca": text,
    "hal": table,
}
_BROKER = {"host": text, "port": _port, "server_name": text}
RIGHTS = ("command", "config", "update")
_BATTERY = {"report_ms": whole, "receipt_ms": whole}


def _battery(key: str, value):
    """Between reports the node sleeps; ``receipt_ms`` is how long it waits for a receipt before that."""
    return _only(key + ".", table(key, value), _BATTERY)


def trust(key: str, value) -> dict:
    """{name of a key: [rights]}: what they are for, ``firmware/signature.py`` says."""
    if type(value) is not dict:
        raise SettingsError(key + ": expected an object")
    for name, rights in value.items():
        try:
            check_id(key + "." + name[:64], name)
        except ContractError as error:
            raise SettingsError(str(error)) from None
        if type(rights) is not list or not rights or not all(right in RIGHTS for right in rights):
            raise SettingsError(key + "." + name + ": expected a list of " + " ".join(RIGHTS))
    return value


_OPTIONAL = {"outbox_bytes": whole, "battery": _battery, "trust": trust}


def load(path: str) -> dict:
    """The settings that every kind has, checked; what only the kind knows stays under ``rest``."""
    try:
        with open(path) as file:
            content = file.read()
    except OSError:
        raise SettingsError(path + ": can't be read") from None
    try:
        given = json.loads(content)
    except ValueError:
        raise SettingsError(path + ": not JSON") from None
    settings = check("", table(path, given), _KEYS)
    settings["broker"] = _only("broker.", settings["broker"], _BROKER)
    settings["rest"] = {}
    for key, value in given.items():
        if key in _OPTIONAL:
            settings[key] = _OPTIONAL[key](key, value)
        elif key not in _KEYS:
            settings["rest"][key] = value
    return settings


def of_kind(settings: dict, keys: dict, optional: dict) -> dict:
    """What the kind asks for, from the keys that ``load`` did not know: the required ones, and the rest by default."""
    return resolved(settings["rest"], keys, optional)


def resolved(given: dict, keys: dict, optional: dict) -> dict:
    """``keys``: key -> function that checks it; ``optional``: key -> (function, default). Refuses any other key."""
    for key in given:
        if key not in keys and key not in optional:
            raise SettingsError(key + ": unknown key")
    found = check("", given, keys)
    for key, (check_one, default) in optional.items():
        found[key] = check_one(key, given[key]) if key in given else default
    return found
