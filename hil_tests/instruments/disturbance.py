"""What disturbs a wire of the bench right now? A small file says it; whoever simulates the wire looks at each answer.

``{"cellar": {"noise": 0.02}, "spot-0001": {"is_silent": true}}``: by the name of a line, or of a thing on a wire of its
own. Whoever writes it replaces the file, so that nobody reads a half one.
"""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple


class Disturbance(NamedTuple):
    """Nothing of this unless it is said."""

    noise: float = 0.0
    """The share of characters, or of answers without any, that arrive wrong."""
    is_silent: bool = False
    """Whoever should answer is dead, or its cable is cut."""
    is_short: bool = False
    """Both wires touch: a break is all that is heard, whatever is sent."""
    late: float = 0.0
    """s by which answers come later than they should."""
    late_share: float = 1.0
    """How many of them."""


NONE = Disturbance()


class Disturbances:
    """What the file says; ``None`` for wires that nobody disturbs."""

    def __init__(self, file: Path | None) -> None:
        self._file = file
        self._read_at: int | None = None
        self._found: dict[str, Disturbance] = {}

    def of(self, name: str) -> Disturbance:
        """What disturbs this line or thing now."""
        if self._file is not None:
            self._read(self._file)
        return self._found.get(name, NONE)

    def _read(self, file: Path) -> None:
        try:
            changed = file.stat().st_mtime_ns
        except FileNotFoundError:
            changed = None
        if changed != self._read_at:
            self._found = _of(file)
            self._read_at = changed


@contextmanager
def disturbed(file: Path, **how: Mapping[str, object]) -> Iterator[None]:
    """Until the block ends, ``{name: {"noise": 0.02}}`` holds beside what was disturbed already."""
    before = _plain(file)
    _write(file, {**before, **how})
    try:
        yield
    finally:
        _write(file, before)


def _of(file: Path) -> dict[str, Disturbance]:
    return {name: Disturbance(**how) for name, how in _plain(file).items()}


def _plain(file: Path) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = json.loads(file.read_text()) if file.exists() else {}
    return found


def _write(file: Path, several: Mapping[str, Mapping[str, object]]) -> None:
    new = file.with_suffix(".new")
    new.write_text(json.dumps(several))
    new.replace(file)
