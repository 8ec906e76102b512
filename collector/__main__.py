"""Start the collector of one city: broker, store, ingest and HTTP, in one process. ``senzorika-collector``."""

import argparse
import asyncio
import logging
import signal
import subprocess
import sys
import time
from collections.abc import Coroutine, Sequence
from contextlib import AbstractContextManager, AsyncExitStack, nullcontext
from pathlib import Path

import uvicorn
from sqlalchemy.exc import DBAPIError

from collector.api.app import create_app
from collector.broker import EmbeddedBroker, StartError, refuse_taken_port
from collector.city import City, open_city
from collector.config import CollectorConfig, HttpConfig, load_config
from collector.first_steps import first_reading, page
from collector.ingest import Ingest
from collector.inventory import ConfigError, Inventory
from collector.receive import Receiver, expect_batches
from collector.registration import InventoryFile, Registration
from collector.stores import StoreError

if sys.platform == "win32":  # uvloop does not run there; slower without it, otherwise the same
    from asyncio import new_event_loop
else:
    from uvloop import new_event_loop

log = logging.getLogger("collector")

HOME = Path("senzorika-data")


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit status: 0 stopped by signal, 2 something the person can mend, said in one line."""
    options = _parser().parse_args(arguments)
    logging.basicConfig(format="%(asctime)s %(levelname)s %(name)s: %(message)s", level=options.log.upper())
    for name in ("alembic", "uvicorn"):  # what they say at start, a newcomer has no use for
        logging.getLogger(name).setLevel(logging.WARNING)
    try:
        file = options.config or _quickstart(HOME)
        with asyncio.Runner(loop_factory=new_event_loop) as runner:
            runner.run(_serve(load_config(file)))
    except (ConfigError, StartError) as error:
        print(f"senzorika-collector: {error}", file=sys.stderr)
        return 2
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="senzorika-collector", description=__doc__)
    parser.add_argument(
        "--config", type=Path, metavar="FILE", help=f"collector.toml; without it everything is made in ./{HOME}"
    )
    parser.add_argument("--log", choices=("debug", "info", "warning", "error"), default="info")
    return parser


def _quickstart(home: Path) -> Path:
    """Make certificates, inventory and configuration once; raises StartError."""
    file = home / "collector.toml"
    if not file.exists():
        made = subprocess.run(
            [sys.executable, "-m", "provisioning", "quickstart", str(home)], check=False, capture_output=True, text=True
        )
        if made.returncode:
            lines = made.stderr.strip().splitlines() or [f"quickstart ended with code {made.returncode}"]
            raise StartError(lines[-1].removeprefix("senzorika-provision: "))
    return file


async def _serve(config: CollectorConfig) -> None:
    """Until a signal; what was opened is closed in the opposite order, and no process is left."""
    file = InventoryFile(config.inventory, config.city)
    inventory = file.read()
    refuse_taken_port("http.port", config.http.host, config.http.port)
    async with AsyncExitStack() as stack:
        broker = None
        if config.broker.kind != "external":
            broker = EmbeddedBroker(config.broker)
            stack.push_async_callback(broker.stop)
            await broker.start()
        city = await asyncio.to_thread(_open, config, inventory)
        stack.callback(city.store.close)
        ingest = Ingest(city)
        expect_batches()
        released = await asyncio.to_thread(ingest.release, time.time_ns() // 1_000_000)
        if released:
            log.info("%d observations left the quarantine: what held them is mended", len(released))
        print(page(config), flush=True)
        receiver = Receiver(city, ingest, config.broker)
        await _run_until_one_ends(
            receiver.run(),
            Registration(city, file, ingest, receiver).run(),
            _serve_http(city, config.http),
            _until_signal(receiver.connected, first_reading(config, inventory)),
            *([broker.run()] if broker else ()),
        )


def _open(config: CollectorConfig, inventory: Inventory) -> City:
    try:
        return open_city(inventory, config.data, config.store.url)
    except ValueError as error:
        raise ConfigError(f"store.url: {error}") from None
    except OSError as error:
        raise StartError(f"data: {error.filename or config.data}: {error.strerror}") from None
    except DBAPIError as error:
        raise StartError(f"data: {config.data}: {error.orig}") from None
    except StoreError as error:
        raise StartError(f"store.url: {error}") from None


class _Server(uvicorn.Server):
    """The signals are the collector's, not the web server's."""

    def capture_signals(self) -> AbstractContextManager[None]:  # type: ignore[override]  # uvicorn's is a generator
        return nullcontext()


async def _serve_http(city: City, http: HttpConfig) -> None:
    server = _Server(
        uvicorn.Config(
            create_app(city),
            host=http.host,
            port=http.port,
            log_config=None,
            access_log=False,
            timeout_graceful_shutdown=2,  # s: an open event stream never ends by itself
        )
    )
    serving = asyncio.create_task(server.serve())
    try:
        await asyncio.shield(serving)
    except asyncio.CancelledError:
        server.should_exit = True
        await serving
        raise


async def _until_signal(connected: asyncio.Event, welcome: str) -> None:
    """Say ``welcome`` as soon as a reading would be received."""
    stopped = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stopped.set)
    welcoming = asyncio.create_task(_say(connected, welcome))
    await stopped.wait()
    welcoming.cancel()


async def _say(connected: asyncio.Event, welcome: str) -> None:
    await connected.wait()
    print(welcome, flush=True)


async def _run_until_one_ends(*coroutines: Coroutine[None, None, None]) -> None:
    """Raise what ended it, when it was no signal."""
    tasks = [asyncio.create_task(one) for one in coroutines]
    done, running = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    for task in running:
        task.cancel()
    await asyncio.wait(running, timeout=10)
    for task in done:
        task.result()


if __name__ == "__main__":
    sys.exit(main())
