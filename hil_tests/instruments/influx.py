"""A real InfluxDB 1.x on the loopback, its data in a directory of its own."""

import shutil
from pathlib import Path

from hil_tests.instruments.process import BenchError, Program, answers, free_port, wait_until


def start(directory: Path, log: Path, port: int | None = None) -> tuple[Program, str]:
    """Start influxd, on a free port when none is given, and return it with the store URL of a database in it."""
    found = shutil.which("influxd")
    if found is None:
        raise BenchError("no influxd here: run `make setup` as root, or apt-get install influxdb")
    port, rpc = port or free_port(), 0
    directory.mkdir(parents=True, exist_ok=True)
    config = directory / "influxdb.conf"
    config.write_text(f"""reporting-disabled = true
bind-address = "127.0.0.1:{rpc}"
[meta]
  dir = "{directory}/meta"
[data]
  dir = "{directory}/data"
  wal-dir = "{directory}/wal"
  query-log-enabled = false
[http]
  bind-address = "127.0.0.1:{port}"
  log-enabled = false
[monitor]
  store-enabled = false
[logging]
  level = "warn"
""")
    program = Program("influxdb", [found, "-config", config], log)
    program.start()
    wait_until(lambda: answers(port), f"influxd listens on {port}: {log}")
    return program, f"influx://127.0.0.1:{port}/senzorika"
