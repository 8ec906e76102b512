"""What the tests of the outbox share: how it is filled, and what comes out."""

import json
import os

from firmware.outbox import Outbox

NOW = 1795392000000


def fresh(name: str) -> str:
    """An empty folder for an outbox."""
    path = "outbox_of_" + name
    try:
        for file in os.listdir(path):
            os.remove(path + "/" + file)
    except OSError:
        return path
    return path


def reading(number: int = 412) -> dict:
    return {"thing": "spot-0001", "values": {"distance": (number, -3)}}


def fill(outbox: Outbox, count: int, start: int = 0) -> list:
    return [outbox.append(reading(), NOW + 1000 * (start + n), 1000 * (start + n)) for n in range(count)]


def drained(outbox: Outbox) -> list:
    """Everything that can be published now, as decoded messages, urgent ones first."""
    taken = []
    for urgent in (True, False):
        found = outbox.take(urgent)
        while found is not None:
            taken.append(json.loads(str(found[2], "utf-8")))
            found = outbox.take(urgent)
    return taken


def numbers(outbox: Outbox) -> list:
    return [message["seq"] for message in drained(outbox)]


def logs(path: str) -> list:
    return sorted([name for name in os.listdir(path) if name[-4:] == ".log"])
