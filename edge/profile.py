"""What is a meter model: which of its records or registers are which quantities of the city?

One TOML file per model in ``meters/``; its place registers it, and its own test telegrams prove it.
"""

import tomllib
from collections.abc import Iterable
from functools import cache
from pathlib import Path

from pydantic import ValidationError

from edge.errors import ConfigError
from edge.mbus.model import MbusProfile
from edge.mbus.quantity import Rule
from edge.mbus.telegram import Telegram
from edge.modbus.model import ModbusProfile
from edge.modbus.sunspec import SunspecProfile
from edge.shape import first_error

METERS = Path(__file__).with_name("meters")

Profile = MbusProfile | ModbusProfile | SunspecProfile
_MODELS: dict[str, type[Profile]] = {"mbus": MbusProfile, "modbus": ModbusProfile, "sunspec": SunspecProfile}


@cache
def load(name: str) -> Profile:
    """The profile of this file name in ``meters/``; ConfigError when there is none or it is not right."""
    path = METERS / f"{name}.toml"
    if name not in names():
        raise ConfigError(f"unknown profile {name!r}; known: {' '.join(names())}")
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
        return _MODELS[table["protocol"]].model_validate(table)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{path}: {error}") from error
    except KeyError as error:
        raise ConfigError(f"{path}: protocol: expected mbus, modbus or sunspec") from error
    except ValidationError as error:
        raise ConfigError(f"{path}: {first_error(error)}") from error


def names() -> list[str]:
    """Every meter model there is."""
    return sorted(path.stem for path in METERS.glob("*.toml"))


def found(telegram: Telegram) -> MbusProfile | None:
    """The M-Bus profile whose header this is."""
    for profile in _all_of_mbus():
        if profile.fits(telegram):
            return profile
    return None


@cache
def _all_of_mbus() -> tuple[MbusProfile, ...]:
    return tuple(profile for profile in map(load, names()) if isinstance(profile, MbusProfile))


def rules(profile: MbusProfile | None) -> Iterable[Rule]:
    """What the profile says of records; nothing without one."""
    return [row.rule() for row in profile.record] if profile else []
