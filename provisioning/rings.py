"""Which node is asked for an update next, and may the next ring follow? State and time in, state and actions out.

A rollout goes through rings: first one node, then a few, then all. A ring is healthy when each of its nodes has said
that the release is done, and has then for ``hold_ms`` run it without a new start, a lost connection, a refused reading
or an outbox that grows, and is there at the end. The first that is not halts everything and is named. Nothing here
sleeps, sends or writes. Times are milliseconds of the laptop's clock.
"""

import hashlib
import math
from collections.abc import Mapping, Sequence
from typing import Any, Literal, NamedTuple

from provisioning import ProvisionError

Status = Literal["waiting", "asked", "accepted", "done", "failed", "silent", "unhealthy", "left out"]
TROUBLED: tuple[Status, ...] = ("failed", "silent", "unhealthy")
RINGS = ("1", "10%", "all")
ROOM = 64  # messages that a healthy node has on their way, without a receipt


class Health(NamedTuple):
    """What a node said of itself in the first state that was heard while it is watched."""

    boot: int
    error: str
    depth: int
    refused: int


class Node(NamedTuple):
    """``since``: when it came to this status, or was watched again; ``is_heard``: whether it is there."""

    publisher: str
    ring: int
    status: Status = "waiting"
    since: int = 0
    sent: int = 0
    attempt: int = 1
    is_heard: bool = False
    baseline: Health | None = None
    firmware: str = ""
    reason: str = ""


class Gate(NamedTuple):
    """How long a ring must be healthy, how long a node may be silent, and how often it is asked meanwhile."""

    hold_ms: int
    patience_ms: int
    repeat_ms: int = 15_000


class Rollout(NamedTuple):
    """``ring`` is the one that is open, counted from 0."""

    release: int
    version: str
    url: str
    by: str
    gate: Gate
    nodes: Mapping[str, Node]
    status: Literal["running", "halted", "finished"] = "running"
    ring: int = 0
    reason: str = ""

    def names(self, *statuses: Status) -> list[str]:
        return [node.publisher for node in self.nodes.values() if node.status in statuses]


def assign(publishers: Sequence[str], sizes: Sequence[str] = RINGS) -> dict[str, Node]:
    """``sizes`` are how many have the release when a ring is through: "3", "10%" or "all", the last of which is all."""
    if len(set(publishers)) != len(publishers):
        raise ProvisionError("publishers: one stands twice")
    if not publishers:
        raise ProvisionError("publishers: none")
    bounds = [_bound(size, len(publishers)) for size in sizes]
    if not bounds or bounds[-1] != len(publishers) or bounds != sorted(bounds):
        raise ProvisionError(f"rings: {' '.join(sizes)}: expected sizes that grow and end with all")
    steps = sorted(set(bounds))
    ring = {name: next(i for i, bound in enumerate(steps) if place < bound) for place, name in enumerate(publishers)}
    return {name: Node(name, ring[name]) for name in publishers}


def _bound(size: str, count: int) -> int:
    digits = size.removesuffix("%")
    if size == "all":
        return count
    if not digits.isdecimal() or not int(digits):
        raise ProvisionError(f"rings: {size}: expected a number, a percentage or all")
    return min(count, math.ceil(int(digits) * count / 100) if size.endswith("%") else int(digits))


def identifier(rollout: Rollout, node: Node) -> str:
    """Of the command: a node that hears it twice carries it out once."""
    name = hashlib.sha256(node.publisher.encode()).hexdigest()[:16]
    return f"update-{rollout.release}-{name}-{node.attempt}"


# ---- what was heard


def heard_result(rollout: Rollout, publisher: str, result: Mapping[str, Any], now: int) -> Rollout:
    """A node answers its command; an answer to anything else changes nothing."""
    node = rollout.nodes.get(publisher)
    if node is None or result["id"] != identifier(rollout, node) or node.status not in ("asked", "accepted", "silent"):
        return rollout
    status, reason = result["status"], result.get("reason", "")
    if status == "accepted":
        return _with(rollout, node._replace(status="accepted", since=now) if node.status == "asked" else node)
    # An earlier laptop, or an answer that was lost: what is asked for runs there already.
    if status == "done" or reason == f"release {rollout.release} is not above {rollout.release}":
        return _with(rollout, node._replace(status="done", since=now, is_heard=False, baseline=None, reason=""))
    return _with(rollout, node._replace(status="failed", since=now, is_heard=False, reason=reason or status))


def heard_state(rollout: Rollout, publisher: str, state: Mapping[str, Any], now: int, *, retained: bool) -> Rollout:
    """A node tells how it is. A retained state may be old: it can speak against a node, not for it."""
    node = rollout.nodes.get(publisher)
    if node is None:
        return rollout
    node = node._replace(firmware=state.get("firmware", node.firmware), is_heard=state["online"] and not retained)
    if node.status != "done" or not state["online"]:
        return _with(rollout, node)
    # The ring that is open is watched closely; of those before it, only that they keep the release.
    complaint = f"runs {state['firmware']}, not {rollout.version}" if _is_other(rollout, state) else ""
    if node.ring == rollout.ring and not retained:
        if node.baseline is None:
            node = node._replace(baseline=_health(state))
        complaint = complaint or _complaint(node.baseline, state)
    if complaint:
        node = node._replace(status="unhealthy", since=now, reason=complaint)
    return _with(rollout, node)


def _is_other(rollout: Rollout, state: Mapping[str, Any]) -> bool:
    return bool(state.get("firmware", rollout.version) != rollout.version)


def _health(state: Mapping[str, Any]) -> Health:
    return Health(
        state.get("boot", 0), state.get("error", ""), state.get("outbox_depth", 0), state.get("readings_refused", 0)
    )


def _complaint(before: Health | None, state: Mapping[str, Any]) -> str:
    now = _health(state)
    if before is None:
        return ""
    if now.boot > before.boot:
        return f"started again: {state.get('reset', 'nobody knows why')}"
    if now.error != before.error:
        return f"lost its connection: {now.error}"
    if now.refused > before.refused:
        return f"{now.refused - before.refused} readings break the contract"
    if now.depth > before.depth + ROOM:
        return f"its outbox grows: {now.depth} messages have no receipt, {before.depth} had none before"
    return ""


# ---- what is to be done


def step(rollout: Rollout, now: int) -> tuple[Rollout, list[Node]]:
    """The rollout as it is now, and the nodes that are to be asked. It must be durable before anybody is asked."""
    for node in rollout.nodes.values():
        if node.ring <= rollout.ring:
            rollout = _with(rollout, _out_of_patience(rollout, node, now))
    if rollout.status != "running":
        return rollout, []
    troubled = [node for node in rollout.nodes.values() if node.status in TROUBLED]
    if troubled:
        said = "; ".join(f"{node.publisher} {node.status}: {node.reason}" for node in troubled)
        return rollout._replace(status="halted", reason=f"ring {rollout.ring + 1}: {said}"), []
    ring = [node for node in rollout.nodes.values() if node.ring == rollout.ring and node.status != "left out"]
    if all(_holds(rollout, node, now) for node in ring):
        return _opened(rollout), []
    asked = [_asked(node, now) for node in ring if _is_due(rollout, node, now)]
    for node in asked:
        rollout = _with(rollout, node)
    return rollout, asked


def _out_of_patience(rollout: Rollout, node: Node, now: int) -> Node:
    waited = now - node.since
    if node.status in ("asked", "accepted") and waited >= rollout.gate.patience_ms:
        reason = "has not answered" if node.status == "asked" else "has accepted and not said what came of it"
        return node._replace(status="silent", since=now, reason=f"{reason} in {waited // 1000} s")
    is_watched = (
        rollout.status == "running" and node.status == "done" and node.ring == rollout.ring and not node.is_heard
    )
    if is_watched and waited >= rollout.gate.patience_ms + rollout.gate.hold_ms:
        return node._replace(status="unhealthy", since=now, reason=f"not there, {waited // 1000} s after it was done")
    return node


def _holds(rollout: Rollout, node: Node, now: int) -> bool:
    return node.status == "done" and node.is_heard and now - node.since >= rollout.gate.hold_ms


def _opened(rollout: Rollout) -> Rollout:
    last = max(node.ring for node in rollout.nodes.values())
    if rollout.ring == last:
        return rollout._replace(status="finished")
    return rollout._replace(ring=rollout.ring + 1)


def _is_due(rollout: Rollout, node: Node, now: int) -> bool:
    return node.status == "waiting" or (node.status == "asked" and now - node.sent >= rollout.gate.repeat_ms)


def _asked(node: Node, now: int) -> Node:
    return node._replace(status="asked", since=now if node.status == "waiting" else node.since, sent=now)


def is_settled(rollout: Rollout, now: int) -> bool:
    """Whether nothing more will come: a halt stops no node that was asked, and one that failed tells its version."""
    if rollout.status == "running":
        return False
    moving = rollout.names("asked", "accepted")
    late = now - rollout.gate.repeat_ms
    back = [n for n in rollout.nodes.values() if n.status == "failed" and not n.is_heard and n.since > late]
    return rollout.status == "finished" or not (moving or back)


# ---- what a person, or a restart, changes


def watched_again(rollout: Rollout, now: int) -> Rollout:
    """After a time in which nobody listened: it counts neither against a node nor for it."""
    for node in rollout.nodes.values():
        if node.status in ("asked", "accepted", "done") and node.ring == rollout.ring:
            rollout = _with(rollout, node._replace(since=now, is_heard=False, baseline=None))
    return rollout


def halted(rollout: Rollout, reason: str) -> Rollout:
    return rollout._replace(status="halted", reason=reason) if rollout.status == "running" else rollout


def resumed(rollout: Rollout, again: Sequence[str], without: Sequence[str]) -> Rollout:
    """A halted rollout goes on; each node that is in trouble is either asked again or left out."""
    for name in (*again, *without):
        if name not in rollout.nodes:
            raise ProvisionError(f"{name}: is not in this rollout")
    if both := set(again) & set(without):
        raise ProvisionError(f"{' '.join(sorted(both))}: either --again or --without")
    if calm := [name for name in again if rollout.nodes[name].status not in (*TROUBLED, "left out")]:
        raise ProvisionError(f"{' '.join(calm)}: has no trouble, so there is nothing to ask again")
    for node in rollout.nodes.values():
        if node.publisher in without:
            rollout = _with(rollout, node._replace(status="left out"))
        elif node.publisher in again:
            fresh = Node(node.publisher, max(node.ring, rollout.ring), attempt=node.attempt + 1)
            rollout = _with(rollout, fresh)
    if open_ := rollout.names(*TROUBLED):
        raise ProvisionError(
            f"{' '.join(open_)}: in trouble; name each with --again or --without ({rollout.reason or 'see status'})"
        )
    return rollout._replace(status="running", reason="") if rollout.status != "finished" or again else rollout


def _with(rollout: Rollout, node: Node) -> Rollout:
    if rollout.nodes[node.publisher] == node:
        return rollout
    return rollout._replace(nodes={**rollout.nodes, node.publisher: node})
