"""Who listens on MQTT hears of new open observations what HTTP says of them; nobody else may say it."""

import asyncio
import json
import ssl
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from collector.access.asker import ANYONE
from collector.city import City, open_city
from collector.entities.inventory import Inventory
from collector.ingest import Ingest
from collector.observation import Observation, Series
from collector.receive import Receiver
from collector.running.republish import Republishing
from collector.series.batch import Batch
from collector.tests.asking import client_of
from firmware import mqtt_codec as mqtt

from .conftest import RunningBroker  # type: ignore[import-not-found]
from .publishers import NOW, publishing, until  # type: ignore[import-not-found]

COPIES = "koper/v1.1/#"


class Listener:
    """Whoever has a certificate, as the codec makes it."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer
        self._decoder = mqtt.Decoder()
        self.heard: list[tuple[str, Any]] = []

    async def hear(self, seconds: float) -> None:
        """All that comes until nothing came for so long, or the broker hung up."""
        with suppress(TimeoutError, ConnectionError):
            while octets := await asyncio.wait_for(self._reader.read(65536), seconds):
                self._take(octets)

    async def hears(self, count: int) -> None:
        """So many messages, however long they take, and what comes beside them."""
        async with asyncio.timeout(120):
            while len(self.heard) < count:
                octets = await self._reader.read(65536)
                assert octets, "the broker hung up"
                self._take(octets)
        await self.hear(0.5)

    async def until(self, kind: int) -> Any:
        while True:
            octets = await asyncio.wait_for(self._reader.read(65536), 10)
            for packet in self._take(octets):
                if packet[0] == kind:
                    return packet

    def publish(self, topic: str) -> None:
        self._writer.write(mqtt.publish(topic, b'{"result":1}'))

    def _take(self, octets: bytes) -> list[Any]:
        packets = self._decoder.feed(octets)
        self.heard += [(packet[1], json.loads(packet[2])) for packet in packets if packet[0] == mqtt.PUBLISH]
        return packets


@asynccontextmanager
async def listening(broker: RunningBroker, name: str, *filters: str) -> AsyncIterator[Listener]:
    config = broker.config.broker
    tls = ssl.create_default_context(cafile=config.ca)
    certificate = config.certificate.with_name(f"{name}.pem")
    tls.load_cert_chain(certificate, certificate.with_suffix(".key"))
    reader, writer = await asyncio.open_connection(config.host, config.port, ssl=tls, server_hostname="localhost")
    listener = Listener(reader, writer)
    writer.write(mqtt.connect(name, 60, clean_session=True))
    await listener.until(mqtt.CONNACK)
    if filters:
        writer.write(mqtt.subscribe(1, [(one, 0) for one in filters]))
        suback = await listener.until(mqtt.SUBACK)
        assert len(suback[2]) == len(filters)
    yield listener
    writer.close()


@pytest.fixture
def city(broker: RunningBroker, tmp_path: Path) -> Iterator[City]:
    inventory = broker.inventory.model_dump()
    inventory["thing"] = [{**one, "openness": "open"} for one in inventory["thing"]]
    opened = open_city(Inventory.model_validate(inventory), tmp_path / "data", "memory:")
    yield opened
    opened.close()


@asynccontextmanager
async def receiving(city: City, broker: RunningBroker) -> AsyncIterator[Receiver]:
    receiver = Receiver(city, Ingest(city), broker.config.broker)
    tasks = [asyncio.create_task(one) for one in (receiver.run(), Republishing(city, receiver.send_copies).run())]
    await asyncio.wait_for(receiver.connected.wait(), 10)
    yield receiver
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def test_a_subscriber_hears_an_observation_as_http_gives_it(city: City, broker: RunningBroker) -> None:
    async with receiving(city, broker), listening(broker, "reader", COPIES) as listener:
        async with publishing(broker) as publisher:
            await publisher.publish(1, 3)
            await until(lambda: len(city.feed.since(0)) > 0)
        await listener.hears(3)
    stream = city.registry.datastream_of(Series("spot-0001", "distance"))
    assert stream
    assert [topic for topic, _ in listener.heard] == [f"koper/v1.1/Datastreams({stream.id})/Observations"] * 3
    with client_of(city, ANYONE) as client:
        for _, content in listener.heard:
            answer = client.get(f"/v1.1/Observations('{content['@iot.id']}')").json()
            assert content == {key: answer[key] for key in content}
    assert [content["result"] for _, content in listener.heard] == [1 / 8, 2 / 8, 3 / 8]
    assert city.metrics.counts["observations_republished_total"] == 3


async def test_nobody_but_the_collector_publishes_copies(broker: RunningBroker) -> None:
    topic = "koper/v1.1/Datastreams(1)/Observations"
    async with listening(broker, "reader", COPIES) as listener:
        for forger in ("park-0001", "collector"):
            async with listening(broker, forger) as one:
                one.publish(topic)
                await one.hear(0.3)
            expected = [topic] if forger == "collector" else []
            await listener.hears(len(expected))
            assert [heard for heard, _ in listener.heard] == expected
    async with listening(broker, "collector", "koper/v1/+/reading") as collector:
        async with listening(broker, "reader") as one:
            one.publish(topic)
            one.publish("koper/v1/park-0001/reading")
            await one.hear(0.3)
        await collector.hear(0.5)
        assert collector.heard == []


async def test_a_node_hears_no_copies(broker: RunningBroker) -> None:
    async with listening(broker, "park-0001", COPIES) as node, listening(broker, "collector") as collector:
        collector.publish("koper/v1.1/Datastreams(1)/Observations")
        await node.hear(0.5)
        assert node.heard == []


# ---- without a broker ------------------------------------------------------------------------------------------------


@pytest.fixture
def open_town(tmp_path: Path) -> Iterator[City]:
    names = {"sl": "a", "it": "a", "en": "a"}
    things = [
        {"id": "spot-1", "name": names, "center": "mobility", "openness": "open"},
        {"id": "wm-1", "name": names, "center": "environment", "household": "h-1"},
    ]
    opened = open_city(Inventory.model_validate({"city": "koper", "thing": things}), tmp_path, "memory:")
    yield opened
    opened.close()


def store(city: City, observations: list[Observation]) -> None:
    city.registry.see(one.series for one in observations)
    city.feed.publish(city.store.add(Batch.of(city.store.table, observations), NOW).kept)


def distances(count: int, thing: str = "spot-1") -> list[Observation]:
    return [Observation(Series(thing, "distance"), NOW + at, float(at)) for at in range(count)]


Sent = list[tuple[str, Any]]


@asynccontextmanager
async def republishing(
    city: City, most: int = 1_000, *, takes: Callable[[], bool] = lambda: True
) -> AsyncIterator[Sent]:
    sent: Sent = []

    def send(packets: bytes) -> bool:
        if takes():
            sent.extend((one[1], json.loads(one[2])) for one in mqtt.Decoder().feed(packets))
        return takes()

    task = asyncio.create_task(Republishing(city, send, most).run())
    await asyncio.sleep(0)
    yield sent
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


def counts(city: City) -> tuple[int, int]:
    found = city.metrics.counts
    return found["observations_republished_total"], found["observations_not_republished_total"]


async def test_what_not_anyone_may_see_is_not_copied(open_town: City) -> None:
    async with republishing(open_town) as sent:
        store(open_town, [*distances(2), Observation(Series("wm-1", "water_volume"), NOW, 4.0)])
        await until(lambda: len(sent) == 2)
        await asyncio.sleep(0.2)
    assert {topic for topic, _ in sent} == {"koper/v1.1/Datastreams(1)/Observations"}
    assert "wm-1" not in str(sent)


async def test_of_too_many_the_newest_are_copied_and_the_others_counted(open_town: City) -> None:
    async with republishing(open_town, most=300) as sent:
        store(open_town, distances(5_000))
        await until(lambda: sum(counts(open_town)) == 5_000)
    copied, left_out = counts(open_town)
    assert copied == len(sent)
    assert 300 <= copied < 500
    assert left_out == 5_000 - copied
    assert sent[-1][1]["result"] == 4_999
    assert [one["result"] for _, one in sent] == sorted(one["result"] for _, one in sent)


async def test_while_nobody_takes_copies_they_are_counted_and_not_kept(open_town: City) -> None:
    is_well = False
    async with republishing(open_town, takes=lambda: is_well) as sent:
        store(open_town, distances(10))
        await until(lambda: counts(open_town) == (0, 10))
        is_well = True
        store(open_town, distances(12))
        await until(lambda: counts(open_town)[0] == 2)
    assert [one["result"] for _, one in sent] == [10.0, 11.0]
