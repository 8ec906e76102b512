"""What did each sensor really give? One JSON line per value, on disk before the answer leaves the sensor."""

import json
import os
import time
from collections.abc import Mapping
from pathlib import Path
from typing import TextIO


class TruthFile:
    """Append-only, with one writer; raises OSError where a truth can't be kept.

    A line is ``{"thing": ..., "at": ms UTC, "values": {quantity: number or code}}``.
    """

    def __init__(self, path: Path) -> None:
        self._file: TextIO = path.open("a", encoding="utf-8")

    def gave(self, thing: str, values: Mapping[str, object], at: int | None = None) -> None:
        """``at`` in ms UTC; the host's time where it is left out."""
        line = {"thing": thing, "at": time.time_ns() // 1_000_000 if at is None else at, "values": dict(values)}
        self._file.write(json.dumps(line, separators=(",", ":")) + "\n")
        self._file.flush()
        os.fsync(self._file.fileno())

    def close(self) -> None:
        self._file.close()
