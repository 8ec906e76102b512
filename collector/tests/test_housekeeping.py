"""What may wait is done, and a store that cannot is asked again."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from collector.city import City, open_city
from collector.observation import Observation, Series
from collector.running import housekeeping
from collector.running.housekeeping import Housekeeping
from collector.series.batch import Batch
from collector.store import StoreError
from collector.tests.test_ingest import NOW, inventory


@pytest.fixture
def city(tmp_path: Path) -> Iterator[City]:
    opened = open_city(inventory("spot-0001"), tmp_path, "duckdb:observations.duckdb")
    yield opened
    opened.store.close()


async def test_rollups_appear_by_themselves(city: City) -> None:
    one = Observation(Series("spot-0001", "distance"), NOW, 0.4)
    city.store.add(Batch.of(city.store.table, [one]), NOW)
    running = asyncio.create_task(Housekeeping(city, every=0.01).run())
    async with asyncio.timeout(120):
        while not rollups(city):  # noqa: ASYNC110  # it looks at a file
            await asyncio.sleep(0.01)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running


def test_a_store_that_cannot_now_is_told_of_and_asked_again(city: City, monkeypatch: pytest.MonkeyPatch) -> None:
    tend = type(city.store).tend

    def cannot(_self: object, _now: int) -> None:
        raise StoreError("duckdb: no space left")

    monkeypatch.setattr(type(city.store), "tend", cannot)
    Housekeeping(city).once(NOW)
    assert "no space left" in city.health.reasons["housekeeping"]
    monkeypatch.setattr(type(city.store), "tend", tend)
    Housekeeping(city).once(NOW)
    assert city.health.reasons == {}


async def test_what_could_not_be_done_is_tried_again_soon(city: City, monkeypatch: pytest.MonkeyPatch) -> None:
    answers = [StoreError("duckdb: no space left")]

    def cannot_at_first(_self: object, _now: int) -> None:
        if answers:
            raise answers.pop()

    monkeypatch.setattr(type(city.store), "tend", cannot_at_first)
    monkeypatch.setattr(housekeeping, "AGAIN", 0.01)  # s
    keeping = Housekeeping(city, every=60)
    keeping.once(NOW)
    assert "housekeeping" in city.health.reasons
    running = asyncio.create_task(keeping.run())
    async with asyncio.timeout(120):
        while city.health.reasons:  # noqa: ASYNC110  # a thread mends it
            await asyncio.sleep(0.01)
    running.cancel()
    await asyncio.wait([running])


def rollups(city: City) -> int:
    with city.store._cursor() as cursor:  # type: ignore[attr-defined]
        return int(cursor.execute("select count(*) from rollup").fetchall()[0][0])
