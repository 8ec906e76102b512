"""The gateway's command: ``senzorika-gateway --config gateway.toml`` runs it; its verbs help the technician."""

import argparse
import asyncio
import json
import logging
import signal
import sys
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from edge import config, driveby, explain, technician
from edge.config import Config
from edge.errors import ConfigError
from edge.gateway import Gateway
from edge.keys import Keys
from edge.keys import load as load_keys
from edge.outbox import Outbox, open_outbox
from edge.uplink import Uplink

_STOP = 2.0  # s that a stop may take before it is asked for again
_EXIT = """exit status: 0 done, or stopped by SIGTERM or SIGINT; 1 a device, a line or a plan is not as wished;
2 something in the configuration or the call that the technician can mend, said in one line"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a verb; the exit status is 0, 1 or 2, as ``--help`` says."""
    options = _parser().parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s", stream=sys.stderr)
    logging.getLogger("pymodbus").setLevel(logging.CRITICAL)  # what it reports, edge.modbus.client raises
    try:
        return _VERBS[options.verb](options)
    except ConfigError as error:
        print(f"senzorika-gateway: {error}", file=sys.stderr)
        return 2


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="senzorika-gateway", description=__doc__, epilog=_EXIT)
    parser.add_argument("--config", type=Path, default=Path("gateway.toml"), help="default: gateway.toml")
    verbs = parser.add_subparsers(dest="verb", title="verbs", description="without one, the gateway runs")
    verbs.add_parser("run", help="read the meters and publish, until stopped")
    check = verbs.add_parser("check", help="say whether a configuration is right, its plan possible, its lines there")
    check.add_argument("file", type=Path)
    read = verbs.add_parser("read", help="read one meter of --config now (stop the gateway first)")
    read.add_argument("thing")
    decode = verbs.add_parser("decode", help="explain every byte of an M-Bus frame")
    decode.add_argument("hex", nargs="+")
    decode.add_argument("--json", action="store_true")
    driven = verbs.add_parser("import", help="take the CSV file of a drive-by round (stop the gateway first)")
    driven.add_argument("file", type=Path)
    scan = verbs.add_parser("scan", help="find what is on a line, and write a proposed configuration of it")
    scan.add_argument("--kind", choices=["mbus", "modbus-rtu", "modbus-tcp"], required=True)
    scan.add_argument("--port", required=True, help="/dev/ttyUSB0 or tcp:host:port")
    scan.add_argument("--baud", type=int, default=2400)
    scan.add_argument("--parity", choices=["N", "E", "O"], default="E")
    scan.add_argument("--first", type=int, default=1, help="unit id to begin with")
    scan.add_argument("--last", type=int, default=247, help="unit id to end with")
    scan.add_argument("--output", type=Path, help="default: standard output")
    return parser


def _run(path: Path) -> int:
    settings = config.load(path)
    outbox = open_outbox(settings.outbox, settings.outbox_limit)
    uplink = Uplink(settings, outbox)
    asyncio.run(_until_signalled(path, settings, outbox, uplink))
    outbox.close()
    return 0


def _decode(words: Sequence[str], *, as_json: bool) -> int:
    try:
        octets = bytes.fromhex("".join(words))
    except ValueError as error:
        raise ConfigError(f"decode: expected hexadecimal digits: {error}") from error
    rows = explain.explain(octets)
    print(json.dumps(explain.as_json(rows)) if as_json else explain.as_text(rows))
    return int(any(row.field == "error" for row in rows))


def _import(settings: Config, file: Path) -> int:
    """Into the outbox, from where a gateway publishes them; the same file again changes nothing that is stored."""
    keys = load_keys(settings.keys) if settings.keys else Keys()
    meters = [meter for receiver in settings.receiver for meter in receiver.meter]
    rows = driveby.load(file, meters, keys)
    outbox = open_outbox(settings.outbox, settings.outbox_limit)
    try:
        kept = sum(outbox.append([row.reading()]) is not None for row in rows)
    finally:
        outbox.close()
    print(f"{file}: {kept} of {len(rows)} readings kept for publication")
    return int(kept < len(rows))


def _scan(options: argparse.Namespace) -> int:
    def progress(text: str) -> None:
        if sys.stderr.isatty():
            print(f"\r{text:70}", end="", file=sys.stderr, flush=True)

    units = range(options.first, options.last + 1)
    where = technician.Place(options.kind, options.port, options.baud, options.parity)
    found = asyncio.run(technician.scan(where, units, progress))
    progress("")
    if options.output is None:
        print(found.text, end="")
    else:
        options.output.write_text(found.text, encoding="utf-8")
        print(f"{options.output}: {found.meters} found")
    return int(not found.meters)


async def _until_signalled(path: Path, settings: Config, outbox: Outbox, uplink: Uplink) -> None:
    gateway = Gateway(settings, outbox, uplink)
    running = asyncio.create_task(gateway.run())
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopped.set)
    loop.add_signal_handler(signal.SIGHUP, _reload, gateway, path)
    signalled = asyncio.create_task(stopped.wait())
    await asyncio.wait({running, signalled}, return_when=asyncio.FIRST_COMPLETED)
    running.cancel()
    while not (await asyncio.wait({running}, timeout=_STOP))[0]:
        # Before Python 3.12 a wait_for swallows a cancellation that comes together with the answer: once more.
        for task in asyncio.all_tasks() - {asyncio.current_task()}:
            task.cancel()
    if running.cancelled():
        logging.getLogger(__name__).info("stopped")
    else:
        running.result()


def _reload(gateway: Gateway, path: Path) -> None:
    try:
        gateway.reload(partial(config.load, path))
    except ConfigError as error:
        logging.getLogger(__name__).error("not reloaded: %s", error)  # noqa: TRY400 - one line for the technician


_VERBS: dict[str | None, Callable[[argparse.Namespace], int]] = {
    None: lambda options: _run(options.config),
    "run": lambda options: _run(options.config),
    "check": lambda options: asyncio.run(technician.check(config.load(options.file), print)),
    "read": lambda options: asyncio.run(technician.read(config.load(options.config), options.thing, print)),
    "decode": lambda options: _decode(options.hex, as_json=options.json),
    "scan": _scan,
    "import": lambda options: _import(config.load(options.config), options.file),
}

if __name__ == "__main__":
    sys.exit(main())
