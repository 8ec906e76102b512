"""How does a batch look as an Arrow table, and a row of the store as an observation?"""

from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa

from collector.batch import MARKS, Batch, read_value
from collector.observation import Observation, Series, kind_of

COLUMNS = ("series", '"at"', "number", "text", *MARKS, "known")
FIELDS = COLUMNS[1:]
"""What ``reader_of`` expects of a row."""


def table_of(batch: Batch) -> pa.Table:
    """``COLUMNS``, each made at once; ``known`` is set."""
    count = len(batch)
    if batch.text is None:
        number, text = pa.array(batch.number), pa.nulls(count, pa.string())
    else:
        text = pa.array(batch.text, pa.string())
        number = pa.array(batch.number, mask=text.is_valid().to_numpy(zero_copy_only=False))
    marks = [
        pa.repeat("", count) if column is None else pa.array(column, pa.string())
        for column in (batch.quality, batch.censored, batch.source, batch.derived)
    ]
    known = np.zeros(count, np.int64) if batch.known is None else batch.known
    arrays = [pa.array(batch.series + np.int32(1)), pa.array(batch.at), number, text, *marks, pa.array(known)]
    return pa.table(arrays, [name.strip('"') for name in COLUMNS])


def reader_of(series: Series) -> Callable[[tuple[Any, ...]], Observation]:
    """Rows of ``FIELDS`` become observations of one series."""
    kind = kind_of(series.quantity)

    def read(row: tuple[Any, ...]) -> Observation:
        at, number, text, *rest = row
        return Observation(series, at, read_value(kind, number, text), *rest)

    return read
