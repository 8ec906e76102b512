"""What publishes in the collector's tests: a node as the codec makes it, over mutual TLS."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from firmware import contract
from firmware import mqtt_codec as mqtt

from .conftest import RunningBroker  # type: ignore[import-not-found]

NOW = 1_795_392_000_000


async def until(condition: Callable[[], bool], seconds: float = 30) -> None:
    async with asyncio.timeout(seconds):
        while not condition():  # noqa: ASYNC110  # what is awaited happens in a broker
            await asyncio.sleep(0.01)


class Publisher:
    """A node as the codec makes it: publishes a window at QoS 1 and keeps what it hears."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer
        self._decoder = mqtt.Decoder()
        self.receipts: set[int] = set()
        self.heard: list[bool] = []
        """What the collector's state said: whether one is there."""

    async def publish(self, first: int, last: int) -> None:
        """Sequence numbers first … last; returns when the broker has acknowledged them all."""
        for seq in range(first, last + 1):
            readings = [{"thing": "spot-0001", "at": NOW + seq, "values": {"distance": seq / 8}}]
            payload = contract.encode_reading("7f3a91c2", seq, readings)
            topic = contract.topic("koper", "park-0001", "reading")
            self._writer.write(mqtt.publish(topic, payload, 1, seq % 65535 + 1))
            if seq % 500 == 0:
                await self._writer.drain()
        waiting = last - first + 1
        while waiting:
            waiting -= sum(packet[0] == mqtt.PUBACK for packet in await self.hear())

    def say(self, at: int, *, online: bool) -> None:
        """Publish its own state, retained."""
        state = contract.encode_state({"at": at, "online": online})
        self._writer.write(mqtt.publish(contract.topic("koper", "park-0001", "state"), state, retain=True))

    async def hear(self) -> list[tuple[object, ...]]:
        async with asyncio.timeout(30):
            packets = self._decoder.feed(await self._reader.read(65536))
        for packet in packets:
            if packet[0] == mqtt.PUBLISH and packet[1].endswith("/collector/state"):
                self.heard.append(contract.decode_state(packet[2])["online"])
            elif packet[0] == mqtt.PUBLISH:
                for first, last in contract.decode_receipt(packet[2])["received"]:
                    self.receipts |= set(range(first, last + 1))
        return packets


@asynccontextmanager
async def publishing(broker: RunningBroker) -> AsyncIterator[Publisher]:
    config = broker.config.broker
    tls = ssl.create_default_context(cafile=config.ca)
    certificate = config.certificate.with_name("park-0001.pem")
    tls.load_cert_chain(certificate, certificate.with_suffix(".key"))
    reader, writer = await asyncio.open_connection(config.host, config.port, ssl=tls, server_hostname="localhost")
    topics = [contract.topic("koper", *names) for names in (("park-0001", "receipt"), ("collector", "state"))]
    hearing = mqtt.subscribe(1, [(topic, 0) for topic in topics])
    writer.write(mqtt.connect("park-0001", 60, clean_session=True) + hearing)
    publisher = Publisher(reader, writer)
    while not any(packet[0] == mqtt.SUBACK for packet in await publisher.hear()):
        pass
    yield publisher
    writer.close()
