"""``quickstart``: a whole city in one directory."""

import argparse
import getpass
from pathlib import Path

from provisioning.outcome import add_options, tell
from provisioning.passphrase import choose
from provisioning.quickstart import Ports, quickstart
from provisioning.stock import take_stock
from provisioning.verbs import Parsers


def add_parser(parsers: Parsers) -> None:
    parser = parsers.add_parser("quickstart", help="a whole city in one directory: authority, rights, first thing")
    parser.add_argument("directory", type=Path)
    parser.add_argument("--city", default="koper")
    parser.add_argument("--broker", choices=("nats", "mosquitto"), default="nats")
    parser.add_argument("--store", default="duckdb:observations.duckdb")
    parser.add_argument("--mqtt-port", type=int, default=8883)
    parser.add_argument("--http-port", type=int, default=8080)
    parser.add_argument("--encrypt", action="store_true", help="ask for a passphrase for the key of a new authority")
    add_options(parser)
    parser.set_defaults(verb=_quickstart)


def _quickstart(options: argparse.Namespace) -> None:
    ports = Ports(options.mqtt_port, options.http_port)
    key = options.directory / "ca" / "ca.key"
    config = options.directory / "collector.toml"
    is_new = not key.exists()
    document = {"city": options.city, "directory": str(options.directory), "config": str(config), "new": is_new}
    if options.dry_run:
        what = "a new city would be made" if is_new else "what is missing would be made, and nothing changed"
        tell(options, document, f"{options.directory}: {what}")
        return
    secret = choose(key) if options.encrypt and is_new else b""
    quickstart(options.directory, options.city, options.broker, ports, options.store, secret)
    take_stock(options.directory, getpass.getuser())
    tell(options, document, f"{options.directory}: ready. Start the collector: senzorika-collector --config {config}")
