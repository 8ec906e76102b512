"""``detect``: boards and ports, and what is on them."""

import argparse
import asyncio
from typing import Any

from provisioning import ProvisionError
from provisioning.detect import Board, detect
from provisioning.outcome import add_options, tell
from provisioning.ports import resolved, usb_ports
from provisioning.verbs import Parsers


def add_parser(parsers: Parsers) -> None:
    parser = parsers.add_parser(
        "detect",
        help="boards and ports: chip, MAC, flash, MicroPython, which node",
        epilog="Exit status: 0 every board answered its loader, 1 one did not (named), 2 there is no port.",
    )
    parser.add_argument(
        "--port", dest="ports", action="append", default=[], help="or serial:NUMBER; else every USB one"
    )
    add_options(parser)
    parser.set_defaults(verb=_detect)


def _detect(options: argparse.Namespace) -> int:
    serials = {port: number for number, port in usb_ports().items()}
    ports = [resolved(port) for port in options.ports] or list(serials)
    if not ports:
        raise ProvisionError("no USB adapter is plugged in; give --port")
    boards = [Board(port) for port in ports] if options.dry_run else asyncio.run(detect(ports))
    documents = [{**board._asdict(), "serial": serials.get(board.port)} for board in boards]
    tell(options, {"boards": documents}, "\n".join(_line(document) for document in documents))
    return 0 if options.dry_run or all(board.mac for board in boards) else 1


def _line(board: dict[str, Any]) -> str:
    if not board["mac"]:
        return f"{board['port']}: {board['why'] or 'not asked'}"
    flash = f"{board['flash_size'] >> 20} MB"
    runs = f"MicroPython {board['micropython']}" if board["micropython"] else board["why"]
    node = f"{board['publisher']}, release {board['release']}" if board["publisher"] else "no node"
    return f"{board['port']}: {board['chip']} {board['mac']} {flash}, {runs}, {node}"
