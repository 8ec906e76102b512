"""Is node.json right as a whole? What every kind has, and what only the kind knows."""

import json

from firmware.contract import ContractError, check_id
from firmware.settings import SettingsError, check, resolved, table, text, whole


def _id(key: str, value):
    try:
        check_id(key, value)
    except ContractError as error:
        raise SettingsError(str(error)) from None
    return value


def _port(key: str, value):
    if whole(key, value) > 65535:
        raise SettingsError(key + ": expected a port, 1 to 65535")
    return value


def _only(path: str, given: dict, keys: dict) -> dict:
    for key in given:
        if key not in keys:
            raise SettingsError(path + key + ": unknown key")
    return check(path, given, keys)


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
            given = json.load(file)
    except OSError:
        raise SettingsError(path + ": can't be read") from None
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
