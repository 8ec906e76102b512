"""Which module drives what a rig file names? The one of that name in the folder of its noun; there is no other list.

A noun is a package with the promise as a ``Protocol``. A driver is a module in it with ``Settings``, its keys of the
rig file, and ``opened(settings, place)``, a context manager that gives what keeps the promise.
"""

from collections.abc import Mapping
from contextlib import AbstractContextManager
from importlib import import_module
from importlib.util import find_spec
from pkgutil import iter_modules
from types import ModuleType
from typing import Annotated, Any, NamedTuple

from pydantic import AfterValidator, ValidationError

from hil_tests.cities.city import VirtualCity
from hil_tests.instruments.process import BenchError
from hil_tests.instruments.scenario import Strict


class Place(NamedTuple):
    """Where an instrument is: at which device, in which city when that is a virtual one, and on which of its wires."""

    device: str
    city: VirtualCity | None = None
    wire: str = ""

    @property
    def virtual_city(self) -> VirtualCity:
        if self.city is None:
            raise BenchError(f"{self.device}: a virtual instrument needs a virtual city")
        return self.city


class Driver(NamedTuple):
    """Chosen and checked, not yet open."""

    module: ModuleType
    settings: Strict

    def opened(self, place: Place) -> AbstractContextManager[Any]:
        """Raises BenchError when the device is not there."""
        opened: AbstractContextManager[Any] = self.module.opened(self.settings, place)
        return opened


def names(noun: str) -> list[str]:
    """Every driver there is of this noun."""
    package = import_module(f"hil_tests.instruments.{noun}")
    return sorted(one.name for one in iter_modules(package.__path__))


def chosen(noun: str, driver: str, settings: Mapping[str, Any]) -> Driver:
    """Raises ValueError that begins with the key."""
    path = f"hil_tests.instruments.{noun}.{driver}"
    if not driver.isidentifier() or find_spec(path) is None:
        raise ValueError(f"driver: there is no {noun} by {driver}, only by {' '.join(names(noun))}")
    module = import_module(path)
    try:
        return Driver(module, module.Settings.model_validate(dict(settings)))
    except ValidationError as error:
        raise ValueError(mistake(error)) from None


def mistake(error: ValidationError) -> str:
    """The first, as ``key: what is wrong``."""
    first = error.errors()[0]
    key = ".".join(str(part) for part in first["loc"])
    if first["type"] == "extra_forbidden":
        return f"{key}: unknown key"
    text = first["msg"].removeprefix("Value error, ")
    if not key:
        return text
    # What a validator of a whole table says begins with the key within that table.
    return f"{key}.{text}" if first["type"] == "value_error" and isinstance(first["input"], dict) else f"{key}: {text}"


def _port(text: str) -> str:
    host, _, number = text.removeprefix("tcp:").rpartition(":")
    is_network = text.startswith("tcp:") and host and number.isdecimal() and 0 < int(number) < 65536
    if not is_network and not text.startswith("/"):
        raise ValueError("expected a serial device (/dev/...) or tcp:host:port")
    return text


Port = Annotated[str, AfterValidator(_port)]
