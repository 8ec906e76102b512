"""How do rows of calendar windows look as columns, and how is a window called where people read it?"""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

import pyarrow as pa

from collector.analysis.windows import ZONE, Window


def local(window: Window) -> str:
    """Its begin on the clock in Koper: ``2026-11-23T01:00+01:00``."""
    return datetime.fromtimestamp(window.begin / 1000, ZONE).isoformat(timespec="minutes")


def batch_of(rows: Iterable[tuple[Any, ...]], schema: Any) -> Any:
    """At least one row, as a record batch."""
    columns = zip(*rows, strict=True)
    arrays = [pa.array(column, field.type) for column, field in zip(columns, schema, strict=True)]
    return pa.RecordBatch.from_arrays(arrays, schema=schema)
