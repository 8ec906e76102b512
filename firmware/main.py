"""Which node is this board? node.json says it; this starts it: ``micropython -m firmware.main [FOLDER]``."""

import asyncio
import gc
import sys

from firmware import settings as node_json
from firmware.contract import topic
from firmware.link import Link, tls_context
from firmware.node import Node
from firmware.outbox import Outbox


def main(folder: str) -> None:
    """Run the node of ``folder``/node.json until something breaks; a bad setting is one line and exit code 2."""
    try:
        node = build(folder)
    except node_json.SettingsError as error:
        print("node.json: " + str(error))
        sys.exit(2)
    gc.collect()
    gc.threshold(16384)  # collect early: what lives long stays together, and large pieces stay free
    asyncio.run(node.run())


def build(folder: str) -> Node:
    """Put the parts together. Raises SettingsError."""
    settings = node_json.load(folder + "/node.json")
    kind = _kind(settings["kind"])
    own = node_json.of_kind(settings, kind.KEYS)
    hal = _board()(settings["hal"])
    context = _context(folder, settings)
    outbox = Outbox(folder + "/outbox", settings.get("outbox_bytes", 262144))
    city, publisher = settings["city"], settings["publisher"]
    filters = [topic(city, publisher, "receipt"), topic(city, "collector", "state")]
    link = Link(publisher, settings["broker"], context, filters)
    try:
        made = kind.make(own, hal, outbox.note)
    except (KeyError, ValueError) as error:
        raise node_json.SettingsError("hal: " + str(error)) from None
    print("node: " + publisher + " boot " + str(outbox.boot) + " outbox " + outbox.id)
    return Node(settings, hal, outbox, link, made)


def _kind(name: str):
    try:
        return getattr(__import__("firmware.nodes." + name).nodes, name)
    except (ImportError, AttributeError):
        raise node_json.SettingsError("kind: there is no node kind " + name) from None


def _board():
    if sys.platform == "esp32":
        from firmware.hal.board import Board  # noqa: PLC0415 - only one of the two can be imported on a machine
    else:
        from firmware.hal_sim.board import Board  # noqa: PLC0415 - only one of the two can be imported on a machine
    return Board


def _context(folder: str, settings: dict):
    octets = []
    for key in ("certificate", "key", "ca"):
        try:
            with open(folder + "/" + settings[key], "rb") as file:
                octets.append(file.read())
        except OSError:
            raise node_json.SettingsError(key + ": can't read " + settings[key]) from None
    try:
        return tls_context(*octets)
    except (ValueError, OSError) as error:
        raise node_json.SettingsError("certificate, key, ca: " + str(error)) from None


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else ".")
