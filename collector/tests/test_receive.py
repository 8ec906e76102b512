"""The collector against real brokers with mTLS: acknowledged after the commit, receipted, and nothing lost."""

import asyncio
import json
import sys
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import pytest

from collector import receive
from collector.city import City, open_city
from collector.ingest import Ingest, Outcome
from collector.messages.message import Message
from collector.observation import Series
from collector.receive import Receiver, Writer
from collector.receiving.inbox import Arrival, Inbox
from collector.series.query import Query
from collector.store import StoreError
from firmware import contract

from .conftest import RunningBroker  # type: ignore[import-not-found]
from .publishers import publishing, until  # type: ignore[import-not-found]

DISTANCE = Series("spot-0001", "distance")


@contextmanager
def opened(broker: RunningBroker, url: str = "duckdb:observations.duckdb") -> Iterator[City]:
    city = open_city(broker.inventory, broker.config.data, url)
    yield city
    city.store.close()


@asynccontextmanager
async def receiving(
    broker: RunningBroker, city: City, writer: Writer | None = None, inbox: Inbox | None = None
) -> AsyncIterator[Receiver]:
    receiver = Receiver(city, writer or Ingest(city), broker.config.broker, inbox)
    running = asyncio.create_task(receiver.run())
    await until(lambda: city.metrics.counts["connections_total"] > 0)
    yield receiver
    running.cancel()
    await asyncio.wait([running])


def stored(city: City) -> list[object]:
    return [one.value for one in city.store.open_rows(Query(DISTANCE)).fetch(100_000)]


async def test_a_reading_is_stored_and_receipted(broker: RunningBroker) -> None:
    with opened(broker) as city:
        async with receiving(broker, city), publishing(broker) as publisher:
            with city.feed.subscribe() as live:
                await publisher.publish(1, 100)
                while len(publisher.receipts) < 100:
                    await publisher.hear()
                assert len(await anext(aiter(live))) > 0
        assert stored(city) == [seq / 8 for seq in range(1, 101)]
        assert publisher.receipts == set(range(1, 101))
        assert city.health.reasons == {}


class FlakyWriter:
    """Fails, as a full disk does, until there is room; then the real one is asked."""

    def __init__(self, city: City) -> None:
        self._ingest = Ingest(city)
        self.fails = True
        self.asked = 0

    def commit(self, messages: list[Message], now: int) -> Outcome:
        self.asked += 1
        if self.fails:
            raise StoreError("disk full")
        return self._ingest.commit(messages, now)


async def test_while_the_store_fails_nothing_is_acknowledged_and_then_all_is_stored(broker: RunningBroker) -> None:
    with opened(broker) as city:
        writer = FlakyWriter(city)
        async with receiving(broker, city, writer), publishing(broker) as publisher:
            await publisher.publish(1, 50)
            await until(lambda: writer.asked >= 2)
            assert "disk full" in city.health.reasons["store"]
            assert city.metrics.counts["messages_acknowledged_total"] == 0
            assert publisher.receipts == set()
            writer.fails = False
            await until(lambda: city.metrics.counts["messages_acknowledged_total"] >= 50)
            assert "store" not in city.health.reasons
        assert stored(city) == [seq / 8 for seq in range(1, 51)]


class GatedWriter:
    """Commits only while the gate is open."""

    def __init__(self, city: City) -> None:
        self._ingest = Ingest(city)
        self.gate = threading.Event()
        self.is_asked = False

    def commit(self, messages: list[Message], now: int) -> Outcome:
        self.is_asked = True
        self.gate.wait(30)
        return self._ingest.commit(messages, now)


async def test_a_slow_store_bounds_the_memory_and_loses_nothing(broker: RunningBroker) -> None:
    with opened(broker) as city:
        inbox, writer = Inbox(most=200), GatedWriter(city)
        async with receiving(broker, city, writer, inbox), publishing(broker) as publisher:
            await publisher.publish(1, 1)
            await until(lambda: writer.is_asked)  # from here on the writer takes no second batch
            await publisher.publish(2, 5_000)
            await until(lambda: inbox.is_full)
            await asyncio.sleep(0.5)  # time enough for all 5,000 to arrive, were the socket still read
            assert len(inbox) < 2_500  # 200 and what one read of the socket brought
            gauges = city.metrics.gauges
            assert (gauges["inbox_messages"], gauges["inbox_bytes"]) == (len(inbox), inbox.size)
            assert gauges["backlog_age_seconds"] >= 0.5
            assert "last_commit_age_seconds" not in gauges
            writer.gate.set()
            await until(lambda: len(stored(city)) == 5_000)
        assert stored(city) == [seq / 8 for seq in range(1, 5_001)]
        assert city.metrics.gauges["backlog_age_seconds"] == 0
        assert city.metrics.gauges["last_commit_age_seconds"] < 30


async def test_a_store_that_takes_long_is_told_for_as_long_as_messages_wait_for_it(
    broker: RunningBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(receive, "SLOW", 0.2)  # s
    with opened(broker) as city:
        writer = GatedWriter(city)
        async with receiving(broker, city, writer), publishing(broker) as publisher:
            await publisher.publish(1, 1)
            await until(lambda: "0.2 s to be committed" in city.health.reasons.get("store", ""))
            writer.gate.set()
            await until(lambda: city.health.reasons == {})


class Nobody:
    """Who sent what came over a connection that is gone."""

    def acknowledge(self, packet_ids: list[int]) -> None: ...

    def resume(self) -> None: ...


async def test_while_the_inbox_is_full_no_new_connection_fills_it_further(broker: RunningBroker) -> None:
    inbox = Inbox(most=200)
    for _ in range(6_000):  # more than one batch
        inbox.put(Arrival([Message("koper/v1/park-0001/reading", b"{}", 0)], [], Nobody()))
    inbox.resume_later(Nobody())
    with opened(broker, "memory:") as city:
        writer = GatedWriter(city)
        running = asyncio.create_task(Receiver(city, writer, broker.config.broker, inbox).run())
        await until(lambda: writer.is_asked)
        await asyncio.sleep(0.5)  # time enough to connect, were it tried
        assert city.metrics.counts["connections_total"] == 0
        writer.gate.set()
        await until(lambda: city.metrics.counts["connections_total"] == 1)
        running.cancel()
        await asyncio.wait([running])


async def test_a_broker_that_is_killed_is_found_again(broker: RunningBroker) -> None:
    with opened(broker) as city:
        async with receiving(broker, city):
            async with publishing(broker) as publisher:
                await publisher.publish(1, 10)
                await until(lambda: len(stored(city)) == 10)
            broker.kill()
            await until(lambda: "broker" in city.health.reasons)
            broker.start()
            await until(lambda: "broker" not in city.health.reasons)
            async with publishing(broker) as publisher:
                await publisher.publish(11, 20)
                await until(lambda: len(stored(city)) == 20)


async def test_a_broker_that_is_not_there_is_told(broker: RunningBroker) -> None:
    config = broker.config.broker.model_copy(update={"port": 1})
    with opened(broker, "memory:") as city:
        running = asyncio.create_task(Receiver(city, Ingest(city), config).run())
        await until(lambda: "no connection to 127.0.0.1:1" in city.health.reasons.get("broker", ""))
        running.cancel()
        await asyncio.wait([running])


async def test_a_refused_subscription_is_told(broker: RunningBroker) -> None:
    if broker.config.broker.kind == "mosquitto":
        pytest.skip("mosquitto 2.0 grants every subscription and then delivers nothing")
    certificate = broker.config.broker.certificate.with_name("park-0001.pem")
    config = broker.config.broker.model_copy(
        update={"certificate": certificate, "key": certificate.with_suffix(".key")}
    )
    with opened(broker, "memory:") as city:
        running = asyncio.create_task(Receiver(city, Ingest(city), config).run())
        await until(lambda: "subscription" in city.health.reasons.get("broker", ""))
        assert "koper/v1/+/reading" in city.health.reasons["broker"]
        running.cancel()
        await asyncio.wait([running])


KILLED = """
import asyncio, sys, time
from pathlib import Path
from collector.city import open_city
from collector.config import load_config
from collector.ingest import Ingest
from collector.entities.inventory import load_inventory
from collector.receive import Receiver

config = load_config(Path(sys.argv[1]))
city = open_city(load_inventory(config.inventory), config.data, config.store.url)
ingest = Ingest(city)
count = 0

class Hanging:
    def commit(self, messages, now):
        global count
        if sys.argv[2] == "after the commit":
            count += len(ingest.commit(messages, now).kept)
        else:
            count += len(messages)
        print(count, flush=True)
        time.sleep(60)

print("open", flush=True)
asyncio.run(Receiver(city, Hanging(), config.broker).run())
"""


@pytest.mark.slow
@pytest.mark.parametrize("moment", ["before the commit", "after the commit"])
async def test_killed_around_the_commit_nothing_is_lost_and_nothing_is_double(
    broker: RunningBroker, moment: str
) -> None:
    with opened(broker) as city:
        async with receiving(broker, city):
            pass  # the session exists from now on
    script = [sys.executable, "-c", KILLED, str(broker.folder / "collector.toml"), moment]
    victim = await asyncio.create_subprocess_exec(*script, stdout=asyncio.subprocess.PIPE)
    assert victim.stdout
    assert await victim.stdout.readline() == b"open\n"
    async with publishing(broker) as publisher:
        await publisher.publish(1, 300)
        assert int(await victim.stdout.readline()) > 0
        victim.kill()
        await victim.wait()
        assert publisher.receipts == set()
    with opened(broker) as city:
        async with receiving(broker, city):
            await until(lambda: city.metrics.counts["messages_acknowledged_total"] >= 300, 60)
        assert stored(city) == [seq / 8 for seq in range(1, 301)]
        assert city.store.count(Query(DISTANCE, versions="all")) == 300
        assert [account.stored for account in city.ledger.accounts] == [((1, 300),)]


async def test_the_collector_says_that_it_is_there_and_that_it_leaves(broker: RunningBroker, tmp_path: Path) -> None:
    config = broker.config.broker
    certificate = config.certificate.with_name("park-0001.pem")
    listen = ["mosquitto_sub", "-h", "localhost", "-p", str(config.port), "-i", "park-0001", "-C", "2", "-W", "20"]
    files = ["--cafile", config.ca, "--cert", certificate, "--key", certificate.with_suffix(".key")]
    with opened(broker, "memory:") as city, (tmp_path / "heard").open("wb") as heard:
        async with receiving(broker, city):
            topic = ["-t", contract.topic("koper", "collector", "state")]
            listener = await asyncio.create_subprocess_exec(*listen, *map(str, files), *topic, stdout=heard)
            await until(lambda: (tmp_path / "heard").stat().st_size > 0)
        assert await listener.wait() == 0
    states = [json.loads(line) for line in (tmp_path / "heard").read_text().splitlines()]
    assert [state["online"] for state in states] == [True, False]
