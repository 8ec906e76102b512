"""A sensor of others: it publishes at QoS 1 without an outbox, so that a PUBACK is all it ever hears.

``python -m hil_tests.instruments.plain_publisher CITY NAME THING`` measures some hundred times a second until SIGTERM,
writes what it gave to ``CITY/NAME.truth.jsonl``, and ends when the broker has
acknowledged everything. The client is paho's.
"""

import json
import random
import signal
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path

from paho.mqtt.client import Client, MQTTv311
from paho.mqtt.enums import CallbackAPIVersion

from firmware import contract
from hil_tests.instruments.process import Program, wait_until
from hil_tests.instruments.truth import TruthFile
from provisioning.broker import port_of

PAUSE = 0.005  # s


def program(city: Path, name: str, thing: str) -> Program:
    """The process; it is yours to start."""
    command = [sys.executable, "-m", "hil_tests.instruments.plain_publisher", str(city), name, thing]
    return Program(name, command, city / "log" / f"{name}.log")


def truth_of(city: Path, name: str) -> Path:
    return city / f"{name}.truth.jsonl"


def _connected(city: Path, name: str) -> Client:
    client = Client(CallbackAPIVersion.VERSION2, client_id=name, clean_session=False, protocol=MQTTv311)
    certificate = city / "certificates" / name
    client.tls_set(
        str(city / "ca" / "ca.pem"), str(certificate.with_suffix(".pem")), str(certificate.with_suffix(".key"))
    )
    client.connect("localhost", port_of(city))
    client.loop_start()
    wait_until(client.is_connected, "a connection to the broker")
    return client


def main(arguments: Sequence[str] | None = None) -> int:
    """Until SIGTERM; 0 when the broker has everything."""
    directory, name, thing = sys.argv[1:] if arguments is None else arguments
    city, chance, ends = Path(directory), random.Random(7), threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: ends.set())
    truth, client = TruthFile(truth_of(city, name)), _connected(city, name)
    topic, at, waiting = contract.topic("koper", name, "reading"), 0, []
    while not ends.wait(PAUSE):
        at = max(at + 1, time.time_ns() // 1_000_000)
        values = {"distance": chance.randrange(200, 4500) / 1000}
        truth.gave(thing, values, at)
        waiting.append(
            client.publish(topic, json.dumps({"readings": [{"thing": thing, "at": at, "values": values}]}), 1)
        )
    for one in waiting:
        one.wait_for_publish(60)
    client.disconnect()
    return 0


if __name__ == "__main__":
    sys.exit(main())
