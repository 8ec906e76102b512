"""What is a simulated sensor shown right now? A small file says it; the sensor looks at each answer.

``{"spot-0001": {"sensor": 0.4}}``: by thing, and by the name of the wire. Of a pulse input it is ``[[at, count]]``,
from that ms UTC on so many closings. Whoever writes it replaces the file, so that nobody reads a half one.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

NAME = "shown.json"
"""Beside the truth file of the sensors."""


class Shown:
    """What the file says."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._read_at = 0
        self._found: Mapping[str, Mapping[str, Any]] = {}

    def to(self, thing: str, wire: str) -> Any:
        """None for a sensor that sees what it sees by itself."""
        try:
            changed = self._file.stat().st_mtime_ns
        except FileNotFoundError:
            return None
        if changed != self._read_at:
            self._found = read(self._file)
            self._read_at = changed
        return self._found.get(thing, {}).get(wire)


def read(file: Path) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = json.loads(file.read_text()) if file.exists() else {}
    return found


def write(file: Path, thing: str, wire: str, what: Any) -> None:
    """None is nothing."""
    several = read(file)
    several.setdefault(thing, {})[wire] = what
    new = file.with_suffix(".new")
    new.write_text(json.dumps(several))
    new.replace(file)
