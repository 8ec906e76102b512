"""Those who look on are bounded, and those who ask never stop the event loop."""

import asyncio
import threading

import pytest

from collector.observation import Observation, Series, observation_id, split_observation_id
from collector.reader import Reader
from collector.series.batch import Batch
from collector.series.feed import FRESH, Feed
from collector.series.query import Query
from collector.store import Rows, StoreError
from collector.stores.memory import MemoryStore

LEVEL = Series("wm-1", "level")


def level(at: int) -> Observation:
    return Observation(LEVEL, at, float(at))


async def test_what_was_stored_since_the_last_look_comes_at_once() -> None:
    feed = Feed()
    with feed.subscribe() as live:
        feed.publish([level(1)])
        feed.publish([level(2), level(3)])
        assert [one.at for one in await anext(aiter(live))] == [1, 2, 3]
    assert feed.subscribers == 0


async def test_a_slow_subscriber_loses_what_left_the_ring_and_is_told_how_much() -> None:
    feed = Feed(most=5)
    with feed.subscribe() as slow:
        for begin in (1, 3, 6):
            feed.publish([level(at) for at in range(begin, begin + 3)])
        assert [one.at for one in await anext(aiter(slow))] == [6, 7, 8]
        assert slow.dropped == 6
        feed.publish([level(9)])
        assert [one.at for one in await anext(aiter(slow))] == [9]
        assert slow.dropped == 6


async def test_what_is_longer_than_the_ring_is_still_given_once() -> None:
    feed = Feed(most=2)
    with feed.subscribe() as live:
        feed.publish([level(at) for at in range(10)])
        assert len(await anext(aiter(live))) == 10
        assert live.dropped == 0


async def test_one_who_comes_back_goes_on_where_it_was() -> None:
    feed = Feed(most=4)
    for at in range(1, 4):
        feed.publish([level(at)])
    with feed.subscribe(after=1) as back:
        assert [one.at for one in await anext(aiter(back))] == [2, 3]
    for at in range(4, 9):
        feed.publish([level(at)])
    assert [number for number in range(12) if feed.reaches(number)] == [4, 5, 6, 7, 8]
    with feed.subscribe(after=8) as back:
        feed.publish([level(9)])
        assert [one.at for one in await anext(aiter(back))] == [9]
        assert back.dropped == 0


async def test_what_was_written_of_news_is_kept_for_a_moment_only() -> None:
    feed = Feed()
    for at in range(FRESH + 5):
        feed.publish([level(at)])
        feed.since(0)[-1].written["all"] = b"[]"
    assert sum(bool(one.written) for one in feed.since(0)) == FRESH


async def test_a_long_answer_comes_in_pieces() -> None:
    store = MemoryStore()
    store.add(Batch.of(store.table, [level(at) for at in range(1, 26)]), 1)
    sizes = [len(chunk) async for chunk in Reader(store).chunks(Query(LEVEL), size=10)]
    assert sizes == [10, 10, 5]
    assert await Reader(store).count(Query(LEVEL)) == 25


class StuckRows:
    def __init__(self) -> None:
        self.released = threading.Event()

    def fetch(self, count: int) -> list[Observation]:
        self.released.wait(10)
        raise StoreError("interrupted")

    def interrupt(self) -> None:
        self.released.set()

    def close(self) -> None:
        pass


class StuckStore(MemoryStore):
    def open_rows(self, query: Query) -> Rows:
        return StuckRows()


async def test_a_query_past_its_deadline_is_interrupted_and_frees_its_place() -> None:
    reader = Reader(StuckStore(), at_once=1, deadline=0.05)
    for _ in range(2):
        with pytest.raises(StoreError, match=r"longer than 0\.05 s"):
            await reader.all(Query(LEVEL))


async def test_whoever_leaves_early_stops_the_query() -> None:
    reader = Reader(StuckStore(), at_once=1, deadline=60)
    asking = asyncio.create_task(reader.all(Query(LEVEL)))
    await asyncio.sleep(0.05)
    asking.cancel()
    async with asyncio.timeout(120):
        await asyncio.wait([asking])
    assert asking.cancelled()


def test_an_observation_id_comes_back() -> None:
    assert split_observation_id(observation_id(17, 1_795_392_000_000)) == (17, 1_795_392_000_000)


@pytest.mark.parametrize("text", ["", "17", "17-", "-17", "a-1", "1-2-3", "²-1"])
def test_another_text_is_no_observation_id(text: str) -> None:
    with pytest.raises(ValueError, match="expected"):
        split_observation_id(text)
