"""How fast may a quantity change, and how long may it stand still? What plausible.toml says, checked once at start."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError, model_validator

from collector.entities.inventory import ConfigError, first_error, read_toml
from collector.observation import kind_of

PLAUSIBLE = Path(__file__).parent.parent / "plausible.toml"

Figure = Annotated[float, Field(strict=True, allow_inf_nan=False)]


class Limit(BaseModel):
    """In the unit of the quantity; see plausible.toml."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    most_per_hour: Annotated[Figure, Field(gt=0)] | None = None
    step: Annotated[Figure, Field(ge=0)] = 0.0
    stuck_hours: Annotated[Figure, Field(gt=0)] | None = None
    resting: tuple[Figure, ...] = ()

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if self.most_per_hour is None and self.stuck_hours is None:
            raise ValueError("expected most_per_hour or stuck_hours")
        if self.step and self.most_per_hour is None:
            raise ValueError("step: means nothing without most_per_hour")
        if self.resting and self.stuck_hours is None:
            raise ValueError("resting: means nothing without stuck_hours")
        return self


_limits = TypeAdapter(dict[str, Limit])


def load_limits(file: Path = PLAUSIBLE) -> Mapping[str, Limit]:
    """By quantity, without qualifiers. Raises ConfigError naming the key: ``plausible.toml: laeq.step: …``."""
    try:
        limits = _limits.validate_python(read_toml(file))
    except ValidationError as error:
        raise ConfigError(first_error(file, error)) from None
    for name in limits:
        try:
            kind = kind_of(name)
        except ValueError as error:
            raise ConfigError(f"{file}: {name}: {error}") from None
        if kind.qualifiers:
            raise ConfigError(f"{file}: {name}: expected a quantity without qualifiers, as in {kind.name}")
        if not kind.is_number:
            raise ConfigError(f"{file}: {name}: expected a gauge, a counter or a sound level, not {kind.kind}")
    return limits
