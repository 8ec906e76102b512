"""``broker``: the configuration of both brokers is written again."""

import argparse
from pathlib import Path

from provisioning.outcome import add_options, tell
from provisioning.rights import write_rights
from provisioning.verbs import Parsers

FILES = ("nats.conf", "mosquitto.conf", "mosquitto.acl")


def add_parser(parsers: Parsers) -> None:
    parser = parsers.add_parser("broker", help="write the configuration of both brokers again and reload")
    parser.add_argument("directory", type=Path)
    parser.add_argument("--mqtt-port", type=int)
    add_options(parser)
    parser.set_defaults(verb=_broker)


def _broker(options: argparse.Namespace) -> None:
    folder = options.directory / "broker"
    document = {"written": [str(folder / name) for name in FILES]}
    if options.dry_run:
        tell(options, document, f"{folder}: {', '.join(FILES)} would be written, and a running broker told")
        return
    write_rights(options.directory, options.mqtt_port)
    tell(options, document, f"{folder}: {', '.join(FILES)} written")
