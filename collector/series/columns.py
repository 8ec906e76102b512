"""How do observations of one series look as Arrow columns? One schema for every store and every format that leaves."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from collector.observation import Kind, Observation, Series, kind_of

JUDGED = ("valid", "suspect", "estimated", "substituted")
CENSORED = ("", "<", ">")

_judged_words = pa.array(JUDGED)
_censored_words = pa.array(CENSORED)
_judged_places = {word: place for place, word in enumerate(JUDGED)}
_censored_places = {word: place for place, word in enumerate(CENSORED)}
_WORD = pa.dictionary(pa.int8(), pa.string())


def value_type(kind: Kind) -> Any:
    """Numbers are float64, flags int64, positions lists of float64, codes and texts strings."""
    if kind.is_number:
        return pa.float64()
    return {"flags": pa.int64(), "position": pa.list_(pa.float64())}.get(kind.kind, pa.string())


def schema_of(series: Series) -> Any:
    """``at`` and ``known`` in ms UTC; ``known`` is null where the store keeps no known time."""
    return pa.schema(
        [
            pa.field("at", pa.int64(), nullable=False),
            pa.field("value", value_type(kind_of(series.quantity)), nullable=False),
            pa.field("quality", _WORD, nullable=False),
            pa.field("censored", _WORD, nullable=False),
            pa.field("source", pa.string(), nullable=False),
            pa.field("known", pa.int64()),
        ]
    )


def judged_column(places: npt.NDArray[np.int8]) -> Any:
    """By place in ``JUDGED``."""
    return pa.DictionaryArray.from_arrays(pa.array(places), _judged_words)


def censored_column(places: npt.NDArray[np.int8]) -> Any:
    """By place in ``CENSORED``."""
    return pa.DictionaryArray.from_arrays(pa.array(places), _censored_words)


def columns_of(series: Series, observations: Sequence[Observation]) -> Any:
    """One record batch, for stores that have their observations one by one."""
    schema = schema_of(series)
    count = len(observations)
    arrays = [
        pa.array(np.fromiter((one.at for one in observations), np.int64, count)),
        pa.array([one.value for one in observations], schema.field("value").type),
        judged_column(np.fromiter((_judged_places[one.judged] for one in observations), np.int8, count)),
        censored_column(np.fromiter((_censored_places[one.censored] for one in observations), np.int8, count)),
        pa.array([one.source for one in observations], pa.string()),
        pa.array([one.known or None for one in observations], pa.int64()),
    ]
    return pa.RecordBatch.from_arrays(arrays, schema=schema)


def without_source(batch: Any) -> Any:
    """The same, where nobody may know which device said it."""
    place = batch.schema.get_field_index("source")
    return batch.set_column(place, batch.schema.field(place), pa.array([""] * len(batch), pa.string()))
