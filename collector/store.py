"""What must a place that keeps observations be able to do?"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple, Protocol, TypeVar

from collector.observation import Observation, Series
from collector.series.aggregation import Aggregate, Aggregation
from collector.series.batch import Batch, Int64s
from collector.series.columns import columns_of
from collector.series.newest import LastColumns
from collector.series.query import Query
from collector.series.series_table import SeriesTable


class StoreError(Exception):
    """The store cannot write or read now; nothing of the batch may be acknowledged. Try the same batch again."""


class NotOfferedError(Exception):
    """This store cannot answer this query, ever; the text says why. Tell who asked."""


@dataclass(frozen=True, slots=True)
class Keep:
    """Raw observations of these series may go after so many days, by whole local months; roll-ups stay."""

    quantity: str
    """With its qualifiers; "*" is every quantity."""
    days: int
    period: int | None = None
    """None: whatever their period."""

    def covers(self, series: Series) -> bool:
        return self.quantity in ("*", series.quantity) and self.period in (None, series.period)


class Added(NamedTuple):
    """What became of a batch: anything in neither list was a repetition."""

    kept: Batch
    """New observations and new versions, with the time each became known; the oldest version of each first."""
    refused: list[tuple[int, str]]
    """Positions in the batch of what the store will never take, and why."""


Row_co = TypeVar("Row_co", covariant=True)


class Rows(Protocol[Row_co]):
    """The answer to one question, read piece by piece in a thread of its own."""

    def fetch(self, count: int) -> Sequence[Row_co]:
        """Return the next rows, at most ``count``; an empty list is the end."""

    def interrupt(self) -> None:
        """Stop a fetch that runs now, from any thread: it ends with StoreError."""

    def close(self) -> None: ...


class Columns(Protocol):
    """As ``Rows``, of one series, as Arrow record batches with the schema of ``columns.schema_of``."""

    def fetch(self, count: int) -> Any:
        """Return the next rows as one batch, at most ``count``; an empty one is the end."""

    def interrupt(self) -> None: ...

    def close(self) -> None: ...


class ColumnsOfRows:
    """For a store that has its observations one by one."""

    def __init__(self, series: Series, rows: Rows[Observation]) -> None:
        self._series = series
        self._rows = rows

    def fetch(self, count: int) -> Any:
        return columns_of(self._series, self._rows.fetch(count))

    def interrupt(self) -> None:
        self._rows.interrupt()

    def close(self) -> None:
        self._rows.close()


class Store(Protocol):
    """Keeps observations. One writer thread calls ``add``; reader threads ask at the same time."""

    keeps_versions: bool
    """False: the last arrival wins, no known time is kept, and as-of is refused with NotOfferedError."""
    table: SeriesTable
    """The numbers that its batches are made with. The one writer adds to it."""

    def add(self, observations: Batch, now: int) -> Added:
        """Return once all that was kept is durable. Adding twice equals adding once; raises StoreError.

        ``now`` (ms UTC) is when these became known; the store moves it forward where needed, so that a later
        version always has a later known time.
        """

    def latest(self) -> Mapping[Series, Observation]:
        """The newest observation of every series: a copy, from memory, callable on the event loop."""

    def last(self, series: Series) -> Observation | None:
        """The newest observation of one series, from memory."""

    def open_rows(self, query: Query) -> Rows[Observation]:
        """Start a query; blocking. Raises NotOfferedError or StoreError."""

    def open_columns(self, query: Query) -> Columns:
        """As ``open_rows``: the same observations in the same order."""

    def last_columns(self, numbers: Int64s) -> LastColumns:
        """The newest of many series at once, by their numbers in ``table``, from memory, callable on the event loop."""

    def revision(self, numbers: Int64s | None = None) -> int | None:
        """A number that grows whenever what is kept of these numbers of ``table``, or of any at all, changes.

        It grows after the change can be seen: asked before a question, it is never newer than the answer. It starts
        anew with the process. None where others write too. Callable on the event loop.
        """

    def open_aggregates(self, question: Aggregation) -> Rows[Aggregate]:
        """Start a question; blocking. Raises NotOfferedError or StoreError."""

    def count(self, query: Query) -> int:
        """How many observations the query would return, its limit and offset left out; blocking."""

    def erase(self, series: Sequence[Series], before: int) -> int:
        """Erase for good what these measured before that time (ms UTC), with what it amounted to; blocking.

        Return how many versions there were. Only in the thread that writes; raises StoreError, and then it may be
        asked again, or NotOfferedError.
        """

    def limit(self, rules: Sequence[Keep]) -> None:
        """Drop raw observations by the first rule that covers their series, in ``tend``; without one they stay.

        NotOfferedError where that is somebody else's to say.
        """

    def tend(self, now: int) -> None:
        """Do what may wait: roll-ups, sealing, retention. Blocks for long; called every few seconds in one thread.

        It runs beside ``add`` and all questions; raises StoreError, and is then called again.
        """

    def backup(self, folder: Path) -> None:
        """Copy everything kept into an empty folder while running; blocking.

        NotOfferedError says what to do instead.
        """

    def close(self) -> None:
        """Leave everything on disk; blocking."""
