"""``broker``: the configuration of both brokers is written again."""

import argparse
from pathlib import Path

from provisioning.rights import write_rights
from provisioning.verbs import Parsers


def add_parser(parsers: Parsers) -> None:
    parser = parsers.add_parser("broker", help="write the configuration of both brokers again and reload")
    parser.add_argument("directory", type=Path)
    parser.add_argument("--mqtt-port", type=int)
    parser.set_defaults(verb=_broker)


def _broker(options: argparse.Namespace) -> None:
    write_rights(options.directory, options.mqtt_port)
