"""What do all our TOML files have in common? Unknown keys are refused, and a refusal names the path of its key."""

from pydantic import BaseModel, ConfigDict, ValidationError


class Strict(BaseModel):
    """A table of a file: frozen, and nothing beside the keys it names."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Source(Strict):
    """Where a test's bytes come from, and under which licence."""

    source: str
    licence: str


def first_error(error: ValidationError) -> str:
    """``line.0.meter.2.period: Input should be greater than 0``."""
    first = error.errors()[0]
    message = first["msg"].removeprefix("Value error, ")
    path = ".".join(str(part) for part in first["loc"])
    return f"{path}: {message}" if path else message
