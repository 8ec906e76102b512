"""Publish numbered readings of ten publishers, as fast as the broker acknowledges. Its own process."""

import asyncio
import json
import ssl
import sys
import time
from pathlib import Path

from collector.bench.town import PUBLISHERS, things_of
from collector.config import BrokerConfig, load_config
from firmware import contract
from firmware import mqtt_codec as mqtt

WINDOW = 100  # unacknowledged messages per publisher
PERIOD = 50  # ms between two readings of a thing


def payload(publisher: str, seq: int, count: int, now: int) -> bytes:
    """One value a reading: what a node says that counts litres or measures a distance. ``now`` is ms UTC."""
    things = things_of(publisher)
    first = (seq - 1) * count
    readings = [
        {
            "thing": things[number % len(things)],
            "at": now + number // len(things) * PERIOD,
            "values": {"distance": round(0.4 + number % 997 / 1000, 3)},
        }
        for number in range(first, first + count)
    ]
    return json.dumps({"outbox": "7f3a91c2", "seq": seq, "readings": readings}, separators=(",", ":")).encode()


async def connected(broker: BrokerConfig, publisher: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """With the publisher's certificate, after CONNACK."""
    certificate = broker.certificate.with_name(f"{publisher}.pem")
    tls = ssl.create_default_context(cafile=broker.ca)
    tls.load_cert_chain(certificate, certificate.with_suffix(".key"))
    reader, writer = await asyncio.open_connection(broker.host, broker.port, ssl=tls, server_hostname="localhost")
    writer.write(mqtt.connect(publisher))
    await reader.readexactly(4)
    return reader, writer


async def publish(broker: BrokerConfig, publisher: str, payloads: list[bytes], go: asyncio.Event) -> None:
    """Connect, wait for ``go``, and return when all is acknowledged."""
    reader, writer = await connected(broker, publisher)
    decoder = mqtt.Decoder()
    topic = contract.topic("koper", publisher, "reading")
    packets = [mqtt.publish(topic, one, 1, seq % 65535 + 1) for seq, one in enumerate(payloads)]
    await go.wait()
    sent = acknowledged = 0
    while acknowledged < len(packets):
        until = min(len(packets), acknowledged + WINDOW)
        writer.write(b"".join(packets[sent:until]))
        sent = until
        acknowledged += sum(packet[0] == mqtt.PUBACK for packet in decoder.feed(await reader.read(65536)))
    writer.close()


async def main(config: Path, first: int, messages: int, count: int) -> None:
    """Print ``ready`` when connected, publish once a line comes in."""
    broker = load_config(config).broker
    go = asyncio.Event()
    now = time.time_ns() // 1_000_000 - 6 * 3_600_000
    each = messages // len(PUBLISHERS)
    start = first // len(PUBLISHERS) + 1
    async with asyncio.TaskGroup() as tasks:
        for publisher in PUBLISHERS:
            payloads = [payload(publisher, seq, count, now) for seq in range(start, start + each)]
            tasks.create_task(publish(broker, publisher, payloads, go))
        await asyncio.sleep(1)
        print("ready", flush=True)  # noqa: T201  # the bench waits for it
        await asyncio.to_thread(sys.stdin.readline)
        go.set()


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4])))
