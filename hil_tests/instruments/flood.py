"""Who fills a broker? Publishers with numbered readings, as fast as they are acknowledged, in a process of their own.

``python -m hil_tests.instruments.flood CITY FIRST LAST BEGIN NAME…`` publishes the messages FIRST to LAST of each NAME
over mutual TLS at QoS 1 and ends when the broker has acknowledged all. BEGIN (ms UTC) is the time of number 0.
"""

import asyncio
import ssl
import sys
from collections.abc import Iterator
from pathlib import Path

from firmware import contract
from firmware import mqtt_codec as mqtt
from hil_tests.instruments.process import Program
from provisioning.broker import port_of

CITY = "koper"
WINDOW = 400  # unacknowledged messages per publisher
STEP = 7  # ms between two readings of a publisher
_PUBACK = 4  # bytes


def thing_of(publisher: str) -> str:
    """What it speaks for."""
    return f"thing-{publisher}"


def publisher_of(thing: str) -> str:
    """Who speaks for it."""
    return thing.removeprefix("thing-")


def reading(seq: int, begin: int) -> tuple[int, float]:
    """When it was measured, and what, m."""
    return begin + STEP * seq, seq % 800 / 8


def payload(publisher: str, seq: int, begin: int) -> bytes:
    """As ``contract.encode_reading`` writes it, at a tenth of the cost."""
    at, value = reading(seq, begin)
    values = f'{{"thing":"{thing_of(publisher)}","at":{at},"values":{{"distance":{value}}}}}'
    return f'{{"outbox":"f100d","seq":{seq},"readings":[{values}]}}'.encode()


def program(city: Path, publishers: tuple[str, ...], first: int, last: int, begin: int) -> Program:
    """The process that publishes; it is yours to start."""
    arguments = [str(city), str(first), str(last), str(begin), *publishers]
    command = [sys.executable, "-m", "hil_tests.instruments.flood", *arguments]
    return Program("flood", command, city / "log" / "flood.log")


def _packets(publisher: str, first: int, last: int, begin: int) -> Iterator[bytes]:
    topic = contract.topic(CITY, publisher, "reading")
    for seq in range(first, last + 1):
        yield mqtt.publish(topic, payload(publisher, seq, begin), 1, seq % 65535 + 1)


async def _publish(city: Path, publisher: str, first: int, last: int, begin: int) -> None:
    tls = ssl.create_default_context(cafile=city / "ca" / "ca.pem")
    certificate = city / "certificates" / publisher
    tls.load_cert_chain(f"{certificate}.pem", f"{certificate}.key")
    reader, writer = await asyncio.open_connection("127.0.0.1", port_of(city), ssl=tls, server_hostname="localhost")
    writer.write(mqtt.connect(publisher))
    await reader.readexactly(_PUBACK)  # CONNACK is as long
    packets = _packets(publisher, first, last, begin)
    waiting, octets = 0, 0
    while True:
        several = [packet for _, packet in zip(range(WINDOW - waiting), packets, strict=False)]
        writer.write(b"".join(several))
        waiting += len(several)
        if not waiting:
            break
        octets += len(await _some(reader))
        waiting -= octets // _PUBACK
        octets %= _PUBACK
    writer.write(mqtt.disconnect())
    await writer.drain()
    writer.close()


async def _some(reader: asyncio.StreamReader) -> bytes:
    """Nothing but PUBACKs comes: there are no subscriptions."""
    if octets := await reader.read(65536):
        return octets
    raise ConnectionError("the broker hung up before it had acknowledged everything")


async def main(city: str, first: str, last: str, begin: str, *publishers: str) -> None:
    async with asyncio.TaskGroup() as tasks:
        for publisher in publishers:
            tasks.create_task(_publish(Path(city), publisher, int(first), int(last), int(begin)))


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
