"""How is a node put together? From node.json to something that runs; needed at the start only, and forgotten after it.

So nothing that lives on may hold a function of this file, of the settings, or of a module in ``nodes``.
"""

import gc
import sys

from firmware import node_json
from firmware.forgetting import forget
from firmware.settings import SettingsError

# What the start needs and the readings don't.
START = ("assembly", "node_json", "settings", "spans", "clerk", "recovery", "refusal", "air.certificates")


def build(folder: str):
    """Put the parts together. Raises SettingsError."""
    settings = node_json.load(folder + "/node.json")
    gc.collect()  # what was needed to come here makes room in one piece
    context, ends = _context(folder, settings)
    gc.collect()
    kind = _kind(settings["kind"])
    own = node_json.of_kind(settings, kind.KEYS, kind.OPTIONAL)
    own["period_ms"] = settings["period_ms"]
    if "battery" in settings and not kind.BATTERY:
        raise SettingsError("battery: a node of this kind can't sleep")
    hal = _board()(settings["hal"], folder)
    gc.collect()
    memory = _memory(hal) if "battery" in settings else None
    outbox = _outbox(folder, settings, memory)
    link = _link(settings, context, ends, hal)
    from firmware.publisher import Publisher

    publisher = Publisher(settings["city"], settings["publisher"], outbox, link)
    desk = _desk(folder, settings, hal)
    if desk is not None:
        desk.opens(outbox, context, publisher)
        own = desk.start() or own
    gc.collect()
    try:
        made = kind.make(own, hal, outbox.note)
    except (KeyError, ValueError) as error:
        if desk is not None and desk.give_up("hal: " + str(error)):
            hal.restart()
        raise SettingsError("hal: " + str(error)) from None
    if desk is not None:
        desk.kind = made
    if memory and memory.kind:
        made.recall(memory.kind)
    print("node: " + settings["publisher"] + " boot " + str(outbox.boot) + " outbox " + outbox.id)
    forget("nodes." + settings["kind"], *START)
    gc.collect()
    return _running(settings, hal, outbox, link, made, publisher, memory, desk)


def _running(settings: dict, hal, outbox, link, made, publisher, memory, desk):
    """The node on a battery, or on the mains."""
    from firmware.sampler import Sampler
    from firmware.status import Status

    if memory:
        from firmware.energy import Ledger
        from firmware.waking import Waking

        ledger = Ledger(hal.monotonic_ms(), memory.energy)
        status = Status(settings, hal, outbox, link, made, ledger, desk=desk)
        sampler = Sampler(settings["thing"], hal, outbox, made, status, ledger)
        return Waking(settings["battery"], hal, outbox, link, made, sampler, publisher, status, ledger, memory, desk)
    from firmware.loop_lag import LoopLag
    from firmware.node import Node

    lag = LoopLag()
    status = Status(settings, hal, outbox, link, made, lag=lag, desk=desk)
    sampler = Sampler(settings["thing"], hal, outbox, made, status)
    return Node(hal, outbox, link, made, sampler, publisher, status, lag, desk)


def _outbox(folder: str, settings: dict, memory):
    from firmware.outbox import Outbox

    return Outbox(folder + "/outbox", settings.get("outbox_bytes", 262144), done=memory.done if memory else ("", 0))


def _link(settings: dict, context, ends: int, hal):
    from firmware.contract import topic
    from firmware.link import Link

    city, name = settings["city"], settings["publisher"]
    filters = [topic(city, name, "receipt"), topic(city, "collector", "state")]
    if "trust" in settings:
        filters += [topic(city, name, "command"), topic(city, name, "config")]
    link = Link(name, settings["broker"], context, filters, hal.now_ms)
    link.certificate_ends_s = ends
    return link


def _desk(folder: str, settings: dict, hal):
    """None for a node that trusts nobody."""
    if "trust" not in settings:
        return None
    from firmware.desk import Desk

    return Desk(folder, settings, hal)


def _memory(hal):
    from firmware.waking import Memory

    return Memory(hal)


def _kind(name: str):
    from firmware.nodes import module

    try:
        return module(name)
    except ImportError:
        raise SettingsError("kind: there is no node kind " + name) from None


def _board():
    if sys.platform == "esp32":
        from firmware.hal.board import Board
    else:
        from firmware.hal_sim.board import Board
    return Board


def _context(folder: str, settings: dict):
    """The node's side of mutual TLS, and when its certificate ends, in s since 1970 UTC."""
    from firmware.refusal import ends_s

    octets = []
    for key in ("certificate", "key", "ca"):
        try:
            with open(folder + "/" + settings[key], "rb") as file:
                octets.append(file.read())
        except OSError:
            raise SettingsError(key + ": can't read " + settings[key]) from None
    try:
        return _tls(*octets), ends_s(octets[0])
    except (ValueError, OSError) as error:
        raise SettingsError("certificate, key, ca: " + str(error)) from None


def _tls(certificate: bytes, key: bytes, authority: bytes):
    """Mutual TLS from DER: the certificate, its key (SEC1) and the CA that must have signed the broker's."""
    import tls  # what ``ssl`` wraps in a kilobyte of classes

    context = tls.SSLContext(tls.PROTOCOL_TLS_CLIENT)
    context.load_cert_chain(certificate, key)
    context.load_verify_locations(authority)
    context.verify_mode = tls.CERT_REQUIRED  # pyright: ignore[reportAttributeAccessIssue] - the stub forgot it
    return context
