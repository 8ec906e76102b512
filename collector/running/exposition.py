"""How do figures look to Prometheus? Text format 0.0.4, pure."""

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Literal

from collector.ledger import Account
from collector.messages.quarantine import FORGOTTEN, kind_of_reason
from collector.ranges import Ranges

CLOSED = "_closed"  # no id has this sign: all closed outboxes of a publisher together
UNREGISTERED = "_unregistered"
Kind = Literal["counter", "gauge"]
Labels = tuple[tuple[str, str], ...]


def family(name: str, kind: Kind, text: str, samples: Mapping[Labels, float]) -> list[str]:
    """The lines of one metric; ``name`` without its prefix."""
    lines = [f"# HELP senzorika_{name} {text}", f"# TYPE senzorika_{name} {kind}"]
    for labels, value in samples.items():
        inside = ",".join(f'{key}="{_escaped(label)}"' for key, label in labels)
        lines.append(f"senzorika_{name}{{{inside}}} {value}" if inside else f"senzorika_{name} {value}")
    return lines


def outbox_messages(accounts: Iterable[Account]) -> dict[Labels, float]:
    """By publisher, outbox and what became of the messages; the closed outboxes of a publisher count as one."""
    counts: Counter[Labels] = Counter()
    for one in accounts:
        outbox = CLOSED if one.closed else one.outbox
        for state in ("stored", "quarantined", "dropped", "missing"):
            counts[("publisher", one.publisher), ("outbox", outbox), ("state", state)] += count(getattr(one, state))
    return dict(counts)


def held_readings(counts: Mapping[str, Mapping[str, int]], publishers: Iterable[str]) -> dict[Labels, float]:
    """By publisher and kind of reason; all publishers that nobody registered count as one."""
    known = set(publishers)
    held: Counter[Labels] = Counter()
    for publisher, reasons in counts.items():
        for reason, number in reasons.items():
            if reason != FORGOTTEN:
                whose = publisher if publisher in known else UNREGISTERED
                held[("publisher", whose), ("reason", kind_of_reason(reason))] += number
    return dict(held)


def forgotten_readings(counts: Mapping[str, Mapping[str, int]], publishers: Iterable[str]) -> dict[Labels, float]:
    """By publisher: what the bound of the quarantine pushed out."""
    known = set(publishers)
    gone: Counter[Labels] = Counter()
    for publisher, reasons in counts.items():
        if FORGOTTEN in reasons:
            gone[(("publisher", publisher if publisher in known else UNREGISTERED),)] += reasons[FORGOTTEN]
    return dict(gone)


def count(ranges: Ranges) -> int:
    """How many numbers are in the set."""
    return sum(last - first + 1 for first, last in ranges)


def _escaped(label: str) -> str:
    return label.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
