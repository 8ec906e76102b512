"""A real InfluxDB 1.x on the loopback, its data in a directory of its own."""

import shutil
from pathlib import Path

from collector.bench.servers import influx_settings
from hil_tests.instruments.process import BenchError, Program, free_port, listens, wait_until


def start(directory: Path, log: Path, port: int | None = None) -> tuple[Program, str]:
    """Start influxd, on a free port when none is given, and return it with the store URL of a database in it."""
    found = shutil.which("influxd")
    if found is None:
        raise BenchError("no influxd here: run `make setup` as root, or apt-get install influxdb")
    port = port or free_port()
    directory.mkdir(parents=True, exist_ok=True)
    config = influx_settings(directory, port)
    program = Program("influxdb", [found, "-config", config], log)
    program.start()
    wait_until(lambda: listens(program, port), f"influxd listens on {port}: {log}")
    return program, f"influx://127.0.0.1:{port}/senzorika"
