"""Which boards become which nodes, and by what? A new batch, or the newest one again."""

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from provisioning import ProvisionError
from provisioning.flash_journal import FlashJournal, Plan, State, next_path
from provisioning.ports import assigned, resolved


class Wish(NamedTuple):
    """What a person asks for; ``nodes`` are ``NAME`` or ``NAME=PORT``."""

    nodes: Sequence[str]
    interpreter: Path
    offset: int
    board: str
    family: str
    baud: int
    keep_keys: bool
    abandon: bool


def planned(folder: Path, before: Sequence[FlashJournal], wish: Wish) -> FlashJournal:
    """A new batch, not begun yet."""
    for journal in before:
        if journal.unfinished and not wish.abandon:
            left = " ".join(journal.unfinished)
            raise ProvisionError(f"{journal.path}: unfinished: {left}; give --resume, or --abandon to leave them so")
    names = [one.partition("=")[0] for one in wish.nodes]
    if not names:
        raise ProvisionError("NAME: expected at least one node, or --resume")
    if doubled := {name for name in names if names.count(name) > 1}:
        raise ProvisionError(f"{' '.join(sorted(doubled))}: named twice")
    ports = assigned(names, {name: port for name, _, port in (one.partition("=") for one in wish.nodes) if port})
    interpreter = wish.interpreter.resolve()
    digest = hashlib.sha256(_read(interpreter)).hexdigest()
    plan = Plan(str(interpreter), digest, wish.offset, wish.board, wish.family, wish.baud, ports, not wish.keep_keys)
    return FlashJournal(next_path(folder), plan, {name: State(port=port) for name, port in ports.items()})


def resumed(before: Sequence[FlashJournal], nodes: Sequence[str]) -> FlashJournal:
    """The newest batch; a node may have another port now."""
    if not before:
        raise ProvisionError("--resume: no batch was begun here")
    journal = before[-1]
    for one in nodes:
        name, _, port = one.partition("=")
        if name not in journal.plan.ports or not port:
            raise ProvisionError(f"{one}: with --resume, expected NAME=PORT of {' '.join(journal.plan.ports)}")
        journal.plan.ports[name] = resolved(port)
    return journal


def owners(before: Sequence[FlashJournal]) -> dict[str, str]:
    """MAC -> the node that was put on it last."""
    return {state.mac: name for one in before for name, state in one.states.items() if state.step == "done"}


def read_interpreter(plan: Plan) -> bytes:
    """The file that the batch was begun with."""
    path = Path(plan.interpreter)
    octets = _read(path)
    if hashlib.sha256(octets).hexdigest() != plan.interpreter_sha256:
        raise ProvisionError(f"{path}: is not the file that this batch was begun with")
    return octets


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise ProvisionError(f"--interpreter {path}: {error.strerror}") from None
