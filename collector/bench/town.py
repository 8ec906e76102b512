"""In which town is measured? One of ten publishers with twenty things each, behind a broker with mutual TLS."""

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from collector.config import load_config
from collector.running.broker import EmbeddedBroker

PUBLISHERS = [f"load-{number:02d}" for number in range(10)]


def things_of(publisher: str) -> list[str]:
    return [f"spot-{publisher[-2:]}{number:02d}" for number in range(20)]


@asynccontextmanager
async def town(kind: str, port: int) -> AsyncIterator[Path]:
    """The collector.toml of a town whose broker runs, ``nats`` or ``mosquitto``."""
    with TemporaryDirectory() as folder:
        _provision("quickstart", folder, "--mqtt-port", str(port), "--broker", kind)
        for publisher in PUBLISHERS:
            things = [part for thing in things_of(publisher) for part in ("--thing", thing)]
            where = ("--center", "mobility", "--location", "13.73", "45.55")
            _provision("issue", folder, publisher, "--role", "node", *things, *where, "--mqtt-port", str(port))
        file = Path(folder, "collector.toml")
        broker = EmbeddedBroker(load_config(file).broker)
        try:
            await asyncio.wait_for(broker.start(), 20)
            yield file
        finally:
            await broker.stop()


def _provision(*arguments: str) -> None:
    made = subprocess.run(
        [sys.executable, "-m", "provisioning", *arguments], check=False, capture_output=True, text=True
    )
    if made.returncode:
        raise RuntimeError(made.stderr)
