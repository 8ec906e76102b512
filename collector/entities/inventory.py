"""What stands in inventory.toml: the things of the city, their places and names, and who may speak for them?"""

import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, ValidationInfo, field_validator, model_validator

CENTERS = tuple(sorted(file.stem for file in (Path(__file__).parent.parent / "centers").glob("*.toml")))
"""The ids of the centers that ship; a city may bring its own, see ``load_inventory``."""

Openness = Literal["open", "aggregated", "restricted", "personal"]

Id = Annotated[str, Field(pattern=r"^[a-z0-9-]{1,64}$")]
Longitude = Annotated[float, Field(ge=-180, le=180)]
Latitude = Annotated[float, Field(ge=-90, le=90)]
Height = Annotated[float, Field(ge=-500, le=10_000)]


class ConfigError(Exception):
    """A configuration that cannot be used; the text names the file, the key and what is wrong. Stop at start."""


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Names(_Strict):
    """One name in each language of the city."""

    sl: str = Field(min_length=1)
    it: str = Field(min_length=1)
    en: str = Field(min_length=1)


class ThingEntry(_Strict):
    id: Id
    name: Names
    location: tuple[Longitude, Latitude] | tuple[Longitude, Latitude, Height] | None = None
    center: str
    openness: Openness | None = None
    """Who may see its observations; without it the rules for its quantities say so (``openness.toml``)."""
    household: Id | None = None
    """Whose it is: what it measures is personal then, and its sums at most are open (``openness = "aggregated"``)."""

    @field_validator("center")
    @classmethod
    def _is_known(cls, center: str, info: ValidationInfo) -> str:
        centers = (info.context or {}).get("centers", CENTERS)
        if center not in centers:
            raise ValueError(f"expected one of {' '.join(centers)}, got {center}")
        return center

    @model_validator(mode="after")
    def _is_protected(self) -> Self:
        if self.household is not None and self.openness in ("open", "restricted"):
            raise ValueError(f"openness: what a household's meter says is personal or aggregated, not {self.openness}")
        return self


class PublisherEntry(_Strict):
    id: Id
    role: Literal["node", "gateway", "center", "reader"]
    things: tuple[Id, ...] = ()


class Inventory(_Strict):
    """The whole file. Ids are unique, and a publisher speaks only for things that are listed."""

    city: Id
    publisher: tuple[PublisherEntry, ...] = ()
    thing: tuple[ThingEntry, ...] = ()

    @model_validator(mode="after")
    def _agrees(self) -> Self:
        things: set[str] = set()
        for index, thing in enumerate(self.thing):
            if thing.id in things:
                raise ValueError(f"thing.{index}.id: {thing.id} stands here twice")
            things.add(thing.id)
        publishers: set[str] = set()
        for index, publisher in enumerate(self.publisher):
            if publisher.id in publishers or publisher.id == "collector":
                raise ValueError(f"publisher.{index}.id: {publisher.id} is taken")
            publishers.add(publisher.id)
            for place, thing_id in enumerate(publisher.things):
                if thing_id not in things:
                    raise ValueError(f"publisher.{index}.things.{place}: there is no thing {thing_id}")
        return self


def load_inventory(file: Path, centers: Sequence[str] = CENTERS) -> Inventory:
    """Raises ConfigError naming the key: ``inventory.toml: thing.0.center: …``."""
    try:
        return Inventory.model_validate(read_toml(file), context={"centers": centers})
    except ValidationError as error:
        raise ConfigError(first_error(file, error)) from None


def read_toml(file: Path) -> dict[str, object]:
    try:
        return tomllib.loads(file.read_text("utf-8"))
    except OSError as error:
        raise ConfigError(f"{file}: {error.strerror}") from None
    except ValueError as error:  # TOML and UTF-8 errors are ValueErrors
        raise ConfigError(f"{file}: {error}") from None
    except RecursionError:
        raise ConfigError(f"{file}: nested too deeply") from None


def first_error(file: Path, error: ValidationError) -> str:
    """One line for the first thing that is wrong."""
    first = error.errors()[0]
    key = ".".join(str(part) for part in first["loc"])
    text = "unknown key" if first["type"] == "extra_forbidden" else first["msg"].removeprefix("Value error, ")
    return f"{file}: {key}: {text}" if key else f"{file}: {text}"
