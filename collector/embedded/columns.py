"""How does a batch look as an Arrow table, and a row of the store as an observation?"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from collector.embedded.marks import WORDS, marks_of
from collector.observation import Observation, Series, kind_of
from collector.series.batch import Batch, read_value

COLUMNS = ("series", '"at"', "number", "text", "source", "mark", "known")
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
    source = pa.repeat("", count) if batch.source is None else pa.array(batch.source, pa.string())
    known = np.zeros(count, np.int64) if batch.known is None else batch.known
    arrays = [
        pa.array(batch.series + np.int32(1)),
        pa.array(batch.at),
        number,
        text,
        source,
        pa.array(marks_of(batch)),
        pa.array(known),
    ]
    return pa.table(arrays, [name.strip('"') for name in COLUMNS])


def reader_of(series: Series) -> Callable[[Sequence[Any]], Observation]:
    """Rows of ``FIELDS`` become observations of one series."""
    kind = kind_of(series.quantity)

    def read(row: Sequence[Any]) -> Observation:
        at, number, text, source, mark, known = row
        quality, censored, derived = WORDS[mark]
        return Observation(series, at, read_value(kind, number, text), quality, censored, source, derived, known)

    return read
