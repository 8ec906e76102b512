"""What does a scenario file say? TOML in the shape of an instrument; a mistake names the file and the key."""

import asyncio
import sys
import tomllib
from collections.abc import Callable, Coroutine, Sequence
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError


class ScenarioError(Exception):
    """The scenario file can't be used; the text names the key."""


class Strict(BaseModel):
    """Refuses keys it does not know, and never changes."""

    model_config = ConfigDict(extra="forbid", frozen=True)


def command(name: str, serve: Callable[[Path], Coroutine[None, None, None]], arguments: Sequence[str] | None) -> int:
    """Serve the one scenario named until interrupted; 2 and one line for a scenario or a port that can't be used."""
    (path,) = sys.argv[1:] if arguments is None else arguments
    try:
        asyncio.run(serve(Path(path)))
    except (ScenarioError, OSError) as error:
        print(f"{name}: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        pass
    return 0


Shape = TypeVar("Shape", bound=BaseModel)


def read(path: Path, shape: type[Shape]) -> Shape:
    """Raise ScenarioError for a file that is not there, no TOML or of another shape."""
    try:
        return shape.model_validate(tomllib.loads(path.read_text("utf-8")))
    except OSError as error:
        raise ScenarioError(f"{path}: {error.strerror}") from None
    except tomllib.TOMLDecodeError as error:
        raise ScenarioError(f"{path}: {error}") from None
    except ValidationError as error:
        raise ScenarioError(f"{path}: {first_mistake(error)}") from None


def first_mistake(error: ValidationError) -> str:
    """The key, and what is wrong with it."""
    first = error.errors()[0]
    return f"{'.'.join(map(str, first['loc']))}: {first['msg']}"
