"""Does a row cost the same when there are many? Rows a second and memory, as the store grows."""

import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from collector.bench.storing import NOW, points
from collector.stores.duckdb import DuckdbStore

LAST = 200_000  # rows whose rate is told at each size


def measure(sizes: Sequence[int]) -> Iterator[str]:
    yield "points in the store      rows/s at this size   B/point    resident MB   reopened in s"
    with TemporaryDirectory() as folder:
        file = Path(folder, "observations.duckdb")
        store = DuckdbStore(file)
        count, spent, since = 0, 0.0, 0
        for batch in points(store.table, sizes[-1]):
            started = time.perf_counter()
            store.add(batch, NOW)
            spent += time.perf_counter() - started
            count += len(batch)
            size = next(one for one in sizes if one >= count)
            if count <= size - LAST:
                spent, since = 0.0, count
            elif count == size:
                rate = (count - since) / spent
                store.close()
                started = time.perf_counter()
                store = DuckdbStore(file)
                opened = time.perf_counter() - started
                bytes_each = file.stat().st_size / count
                yield f"{count:14,}{rate:24,.0f}{bytes_each:13.2f}{memory('VmRSS'):14.0f}{opened:14.2f}"
        store.close()


def memory(which: str, process: int | str = "self") -> float:
    """MB of a process, as Linux names them: ``VmRSS`` now, ``VmHWM`` at most."""
    with Path(f"/proc/{process}/status").open() as status:
        return next(int(line.split()[1]) / 1024 for line in status if line.startswith(which))
