"""Which node is this board? node.json says it; this starts it: ``micropython -m firmware.main [FOLDER]``."""

import asyncio
import gc
import sys

from firmware import settings as node_json
from firmware.contract import topic
from firmware.link import Link, tls_context
from firmware.outbox import Outbox
from firmware.publisher import Publisher
from firmware.refusal import ends_s
from firmware.sampler import Sampler
from firmware.status import Status


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


def build(folder: str):
    """Put the parts together. Raises SettingsError."""
    settings = node_json.load(folder + "/node.json")
    gc.collect()  # what was needed to come here makes room in one piece
    context, ends = _context(folder, settings)
    gc.collect()
    kind = _kind(settings["kind"])
    own = node_json.of_kind(settings, kind.KEYS, kind.OPTIONAL)
    own["period_ms"] = settings["period_ms"]
    battery = settings.get("battery")
    if battery and not kind.BATTERY:
        raise node_json.SettingsError("battery: a node of this kind can't sleep")
    hal = _board()(settings["hal"], folder)
    gc.collect()
    memory = _memory(hal) if battery else None
    outbox = Outbox(folder + "/outbox", settings.get("outbox_bytes", 262144), done=memory.done if memory else ("", 0))
    city, name = settings["city"], settings["publisher"]
    filters = [topic(city, name, "receipt"), topic(city, "collector", "state")]
    if "trust" in settings:
        filters += [topic(city, name, "command"), topic(city, name, "config")]
    link = Link(name, settings["broker"], context, filters, lambda: (hal.now_ms() or 0) // 1000)
    link.certificate_ends_s = ends
    publisher = Publisher(city, name, outbox, link)
    desk = _desk(folder, settings, hal, outbox, kind, context, lambda: publisher.collector_online is False)
    if desk is not None:
        own = desk.start() or own
    try:
        made = kind.make(own, hal, outbox.note)
    except (KeyError, ValueError) as error:
        if desk is not None and desk.give_up("hal: " + str(error)):
            hal.restart()
        raise node_json.SettingsError("hal: " + str(error)) from None
    if desk is not None:
        desk.kind = made
    if memory and memory.kind:
        made.recall(memory.kind)
    print("node: " + name + " boot " + str(outbox.boot) + " outbox " + outbox.id)
    if memory and battery:
        from firmware.energy import Ledger
        from firmware.waking import Waking

        ledger = Ledger(hal.monotonic_ms(), memory.energy)
        status = Status(settings, hal, outbox, link, made, ledger, desk=desk)
        sampler = Sampler(settings["thing"], hal, outbox, made, status, ledger)
        return Waking(battery, hal, outbox, link, made, sampler, publisher, status, ledger, memory, desk)
    from firmware.loop_lag import LoopLag
    from firmware.node import Node

    lag = LoopLag()
    status = Status(settings, hal, outbox, link, made, lag=lag, desk=desk)
    sampler = Sampler(settings["thing"], hal, outbox, made, status)
    return Node(hal, outbox, link, made, sampler, publisher, status, lag, desk)


def _desk(folder: str, settings: dict, hal, outbox, kind, context, is_offline):
    """None for a node that trusts nobody."""
    if "trust" not in settings:
        return None
    from firmware.desk import Desk

    return Desk(folder, settings, hal, outbox, kind, context, is_offline)


def _memory(hal):
    from firmware.waking import Memory

    return Memory(hal)


def _kind(name: str):
    try:
        return getattr(__import__("firmware.nodes." + name).nodes, name)
    except (ImportError, AttributeError):
        raise node_json.SettingsError("kind: there is no node kind " + name) from None


def _board():
    if sys.platform == "esp32":
        from firmware.hal.board import Board
    else:
        from firmware.hal_sim.board import Board
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
        return tls_context(*octets), ends_s(octets[0])
    except (ValueError, OSError) as error:
        raise node_json.SettingsError("certificate, key, ca: " + str(error)) from None


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else ".")
