"""The gateway's command: ``senzorika-gateway --config gateway.toml``."""

import argparse
import asyncio
import logging
import signal
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from edge import config
from edge.config import Config
from edge.errors import ConfigError
from edge.gateway import Gateway
from edge.outbox import Outbox, open_outbox
from edge.uplink import Uplink


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit status: 0 stopped by SIGTERM or SIGINT, 2 something the technician can mend, said in one line."""
    parser = argparse.ArgumentParser(prog="senzorika-gateway", description=__doc__)
    parser.add_argument("--config", type=Path, default=Path("gateway.toml"), help="default: gateway.toml")
    options = parser.parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s", stream=sys.stderr)
    logging.getLogger("pymodbus").setLevel(logging.CRITICAL)  # what it reports, edge.modbus.client raises
    try:
        settings = config.load(options.config)
        outbox = open_outbox(settings.outbox, settings.outbox_limit)
        uplink = Uplink(settings, outbox)
        asyncio.run(_until_signalled(options.config, settings, outbox, uplink))
    except ConfigError as error:
        print(f"senzorika-gateway: {error}", file=sys.stderr)
        return 2
    outbox.close()
    return 0


async def _until_signalled(path: Path, settings: Config, outbox: Outbox, uplink: Uplink) -> None:
    gateway = Gateway(settings, outbox, uplink)
    task = asyncio.ensure_future(gateway.run())
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, task.cancel)
    loop.add_signal_handler(signal.SIGHUP, _reload, gateway, path)
    try:
        await task
    except asyncio.CancelledError:
        logging.getLogger(__name__).info("stopped")


def _reload(gateway: Gateway, path: Path) -> None:
    try:
        gateway.reload(partial(config.load, path))
    except ConfigError as error:
        logging.getLogger(__name__).error("not reloaded: %s", error)  # noqa: TRY400 - one line for the technician


if __name__ == "__main__":
    sys.exit(main())
