"""A real broker on the loopback, configured by provisioning: nats-server or mosquitto."""

import shutil
import sys
from pathlib import Path

from hil_tests.instruments.process import BenchError, Program, listens, wait_until
from provisioning import broker

KINDS: tuple[broker.Kind, ...] = ("nats", "mosquitto")


def program(kind: broker.Kind, directory: Path, log: Path) -> Program:
    """The broker of a directory that quickstart made."""
    config = directory / "broker" / f"{kind}.conf"
    if kind == "nats":
        return Program("broker", [_find("nats-server"), "-c", config], log)
    return Program("broker", [_find("mosquitto"), "-c", config], log)


def is_installed(kind: broker.Kind) -> bool:
    try:
        _find("nats-server" if kind == "nats" else "mosquitto")
    except BenchError:
        return False
    return True


def start(kind: broker.Kind, directory: Path, log: Path) -> Program:
    """Start it and wait until it listens."""
    started = program(kind, directory, log)
    started.start()
    port = broker.port_of(directory)
    wait_until(lambda: listens(started, port), f"{kind} listens on {port}: {log}")
    return started


def _find(name: str) -> str:
    beside = Path(sys.executable).with_name(name)
    found = (
        str(beside) if beside.exists() else shutil.which(name) or shutil.which(name, path="/usr/sbin:/usr/local/sbin")
    )
    if found is None:
        raise BenchError(f"no {name} here: run `make setup`")
    return found
