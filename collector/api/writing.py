"""How do record batches become bytes? CSV, JSON in columns or rows, Arrow and Parquet, each piece by piece.

A writer is made with the schema of the whole answer. Pieces may differ from it in the type of ``value`` only: JSON
writes each as it is, a table has one type.
"""

import io
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any, ClassVar

import orjson
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.parquet

ROWS_IN_GROUP = 100_000  # of Parquet
LISTS = frozenset(("at", "begin", "value"))
"""Always a list in JSON columns; any other column that says one thing throughout says it once."""
_IN_ROWS = ("thing", "quantity", "unit", "quality")
_CSV = pyarrow.csv.WriteOptions(include_header=False, quoting_style="needed", batch_size=5_000)
_NUMPY = orjson.OPT_SERIALIZE_NUMPY
_UTC = orjson.OPT_NAIVE_UTC | orjson.OPT_UTC_Z


class Writer(ABC):
    """``begin``, ``piece`` for each, ``end``: together the whole answer. A piece is several parts: copies cost."""

    extension: ClassVar[str]
    media_type: ClassVar[str]
    schema: ClassVar[dict[str, Any]] = {"type": "string", "format": "binary"}
    """For OpenAPI."""
    is_slow: ClassVar[bool] = False
    """A piece takes milliseconds: write it in a thread."""

    def __init__(self, schema: Any) -> None:
        self._schema = schema

    def begin(self) -> bytes:
        return b""

    @abstractmethod
    def piece(self, batch: Any) -> list[bytes]: ...

    def end(self) -> bytes:
        return b""

    def whole(self, pieces: Sequence[Any]) -> bytes | memoryview:
        """All of it at once, of a writer that has written nothing yet."""
        return b"".join((self.begin(), *(part for piece in pieces for part in self.piece(piece)), self.end()))


class JsonColumns(Writer):
    """``{"blocks": [{"thing": "mic-1", "at": [...], "value": [...]}]}``."""

    extension = ".json"
    media_type = "application/json"
    schema: ClassVar[dict[str, Any]] = {
        "type": "object",
        "required": ["blocks"],
        "properties": {
            "blocks": {
                "type": "array",
                "description": "A long series stands in several blocks. at, begin and value are lists of the same"
                " length; any other column is a list too, or one value that holds for the whole block.",
                "items": {"type": "object"},
            }
        },
    }

    def __init__(self, schema: Any) -> None:
        super().__init__(schema)
        self._before = b""

    def begin(self) -> bytes:
        return b'{"blocks":['

    def piece(self, batch: Any) -> list[bytes]:
        text = [self._before, json_block(dict(zip(batch.schema.names, batch.columns, strict=True)))]
        self._before = b",\n"
        return text

    def end(self) -> bytes:
        return b"]}\n"


class JsonRows(Writer):
    """``[{"time": "2026-11-23T00:00:00Z", "value": 0.4}]``, as Grafana's JSON API and Infinity sources read it."""

    extension = ".rows.json"
    media_type = "application/json"
    schema: ClassVar[dict[str, Any]] = {
        "type": "array",
        "items": {"type": "object", "properties": {"time": {"type": "string", "format": "date-time"}, "value": {}}},
    }
    is_slow = True

    def __init__(self, schema: Any) -> None:
        super().__init__(schema)
        self._before = b"["

    def piece(self, batch: Any) -> list[bytes]:
        text = [self._before, json_rows(dict(zip(batch.schema.names, batch.columns, strict=True)))]
        self._before = b",\n"
        return text

    def end(self) -> bytes:
        return b"[]\n" if self._before == b"[" else b"]\n"


class Csv(Writer):
    """One header; a cell that says nothing is empty, a position is ``13.73 45.55``."""

    extension = ".csv"
    media_type = "text/csv; charset=utf-8"
    schema: ClassVar[dict[str, Any]] = {"type": "string"}
    is_slow = True

    def begin(self) -> bytes:
        return (",".join(self._schema.names) + "\n").encode()

    def piece(self, batch: Any) -> list[bytes]:
        table = pa.table([_cells(column) for column in batch.columns], batch.schema.names)
        sink = io.BytesIO()
        pyarrow.csv.write_csv(table, sink, _CSV)
        return [sink.getvalue()]


class ArrowStream(Writer):
    """Arrow IPC, the streaming format."""

    extension = ".arrow"
    media_type = "application/vnd.apache.arrow.stream"

    def __init__(self, schema: Any) -> None:
        super().__init__(schema)
        self._sink = _Sink()
        self._writer: Any = None

    def begin(self) -> bytes:
        self._writer = pa.ipc.new_stream(self._sink, self._schema)
        return b""

    def piece(self, batch: Any) -> list[bytes]:
        self._writer.write_batch(_as_table(batch, self._schema))
        return self._sink.take()

    def end(self) -> bytes:
        self._writer.close()
        return b"".join(self._sink.take())

    def whole(self, pieces: Sequence[Any]) -> bytes | memoryview:
        """In one buffer: a sink in Python is called for every column."""
        sink = pa.BufferOutputStream()
        with pa.ipc.new_stream(sink, self._schema) as writer:
            for piece in pieces:
                writer.write_batch(_as_table(piece, self._schema))
        return memoryview(sink.getvalue())


class Parquet(Writer):
    """A row group for every ``ROWS_IN_GROUP`` rows."""

    extension = ".parquet"
    media_type = "application/vnd.apache.parquet"
    is_slow = True

    def __init__(self, schema: Any) -> None:
        super().__init__(schema)
        self._sink = _Sink()
        self._writer = pyarrow.parquet.ParquetWriter(pa.PythonFile(self._sink, mode="w"), schema, compression="zstd")
        self._waiting: list[Any] = []

    def piece(self, batch: Any) -> list[bytes]:
        self._waiting.append(_as_table(batch, self._schema))
        if sum(map(len, self._waiting)) >= ROWS_IN_GROUP:
            self._write()
        return self._sink.take()

    def end(self) -> bytes:
        self._write()
        self._writer.close()
        return b"".join(self._sink.take())

    def _write(self) -> None:
        if self._waiting:
            self._writer.write_table(pa.Table.from_batches(self._waiting, self._schema))
            self._waiting.clear()


WRITERS: tuple[type[Writer], ...] = (JsonColumns, JsonRows, Csv, ArrowStream, Parquet)
"""The first is what one gets who accepts anything."""


class _Sink(io.RawIOBase):
    """What a library writes into, taken out again piece by piece."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []

    def writable(self) -> bool:
        return True

    def write(self, part: Any) -> int:
        self._parts.append(bytes(part))
        return len(self._parts[-1])

    def take(self) -> list[bytes]:
        taken, self._parts = self._parts, []
        return taken


def json_block(columns: dict[str, Any]) -> bytes:
    """One block of columns: of Arrow, or lists as they are."""
    block = {
        name: column if isinstance(column, list) else plain(column) if name in LISTS else _said_once(column)
        for name, column in columns.items()
    }
    return orjson.dumps(block, option=_NUMPY)


def json_rows(columns: dict[str, Any]) -> bytes:
    """Rows without the brackets around them; ``value`` may be a list as it is."""
    times = columns["at" if "at" in columns else "begin"].to_numpy().astype("datetime64[ms]").tolist()
    shown = ("value", *_IN_ROWS) if "at" in columns else columns
    lists = [as_list(columns[name]) for name in shown if name in columns]
    keys = ["time", *(name for name in shown if name in columns)]
    return orjson.dumps([dict(zip(keys, row, strict=True)) for row in zip(times, *lists, strict=True)], option=_UTC)[
        1:-1
    ]


def plain(column: Any) -> Any:
    """What orjson writes as a list: an array of numpy where there are numbers, else a list."""
    if column.null_count == 0 and (pa.types.is_floating(column.type) or pa.types.is_integer(column.type)):
        return column.to_numpy()
    return as_list(column)


def as_list(column: Any) -> list[Any]:
    """Plain values of a column of Arrow, or of a list."""
    if isinstance(column, list):
        return column
    if pa.types.is_dictionary(column.type):
        words = column.dictionary.to_pylist()
        return [words[place] for place in column.indices.to_numpy().tolist()]
    numbers = column.null_count == 0 and (pa.types.is_floating(column.type) or pa.types.is_integer(column.type))
    found: list[Any] = column.to_numpy().tolist() if numbers else column.to_pylist()
    return found


def _said_once(column: Any) -> Any:
    first = column[0]
    if pa.types.is_dictionary(column.type):
        indices = column.indices.to_numpy()
        return first.as_py() if (indices == indices[0]).all() else plain(column)
    if column.null_count == len(column):
        return None
    if column.null_count or pa.types.is_nested(column.type) or column[-1] != first:
        return plain(column)
    return first.as_py() if pc.all(pc.equal(column, first)).as_py() else plain(column)


def _cells(column: Any) -> Any:
    if pa.types.is_dictionary(column.type):
        column = column.dictionary.take(column.indices)
    elif pa.types.is_list(column.type) or pa.types.is_floating(column.type):
        column = as_text(column)
    if not pa.types.is_string(column.type):
        return column
    return pc.if_else(pc.equal(column, ""), pa.scalar(None, pa.string()), column)


def as_text(column: Any) -> Any:
    """As in a cell of CSV: numbers in the fewest digits that say them exactly, a position with blanks between."""
    if pa.types.is_string(column.type):
        return column
    if pa.types.is_list(column.type):
        return pa.array([" ".join(map(repr, one)) for one in column.to_pylist()], pa.string())
    texts = orjson.dumps(plain(column), option=_NUMPY).decode()[1:-1].split(",") if len(column) else []
    return pa.array([None if one == "null" else one for one in texts], pa.string())


def _as_table(batch: Any, schema: Any) -> Any:
    """With the one type of ``value`` that the table has."""
    if batch.schema.equals(schema):
        return batch
    place = batch.schema.get_field_index("value")
    wanted = schema.field("value").type
    value = batch.column(place)
    value = as_text(value) if pa.types.is_string(wanted) else value.cast(wanted)
    return pa.RecordBatch.from_arrays([*batch.columns[:place], value, *batch.columns[place + 1 :]], schema=schema)
