"""Publish numbered readings over several connections, as fast as the broker acknowledges. Its own process."""

import asyncio
import ssl
import sys
from pathlib import Path

from collector.config import BrokerConfig, load_config
from firmware import contract
from firmware import mqtt_codec as mqtt

CONNECTIONS = 4
WINDOW = 200  # unacknowledged messages per connection
PUBLISHER, THING = "park-0001", "spot-0001"


def payload(seq: int, at: int) -> bytes:
    """About 180 bytes: what a parking node says."""
    values = {"distance": (400 + seq % 997, -3), "occupancy": "free", "battery_voltage": (3000 + seq % 600, -3)}
    return contract.encode_reading("7f3a91c2", seq, [{"thing": THING, "at": at, "values": values}])


async def publish(broker: BrokerConfig, name: str, packets: list[bytes], go: asyncio.Event) -> None:
    """Connect, wait for ``go``, and return when every packet is acknowledged."""
    certificate = broker.certificate.with_name(f"{PUBLISHER}.pem")
    tls = ssl.create_default_context(cafile=broker.ca)
    tls.load_cert_chain(certificate, certificate.with_suffix(".key"))
    reader, writer = await asyncio.open_connection(broker.host, broker.port, ssl=tls, server_hostname="localhost")
    writer.write(mqtt.connect(name))
    decoder = mqtt.Decoder()
    decoder.feed(await reader.read(1024))
    await go.wait()
    sent = acknowledged = 0
    while acknowledged < len(packets):
        until = min(len(packets), acknowledged + WINDOW)
        writer.write(b"".join(packets[sent:until]))
        sent = until
        acknowledged += sum(packet[0] == mqtt.PUBACK for packet in decoder.feed(await reader.read(65536)))
    writer.close()


async def main(config: Path, first: int, count: int) -> None:
    """Print ``ready`` when connected, publish once a line comes in."""
    broker = load_config(config).broker
    topic = contract.topic("koper", PUBLISHER, "reading")
    go = asyncio.Event()
    async with asyncio.TaskGroup() as tasks:
        for connection in range(CONNECTIONS):
            packets = [
                mqtt.publish(topic, payload(seq, 1_795_392_000_000 + seq), 1, seq % 65535 + 1)
                for seq in range(first + connection, first + count, CONNECTIONS)
            ]
            tasks.create_task(publish(broker, f"load-{connection}", packets, go))
        await asyncio.sleep(1)
        print("ready", flush=True)  # noqa: T201  # the bench waits for it
        await asyncio.to_thread(sys.stdin.readline)
        go.set()


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])))
