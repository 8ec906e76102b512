"""Who takes messages from a broker, beside the collector? One who does nothing, paho, and the script one finds.

Each is a context manager that yields a counter of the messages it is done with.
"""

import asyncio
import json
import ssl
import threading
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any, cast

import paho.mqtt.client as paho
from influxdb_client.client.influxdb_client import InfluxDBClient
from influxdb_client.client.write.point import Point
from influxdb_client.client.write_api import WriteOptions

from collector.city import City, open_city
from collector.config import CollectorConfig
from collector.entities.inventory import load_inventory
from collector.ingest import Ingest
from collector.messages.message import Message
from collector.receive import Receiver
from collector.receiving.linger import LINGER
from firmware import mqtt_codec as mqtt

Counter = Callable[[], int]
PAHO_BATCH = 500  # messages; larger ones only make the broker wait for acknowledgements
TOPIC = "koper/v1/+/reading"
_Point: Any = Point  # it has no types


@asynccontextmanager
async def nothing(config: CollectorConfig) -> AsyncIterator[Counter]:
    """Acknowledge at once, keep nothing: what broker, network and TLS cost by themselves."""
    broker = config.broker
    transport, sink = await asyncio.get_running_loop().create_connection(
        _Sink, broker.host, broker.port, ssl=_tls(config), server_hostname=broker.server_name
    )
    await asyncio.sleep(0.3)
    yield lambda: sink.count
    transport.close()
    await asyncio.sleep(0.1)


class _Sink(asyncio.Protocol):
    def __init__(self) -> None:
        self._decoder = mqtt.Decoder()
        self.count = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._transport.write(mqtt.connect("collector", clean_session=False))
        self._transport.write(mqtt.subscribe(1, [(TOPIC, 1)]))

    def data_received(self, data: bytes) -> None:
        packet_ids = [packet[4] for packet in self._decoder.feed(data) if packet[0] == mqtt.PUBLISH]
        self._transport.write(b"".join(map(mqtt.puback, packet_ids)))
        self.count += len(packet_ids)


def collector(store: str) -> Callable[[CollectorConfig], Any]:
    """The collector as it is: checked, stored, in the ledger, then acknowledged and receipted."""

    @asynccontextmanager
    async def way(config: CollectorConfig) -> AsyncIterator[Counter]:
        async with AsyncExitStack() as stack:
            city = _open(config, store)
            stack.callback(city.store.close)
            running = asyncio.create_task(Receiver(city, Ingest(city), config.broker).run())
            while not city.metrics.counts["connections_total"]:  # noqa: ASYNC110  # it counts what a broker does
                await asyncio.sleep(0.01)
            yield lambda: city.metrics.counts["messages_acknowledged_total"]
            running.cancel()
            await asyncio.wait([running])

    return way


@asynccontextmanager
async def paho_collector(config: CollectorConfig) -> AsyncIterator[Counter]:
    """The same ingest and store behind paho-mqtt, which acknowledges each message by hand after the commit."""
    city = _open(config, "duckdb:observations.duckdb")
    ingest = Ingest(city)
    waiting: list[Any] = []
    done = 0

    def commit() -> None:
        nonlocal done
        several, waiting[:] = waiting[:], []
        messages = [Message(one.topic, one.payload, time.time_ns() // 1_000_000) for one in several]
        ingest.commit(messages, time.time_ns() // 1_000_000)
        for one in several:
            client.ack(one.mid, one.qos)
        done += len(several)

    def arrived(_client: Any, _userdata: Any, message: Any) -> None:
        waiting.append(message)
        if len(waiting) >= PAHO_BATCH:
            commit()

    client = _paho(config, manual_ack=True)
    client.on_message = arrived
    stopping = threading.Event()

    def loop() -> None:
        since = time.monotonic()
        while not stopping.is_set():
            client.loop(LINGER)
            if waiting and time.monotonic() - since > LINGER:
                commit()
                since = time.monotonic()

    thread = threading.Thread(target=loop)
    thread.start()
    await asyncio.sleep(0.5)
    yield lambda: done
    stopping.set()
    thread.join()
    client.disconnect()
    city.store.close()


def script(url: str) -> Callable[[CollectorConfig], Any]:
    """paho, json, a ``Point`` per value and the batching write API of influxdb-client: what one finds everywhere.

    paho acknowledges before anything is stored. ``url`` is a server that takes InfluxDB 2's way of writing.
    """

    @asynccontextmanager
    async def way(config: CollectorConfig) -> AsyncIterator[Counter]:
        written = 0

        def success(_batch: Any, data: bytes) -> None:
            nonlocal written
            written += data.count(b"\n") + 1

        influx: Any = InfluxDBClient(url=url, token="none", org="koper")  # noqa: S106  # the peer asks for none
        writer = influx.write_api(WriteOptions(batch_size=5_000, flush_interval=200), success_callback=success)
        readings = 1

        def arrived(_client: Any, _userdata: Any, message: Any) -> None:
            nonlocal readings
            decoded = json.loads(message.payload)
            readings = len(decoded["readings"])
            for reading in decoded["readings"]:
                for quantity, value in reading["values"].items():
                    point = _Point("observation").tag("thing", reading["thing"]).tag("quantity", quantity)
                    writer.write("koper", "koper", point.field("number", float(value)).time(reading["at"], "ms"), "ms")

        client = _paho(config, manual_ack=False)
        client.on_message = arrived
        client.loop_start()
        await asyncio.sleep(0.5)
        yield lambda: written // readings
        client.disconnect()
        client.loop_stop()
        await asyncio.to_thread(writer.close)
        await asyncio.to_thread(influx.close)

    return way


def _paho(config: CollectorConfig, *, manual_ack: bool) -> paho.Client:
    broker = config.broker
    version = paho.CallbackAPIVersion.VERSION2  # type: ignore[attr-defined]  # paho exports it so
    client = paho.Client(version, client_id="collector", clean_session=False, manual_ack=manual_ack)
    client.tls_set_context(_tls(config))
    client.on_connect = _subscribe
    client.connect(broker.server_name, broker.port)
    return client


def _subscribe(client: paho.Client, *_: Any) -> None:
    client.subscribe(TOPIC, 1)


def _open(config: CollectorConfig, store: str) -> City:
    return open_city(load_inventory(config.inventory), Path(config.data, store.partition(":")[0]), store)


def _tls(config: CollectorConfig) -> ssl.SSLContext:
    tls = ssl.create_default_context(cafile=config.broker.ca)
    tls.load_cert_chain(config.broker.certificate, config.broker.key)
    return tls
