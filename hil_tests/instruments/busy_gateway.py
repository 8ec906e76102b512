"""A gateway that reads all the time: simulated sensors, and around them the outbox and the uplink of a real one.

``python -m hil_tests.instruments.busy_gateway CITY NAME PAUSE`` measures every PAUSE s until SIGTERM, writes what each
sensor gave to ``CITY/NAME.truth.jsonl``, and goes on publishing until every message has its receipt, or a second
SIGTERM comes.
"""

import asyncio
import logging
import random
import signal
import sys
import time
from pathlib import Path

from edge.config import Config
from edge.outbox import Outbox, open_outbox
from edge.uplink import Uplink
from hil_tests.instruments.flood import CITY, thing_of
from hil_tests.instruments.process import Program
from hil_tests.instruments.truth import TruthFile
from provisioning.broker import port_of

READINGS = 3  # per message


def program(city: Path, name: str, pause: float) -> Program:
    """The process; it is yours to start."""
    command = [sys.executable, "-m", "hil_tests.instruments.busy_gateway", str(city), name, str(pause)]
    return Program(name, command, city / "log" / f"{name}.log")


def truth_of(city: Path, name: str) -> Path:
    return city / f"{name}.truth.jsonl"


def configuration(city: Path, name: str) -> Config:
    """As its gateway.toml would say; nobody opens the line."""
    certificate = city / "certificates" / name
    broker = {"port": port_of(city), "ca": city / "ca" / "ca.pem"}
    broker |= {"certificate": certificate.with_suffix(".pem"), "key": certificate.with_suffix(".key")}
    meter = {"thing": thing_of(name), "primary_address": 1, "period": 60}
    line = {"name": "unused", "kind": "mbus", "port": "/unused", "meter": [meter]}
    return Config.model_validate({"city": CITY, "publisher": name, "clock": "host", "broker": broker, "line": [line]})


async def _measure(outbox: Outbox, uplink: Uplink, truth: TruthFile, name: str, pause: float) -> None:
    """No two readings have the same time."""
    chance, at = random.Random(name), 0
    while True:
        readings = []
        for _ in range(READINGS):
            at = max(at + 1, time.time_ns() // 1_000_000)
            values = {"distance": chance.randrange(800) / 8}
            truth.gave(thing_of(name), values, at)
            readings.append({"thing": thing_of(name), "at": at, "values": values})
        if outbox.append(readings) is None:
            raise OSError("there is no room for the outbox")
        uplink.wake()
        await asyncio.sleep(pause)


async def main(folder: str, name: str, pause: str) -> None:
    city = Path(folder)
    outbox = open_outbox(city / f"{name}.sqlite", 1 << 30)
    uplink, truth = Uplink(configuration(city, name), outbox), TruthFile(truth_of(city, name))
    loop = asyncio.get_running_loop()
    publishing = loop.create_task(uplink.run())
    measuring = loop.create_task(_measure(outbox, uplink, truth, name, float(pause)))
    loop.add_signal_handler(signal.SIGTERM, measuring.cancel)
    await asyncio.wait([measuring, publishing], return_when=asyncio.FIRST_COMPLETED)
    loop.add_signal_handler(signal.SIGTERM, publishing.cancel)
    while outbox.counts().unreceived and not publishing.done():  # noqa: ASYNC110  # a receipt comes when it comes
        await asyncio.sleep(0.1)
    publishing.cancel()
    for task in await asyncio.gather(measuring, publishing, return_exceptions=True):
        if isinstance(task, Exception):
            raise task
    outbox.close()


if __name__ == "__main__":
    logging.basicConfig(format="%(asctime)s %(levelname)s %(name)s: %(message)s", level="INFO")
    asyncio.run(main(*sys.argv[1:]))
