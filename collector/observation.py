"""What does the city know once a reading is stored? The domain words, frozen."""

from typing import NamedTuple

import msgspec

from firmware.quantities import CODES, NUMBER_KINDS, QUANTITIES, split_quantity

Position = tuple[float, ...]
"""(longitude, latitude) or (longitude, latitude, height in m), WGS 84."""

Value = float | int | str | Position
"""Numbers are floats, flags are ints, codes and texts are strings."""


DERIVED = ("", "implausible", "skewed", "implausible skewed")
"""What the collector may find, beside the content; by place, 1 implausible, 2 skewed, 3 both: stores keep the place."""


class Series(NamedTuple):
    """The observations of one quantity of one thing over one period: what SensorThings calls a Datastream."""

    thing: str
    quantity: str
    period: int = 0
    """Milliseconds that a value covers, ending at ``at``; 0 for a value at one instant."""


class Observation(msgspec.Struct, frozen=True, gc=False):
    """One value, stored. (series, at) is its identity; value, quality, censored and source are its content."""

    series: Series
    at: int
    """End of the measurement, ms UTC."""
    value: Value
    quality: str = ""
    """As published: "" (valid), suspect, estimated or substituted."""
    censored: str = ""
    """"" or "<" or ">": the true value is below or above this one."""
    source: str = ""
    derived: str = ""
    """One of ``DERIVED``."""
    known: int = 0
    """When this version became known, ms UTC; 0 where the store keeps no known time."""

    @property
    def judged(self) -> str:
        """The quality with the collector's own findings counted in: valid, suspect, estimated or substituted."""
        return self.quality or ("suspect" if self.derived else "valid")

    @property
    def content(self) -> tuple[Value, str, str, str]:
        return self.value, self.quality, self.censored, self.source


class Kind(NamedTuple):
    """What the contract's table says about one quantity, qualifiers resolved."""

    name: str
    qualifiers: tuple[str, ...]
    unit: str
    """UCUM."""
    kind: str
    """gauge, counter, sound_level, code, flags, position or text."""
    low: float | None
    high: float | None
    codes: tuple[str, ...]

    @property
    def is_number(self) -> bool:
        return self.kind in NUMBER_KINDS


_kinds: dict[str, Kind] = {}  # the contract's table, resolved once per quantity; it only grows, by valid quantities


def kind_of(quantity: str) -> Kind:
    """Return the kind of ``water_volume.s1``; raise ValueError when the contract does not know it."""
    known = _kinds.get(quantity)
    if known is None:
        name, qualifiers = split_quantity(quantity)
        unit, kind, low, high = QUANTITIES[name]
        known = Kind(name, qualifiers, unit, kind, low, high, CODES.get(name, ()))
        if len(_kinds) < 100_000:  # qualifiers are numbers: the table is closed, the product is not
            _kinds[quantity] = known
    return known


def observation_id(datastream: int, at: int) -> str:
    """The same observation has the same id for ever, in every store: ``17-1795392000000``."""
    return f"{datastream}-{at}"


def split_observation_id(text: str) -> tuple[int, int]:
    """Return (datastream, at); raise ValueError for anything else."""
    datastream, dash, at = text.partition("-")
    if not (dash and datastream.isascii() and datastream.isdigit() and at.isascii() and at.isdigit()):
        message = f"observation id: expected <datastream>-<at>, got {text}"
        raise ValueError(message)
    return int(datastream), int(at)
