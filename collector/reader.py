"""How does the event loop ask a store that blocks? In threads, few at once, each with a deadline."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Sequence, Sized
from contextlib import aclosing
from typing import Any, Protocol, TypeVar

from collector.observation import Observation
from collector.series.aggregation import Aggregate, Aggregation
from collector.series.query import Query
from collector.store import Store, StoreError

Answer = TypeVar("Answer")
Question = TypeVar("Question")
Piece = TypeVar("Piece", bound=Sized)
Piece_co = TypeVar("Piece_co", bound=Sized, covariant=True)
CHUNK = 5_000  # observations per fetch: about a millisecond of work between two awaits
COLUMNS = 20_000  # as ``CHUNK``, where no objects are made


class Opened(Protocol[Piece_co]):
    """``stores.Rows`` or ``stores.Columns``."""

    def fetch(self, count: int) -> Piece_co: ...

    def interrupt(self) -> None: ...

    def close(self) -> None: ...


class Reader:
    """Queries that never block the event loop. ``deadline`` (s) holds for each step of a query."""

    def __init__(self, store: Store, at_once: int = 2, deadline: float = 30.0) -> None:
        self._store = store
        self._slots = asyncio.Semaphore(at_once)
        self._deadline = deadline
        self.making = asyncio.Semaphore(1)
        """Held by who reads whole series to make something of them."""

    def chunks(self, query: Query, size: int = CHUNK) -> AsyncGenerator[Sequence[Observation], None]:
        """Yield the answer in pieces; raises NotOfferedError, or StoreError when the deadline passes.

        Wrap it in ``contextlib.aclosing`` when you may leave it early.
        """
        return self._pieces(self._store.open_rows, query, size)

    def columns(self, query: Query, size: int = COLUMNS) -> AsyncGenerator[Any, None]:
        """As ``chunks``: the answer as record batches with the schema of ``columns.schema_of``."""
        return self._pieces(self._store.open_columns, query, size)

    def aggregates(self, question: Aggregation, size: int = CHUNK) -> AsyncGenerator[Sequence[Aggregate], None]:
        """As ``chunks``."""
        return self._pieces(self._store.open_aggregates, question, size)

    async def all(self, query: Query) -> list[Observation]:
        """The whole answer at once: only for a query with a limit."""
        async with aclosing(self.chunks(query)) as chunks:
            return [one async for chunk in chunks for one in chunk]

    async def count(self, query: Query) -> int:
        return await self._within_slot(self._store.count, query)

    async def _pieces(
        self, ask: Callable[[Question], Opened[Piece]], question: Question, size: int
    ) -> AsyncGenerator[Piece, None]:
        rows = await self._within_slot(ask, question)
        try:
            while several := await self._fetch(rows, size):
                yield several
        finally:
            rows.close()

    async def _fetch(self, rows: Opened[Piece], size: int) -> Piece:
        async with self._slots:
            fetching = asyncio.create_task(asyncio.to_thread(rows.fetch, size))
            try:
                return await asyncio.wait_for(asyncio.shield(fetching), self._deadline)
            except (TimeoutError, asyncio.CancelledError) as error:
                rows.interrupt()
                await asyncio.wait([fetching])  # the thread has ended before the cursor is closed
                fetching.exception()  # that it was interrupted is known
                if isinstance(error, TimeoutError):
                    raise StoreError(f"the query took longer than {self._deadline:g} s") from None
                raise

    async def _within_slot(self, ask: Callable[[Question], Answer], query: Question) -> Answer:
        async with self._slots:
            try:
                return await asyncio.wait_for(asyncio.to_thread(ask, query), self._deadline)
            except TimeoutError:
                raise StoreError(f"the query took longer than {self._deadline:g} s") from None
