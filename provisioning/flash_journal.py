"""How far is each board of a batch? Durable lines, each written before the step that it names.

The first line is the plan, each further one what became of a node. A line that a cut tore is no line: its step had not
begun.
"""

import json
import os
from pathlib import Path
from typing import Any, Literal, NamedTuple, Self

from provisioning import ProvisionError
from provisioning.durable import sync_folder

Step = Literal["planned", "writing", "written", "done", "failed"]
_SUFFIX = ".jsonl"


class Plan(NamedTuple):
    """What a batch does. ``ports``: node -> port."""

    interpreter: str
    interpreter_sha256: str
    offset: int
    board: str
    family: str
    baud: int
    ports: dict[str, str]
    forgets_keys: bool


class State(NamedTuple):
    """The newest of a node."""

    step: Step = "planned"
    port: str = ""
    mac: str = ""
    chip: str = ""
    why: str = ""


class FlashJournal:
    """One batch; ``begin`` makes its file, ``read`` finds it again."""

    def __init__(self, path: Path, plan: Plan, states: dict[str, State], *, is_closed: bool = False) -> None:
        self.path = path
        self.plan = plan
        self.states = states
        self.is_closed = is_closed

    def begin(self) -> None:
        """The plan is durable from now on."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self._append({"plan": self.plan._asdict()})
        sync_folder(self.path.parent)

    @classmethod
    def read(cls, path: Path) -> Self | None:
        """None: a cut came before the plan was whole, so nothing was done. What a cut tore is removed."""
        whole, newline, torn = path.read_bytes().rpartition(b"\n")
        if torn:
            os.truncate(path, len(whole + newline))
        lines = [json.loads(line) for line in whole.splitlines()]
        if not lines:
            path.unlink()
            return None
        try:
            plan = Plan(**lines[0]["plan"])
            states = {name: State(port=port) for name, port in plan.ports.items()}
            states |= {line["node"]: State(**line["state"]) for line in lines[1:] if "node" in line}
        except (KeyError, TypeError) as error:
            raise ProvisionError(f"{path}: not a journal of this version: {error}") from None
        return cls(path, plan, states, is_closed=any("closed" in line for line in lines))

    def note(self, name: str, **changes: Any) -> None:
        """What is true of a node from now on."""
        self.states[name] = self.states[name]._replace(**changes)
        self._append({"node": name, "state": self.states[name]._asdict()})

    def close(self) -> None:
        """Give up what it left undone: that will be done by another."""
        if not self.unfinished:
            return
        self.is_closed = True
        self._append({"closed": True})

    @property
    def unfinished(self) -> list[str]:
        return [] if self.is_closed else [name for name, state in self.states.items() if state.step != "done"]

    def _append(self, line: dict[str, Any]) -> None:
        with self.path.open("ab") as file:
            file.write(json.dumps(line).encode() + b"\n")
            file.flush()
            os.fsync(file.fileno())


def journals(folder: Path) -> list[FlashJournal]:
    """Every batch, oldest first."""
    read = (FlashJournal.read(path) for path in sorted(folder.glob(f"*{_SUFFIX}")))
    return [journal for journal in read if journal is not None]


def next_path(folder: Path) -> Path:
    """Of a new batch."""
    numbers = [int(path.stem) for path in folder.glob(f"*{_SUFFIX}") if path.stem.isdecimal()]
    return folder / f"{max(numbers, default=0) + 1:05}{_SUFFIX}"
