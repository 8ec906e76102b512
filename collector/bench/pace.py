"""Publish a reading of ten publishers each at a pace. Its own process.

The time it is sent stands in it: ms as its time, the rest as its value.
"""

import asyncio
import sys
import time
from pathlib import Path

from collector.bench.load import connected
from collector.bench.town import PUBLISHERS, things_of
from collector.config import BrokerConfig, load_config
from firmware import contract
from firmware import mqtt_codec as mqtt


async def publish(broker: BrokerConfig, publisher: str, count: int, pause: float, begin: float) -> None:
    """``count`` messages, ``pause`` (s) apart, the first at ``begin`` on the monotonic clock."""
    reader, writer = await connected(broker, publisher)
    draining = asyncio.create_task(reader.read(-1))
    topic, things = contract.topic("koper", publisher, "reading"), things_of(publisher)
    for number in range(count):
        await asyncio.sleep(begin + number * pause - time.monotonic())
        (at, rest), thing = divmod(time.time_ns() // 1_000, 1_000), things[number % len(things)]
        text = f'{{"readings":[{{"thing":"{thing}","at":{at},"values":{{"distance":0.{rest:03}}}}}]}}'
        writer.write(mqtt.publish(topic, text.encode(), 1, number % 65535 + 1))
    await asyncio.sleep(1)
    writer.close()
    draining.cancel()


async def main(config: Path, rate: float, messages: int) -> None:
    broker, pause = load_config(config).broker, len(PUBLISHERS) / rate
    begin = time.monotonic() + 1
    async with asyncio.TaskGroup() as tasks:
        for index, publisher in enumerate(PUBLISHERS):
            count = messages // len(PUBLISHERS)
            tasks.create_task(publish(broker, publisher, count, pause, begin + index * pause / len(PUBLISHERS)))


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), float(sys.argv[2]), int(sys.argv[3])))
