"""Several collectors on one broker: each message to one of them, and the city hears one collector."""

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from collector import receive
from collector.city import City, open_city
from collector.config import BrokerConfig
from collector.ingest import Ingest
from collector.observation import Series
from collector.receive import Receiver
from collector.series.query import Query
from firmware import contract

from .conftest import RunningBroker  # type: ignore[import-not-found]
from .publishers import NOW, Publisher, publishing, until  # type: ignore[import-not-found]

DISTANCE, ONLINE = Series("spot-0001", "distance"), Series("park-0001", "online")
NAMES = ("collector", "collector-2")


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[RunningBroker]:
    running = RunningBroker(tmp_path / "city", "mosquitto")
    command = [sys.executable, "-m", "provisioning", "issue", str(running.folder), "collector-2", "--role", "collector"]
    subprocess.run(command, check=True, capture_output=True)
    yield running
    running.kill()


def member(broker: RunningBroker, name: str) -> BrokerConfig:
    config: BrokerConfig = broker.config.broker
    certificate = config.certificate.with_name(f"{name}.pem")
    own = {"certificate": certificate, "key": certificate.with_suffix(".key"), "client_id": name}
    return config.model_copy(update={**own, "share": "collectors"})


def opened(broker: RunningBroker, name: str) -> City:
    """A store of its own, a ledger for all."""
    return open_city(broker.inventory, broker.folder / name, "memory:", f"sqlite:{broker.folder}/registry.sqlite", name)


@asynccontextmanager
async def receiving(broker: RunningBroker, name: str) -> AsyncIterator[City]:
    city = opened(broker, name)
    running = asyncio.create_task(Receiver(city, Ingest(city), member(broker, name)).run())
    await until(lambda: city.metrics.counts["connections_total"] > 0)
    yield city
    running.cancel()
    await asyncio.wait([running])
    city.store.close()


def times(city: City, series: Series) -> set[int]:
    return {one.at - NOW for one in city.store.open_rows(Query(series)).fetch(100_000)}


async def receipts(publisher: Publisher, count: int) -> None:
    async with asyncio.timeout(120):
        while len(publisher.receipts) < count:
            await publisher.hear()


async def test_each_message_goes_to_one_and_the_ledger_is_whole(broker: RunningBroker) -> None:
    async with receiving(broker, NAMES[0]) as one, receiving(broker, NAMES[1]) as two:
        async with publishing(broker) as publisher:
            await publisher.publish(1, 400)
            await receipts(publisher, 400)
        first, second = times(one, DISTANCE), times(two, DISTANCE)
        assert first | second == set(range(1, 401))
        assert not first & second
        assert min(len(first), len(second)) > 50
        for city in (one, two):
            (account,) = city.ledger.read()
            assert (account.stored, account.missing) == (((1, 400),), ())


async def test_a_state_that_was_said_before_is_known_to_who_comes_later(
    broker: RunningBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    filters = Receiver._filters  # without the shared one for states: mosquitto gives retained ones to it, others do not
    shared = f"$share/collectors/{contract.topic('koper', '+', 'state')}"
    monkeypatch.setattr(Receiver, "_filters", lambda self: [one for one in filters(self) if one != shared])
    async with publishing(broker) as publisher:
        publisher.say(NOW, online=True)
        for name in NAMES:
            async with receiving(broker, name) as city:
                await until(lambda city=city: times(city, ONLINE) == {0})  # type: ignore[misc]


async def test_a_state_that_is_said_meanwhile_is_heard_by_one(
    broker: RunningBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(receive, "RETAINED", 0.2)  # s
    async with receiving(broker, NAMES[0]) as one, receiving(broker, NAMES[1]) as two:
        await asyncio.sleep(0.5)
        async with publishing(broker) as publisher:
            for at in range(1, 21):
                publisher.say(NOW + at, online=True)
            await until(lambda: times(one, ONLINE) | times(two, ONLINE) == set(range(1, 21)))
        assert not times(one, ONLINE) & times(two, ONLINE)


async def heard(publisher: Publisher, *expected: bool) -> None:
    """The collector's state, as long as it changes; then nothing more for a while."""
    async with asyncio.timeout(120):
        while publisher.heard[-len(expected) :] != list(expected):
            await publisher.hear()
    publisher.heard.clear()


async def test_one_that_leaves_is_contradicted_and_the_last_is_not(broker: RunningBroker) -> None:
    async with publishing(broker) as publisher:
        async with receiving(broker, NAMES[0]):
            async with receiving(broker, NAMES[1]):
                await heard(publisher, True, True)
            await heard(publisher, False, True)
        await heard(publisher, False)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(1):
                await publisher.hear()


async def test_replays_are_asked_for_by_the_one_that_gateways_know(
    broker: RunningBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []
    monkeypatch.setattr(receive, "LOOK_AROUND", 0.05)  # s
    monkeypatch.setattr(Receiver, "_ask_for_replays", lambda self, *_: asked.append(self._broker.client_id))
    async with receiving(broker, NAMES[0]), receiving(broker, NAMES[1]):
        await asyncio.sleep(0.5)
    assert set(asked) == {"collector"}


async def test_what_another_has_stored_is_learnt_meanwhile(
    broker: RunningBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(receive, "LOOK_AROUND", 0.05)  # s
    async with receiving(broker, NAMES[0]) as one, receiving(broker, NAMES[1]) as two:
        async with publishing(broker) as publisher:
            await publisher.publish(1, 100)
            await receipts(publisher, 100)
        for city in (one, two):
            await until(lambda city=city: [account.stored for account in city.ledger.accounts] == [((1, 100),)])  # type: ignore[misc]
            assert city.registry.datastream_of(DISTANCE)


async def test_a_broker_that_shares_nothing_is_told(tmp_path: Path) -> None:
    nats = RunningBroker(tmp_path / "nats", "nats")
    try:
        city = opened(nats, NAMES[0])
        running = asyncio.create_task(Receiver(city, Ingest(city), member(nats, NAMES[0])).run())
        refused = "refuses the subscription to $share/collectors/koper/v1/+/reading"
        await until(lambda: refused in city.health.reasons.get("broker", ""))
        running.cancel()
        await asyncio.wait([running])
    finally:
        nats.kill()
