"""How many messages per second from publish to committed, beside a subscriber that does nothing?"""

import asyncio
import ssl
import statistics
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple, cast

from collector.broker import EmbeddedBroker
from collector.city import open_city
from collector.config import CollectorConfig, load_config
from collector.ingest import Ingest
from collector.inventory import load_inventory
from collector.receive import Receiver
from firmware import mqtt_codec as mqtt

ROUNDS = 3


class Rates(NamedTuple):
    """Messages per second, median of the rounds."""

    nothing: float
    committed: float


async def measure(messages: int, mqtt_port: int) -> Rates:
    """Both ways in turn, on one nats-server with mTLS; the load comes from another process."""
    with TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "provisioning", "quickstart", folder, "--mqtt-port", str(mqtt_port)]
        await asyncio.to_thread(subprocess.run, command, check=True, capture_output=True)
        file = Path(folder, "collector.toml")
        config = load_config(file)
        broker = EmbeddedBroker(config.broker)
        await broker.start()
        try:
            rates: dict[str, list[float]] = {"nothing": [], "committed": []}
            first = 1
            for _ in range(ROUNDS):
                for name, way in (("nothing", _nothing), ("committed", _committed)):
                    async with way(config) as count:
                        rates[name].append(await _rate(file, first, messages, count))
                    first += messages
        finally:
            await broker.stop()
        return Rates(statistics.median(rates["nothing"]), statistics.median(rates["committed"]))


async def _rate(file: Path, first: int, messages: int, count: Callable[[], int]) -> float:
    load = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "collector.bench.load", str(file), str(first), str(messages)),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    if not load.stdin or not load.stdout or await load.stdout.readline() != b"ready\n":
        raise RuntimeError("the load did not start")
    before, started = count(), time.perf_counter()
    load.stdin.write(b"go\n")
    async with asyncio.timeout(120):
        while count() - before < messages:  # noqa: ASYNC110  # it counts what a broker delivers
            await asyncio.sleep(0.005)
    seconds = time.perf_counter() - started
    await load.wait()
    return messages / seconds


@asynccontextmanager
async def _committed(config: CollectorConfig) -> AsyncIterator[Callable[[], int]]:
    """The collector as it is: decoded, checked, in DuckDB and the ledger, then acknowledged."""
    async with AsyncExitStack() as stack:
        city = open_city(load_inventory(config.inventory), config.data, "duckdb:observations.duckdb")
        stack.callback(city.store.close)
        running = asyncio.create_task(Receiver(city, Ingest(city), config.broker).run())
        while not city.metrics.counts["connections_total"]:  # noqa: ASYNC110  # as above
            await asyncio.sleep(0.01)
        yield lambda: city.metrics.counts["messages_acknowledged_total"]
        running.cancel()
        await asyncio.wait([running])


@asynccontextmanager
async def _nothing(config: CollectorConfig) -> AsyncIterator[Callable[[], int]]:
    """Acknowledge at once, keep nothing."""
    broker = config.broker
    tls = ssl.create_default_context(cafile=broker.ca)
    tls.load_cert_chain(broker.certificate, broker.key)
    transport, sink = await asyncio.get_running_loop().create_connection(
        _Sink, broker.host, broker.port, ssl=tls, server_hostname=broker.server_name
    )
    await asyncio.sleep(0.3)
    yield lambda: sink.count
    transport.close()


class _Sink(asyncio.Protocol):
    def __init__(self) -> None:
        self._decoder = mqtt.Decoder()
        self.count = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._transport.write(mqtt.connect("collector", clean_session=False))
        self._transport.write(mqtt.subscribe(1, [("koper/v1/+/reading", 1)]))

    def data_received(self, data: bytes) -> None:
        packet_ids = [packet[4] for packet in self._decoder.feed(data) if packet[0] == mqtt.PUBLISH]
        self._transport.write(b"".join(map(mqtt.puback, packet_ids)))
        self.count += len(packet_ids)
