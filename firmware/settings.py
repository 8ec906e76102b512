"""Is node.json right? Each missing or wrong key is one line that names it."""

import json

from firmware.contract import ContractError, check_id


class SettingsError(ValueError):
    """node.json can't be used; the text names the key."""


def _text(key: str, value):
    if type(value) is not str or not value:
        raise SettingsError(key + ": expected text")
    return value


def _id(key: str, value):
    try:
        check_id(key, value)
    except ContractError as error:
        raise SettingsError(str(error)) from None
    return value


def _whole(key: str, value):
    if type(value) is not int or value < 1:
        raise SettingsError(key + ": expected a whole number over 0")
    return value


def _port(key: str, value):
    if _whole(key, value) > 65535:
        raise SettingsError(key + ": expected a port, 1 to 65535")
    return value


def _table(key: str, value):
    if type(value) is not dict:
        raise SettingsError(key + ": expected an object")
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
    "kind": _text,
    "period_ms": _whole,
    "broker": _table,
    "certificate": _text,
    "key": _text,
    "ca": _text,
    "hal": _table,
}
_BROKER = {"host": _text, "port": _port, "server_name": _text}
_OPTIONAL = {"outbox_bytes": _whole}


def load(path: str) -> dict:
    """The settings that every kind has, checked; what only the kind knows stays under ``rest``."""
    try:
        with open(path) as file:
            text = file.read()
    except OSError:
        raise SettingsError(path + ": can't be read") from None
    try:
        given = json.loads(text)
    except ValueError:
        raise SettingsError(path + ": not JSON") from None
    settings = check("", _table(path, given), _KEYS)
    settings["broker"] = _only("broker.", settings["broker"], _BROKER)
    settings["rest"] = {}
    for key, value in given.items():
        if key in _OPTIONAL:
            settings[key] = _OPTIONAL[key](key, value)
        elif key not in _KEYS:
            settings["rest"][key] = value
    return settings


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


def of_kind(settings: dict, keys: dict) -> dict:
    """What the kind asks for, from the keys that ``load`` did not know."""
    return _only("", settings["rest"], keys)
