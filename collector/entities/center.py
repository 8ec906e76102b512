"""Which centers has the city, and which of them owns an observation? One scope file for each; the code is the same."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from collector.entities.inventory import ConfigError, Id, Latitude, Longitude, Names, first_error, read_toml
from collector.observation import Kind, kind_of
from firmware.quantities import QUANTITIES

SHIPPED = Path(__file__).parent.parent / "centers"
"""The nine of Koper."""

Quantities = tuple[str, ...]


class Center(BaseModel):
    """``environment.toml``; the name of the file is the center's id."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: Names
    area: Annotated[tuple[tuple[Longitude, Latitude], ...], Field(min_length=3)]
    """The corners of a polygon, WGS 84."""
    owns: Quantities = ()
    """Observed properties, without qualifiers, that are its own wherever they are measured."""
    also_owns: Quantities = ()
    """Others that are its own when its own things measure them."""
    parents: tuple[Id, ...] = ()
    """Centers that see what this one sees, as far as it is restricted and not personal."""
    children: tuple[Id, ...] = ()

    @field_validator("owns", "also_owns")
    @classmethod
    def _are_known(cls, names: Quantities) -> Quantities:
        for name in names:
            if name not in QUANTITIES:
                raise ValueError(f"{name}: the contract has no such quantity")
        return names


class Centers:
    """All of them, checked against each other: every quantity of the contract has exactly one owner."""

    def __init__(self, centers: Mapping[str, Center]) -> None:
        """Raise ValueError naming file and key."""
        self._centers = dict(sorted(centers.items()))
        self._owner = _owners(self._centers)
        for name, center in self._centers.items():
            _agree(self._centers, name, "parents", center.parents, "children")
            _agree(self._centers, name, "children", center.children, "parents")
        self._above = {name: _above(self._centers, name) for name in self._centers}

    def __getitem__(self, name: str) -> Center:
        return self._centers[name]

    def __contains__(self, name: object) -> bool:
        return name in self._centers

    @property
    def names(self) -> list[str]:
        return list(self._centers)

    def owner(self, thing_center: str, quantity: str) -> str:
        """The one center that owns the observations of ``quantity`` (qualifiers or none) by a thing of a center."""
        kind: Kind = kind_of(quantity)
        own = self._centers.get(thing_center)
        if own and kind.name in own.also_owns:
            return thing_center
        return self._owner[kind.name]

    def above(self, name: str) -> Sequence[str]:
        """The center, its parents, theirs, and so on."""
        return self._above.get(name, (name,))


def load_centers(folder: Path = SHIPPED) -> Centers:
    """Every ``*.toml`` of a folder; raises ConfigError naming file and key."""
    files = sorted(folder.glob("*.toml"))
    if not files:
        raise ConfigError(f"{folder}: no center is here: expected one .toml file for each")
    found = {}
    for file in files:
        try:
            found[file.stem] = Center.model_validate(read_toml(file))
        except ValidationError as error:
            raise ConfigError(first_error(file, error)) from None
    try:
        return Centers(found)
    except ValueError as error:
        raise ConfigError(f"{folder}: {error}") from None


def _owners(centers: Mapping[str, Center]) -> dict[str, str]:
    owner: dict[str, str] = {}
    for name, center in centers.items():
        for quantity in center.owns:
            if quantity in owner:
                raise ValueError(f"{name}.toml: owns: {quantity} belongs to {owner[quantity]} already")
            owner[quantity] = name
    missing = [quantity for quantity in QUANTITIES if quantity not in owner]
    if missing:
        raise ValueError(f"owns: no center owns {', '.join(missing)}")
    return owner


def _agree(centers: Mapping[str, Center], name: str, key: str, others: Sequence[str], back: str) -> None:
    for other in others:
        if other not in centers:
            raise ValueError(f"{name}.toml: {key}: there is no center {other}")
        if name not in getattr(centers[other], back):
            raise ValueError(f"{name}.toml: {key}: {other}.toml does not name {name} among its {back}")


def _above(centers: Mapping[str, Center], name: str) -> tuple[str, ...]:
    found = [name]
    for one in found:
        found += [parent for parent in centers[one].parents if parent not in found]
    return tuple(found)
