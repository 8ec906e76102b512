"""What does a run look like to a person? Faults, values given and stored, and what waited, on one line of time.

One file of HTML without anything from elsewhere; the pictures are SVG. Each has its numbers in words beside it.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from html import escape
from typing import Any

from hil_tests.judging.comparison import Account, Given, Key, Stored
from hil_tests.reports.page import COLOURS, page, svg

BIN = 5_000  # ms of a bar
WIDTH, HEIGHT, LEFT = 1000, 120, 60


@dataclass
class Run:
    """Everything about one run; times in ms UTC."""

    broker: str
    seed: int
    begin: int
    until: int
    """The end of the faults: what was given by then is judged."""
    healed: int
    """When all of it was there."""
    faults: list[dict[str, Any]]
    accounts: Mapping[str, Account]
    ended: list[str]
    """Programs that ended by themselves."""
    holes: Mapping[str, int] = field(default_factory=dict)
    """Messages that the ledger misses, by publisher."""
    given: Mapping[Key, Sequence[Given]] = field(default_factory=dict)
    stored: Mapping[Key, Sequence[Stored]] = field(default_factory=dict)
    waiting: Mapping[str, Sequence[tuple[int, float]]] = field(default_factory=dict)

    @property
    def agrees(self) -> bool:
        well = bool(self.accounts) and all(one.agrees for one in self.accounts.values())
        return well and not self.ended and not self.holes


def summary(run: Run) -> dict[str, Any]:
    """For programs."""
    return {
        "broker": run.broker,
        "seed": run.seed,
        "begin": run.begin,
        "until": run.until,
        "recovered_after_ms": run.healed - run.until,
        "agrees": run.agrees,
        "faults": run.faults,
        "ended": run.ended,
        "holes": dict(run.holes),
        "publishers": {
            name: {
                "measured": one.measured,
                "stored": one.stored,
                "excused": one.excused,
                "missing": len(one.missing),
                "repeated": len(one.repeated),
                "wrong": len(one.wrong),
            }
            for name, one in sorted(run.accounts.items())
        },
    }


def html(run: Run) -> str:
    """One page."""
    minutes = (run.until - run.begin) / 60_000
    title = f"Run {run.seed} on {run.broker}"
    again = f"make chaos SEED={run.seed} MINUTES={minutes:.0f} BROKER={escape(run.broker)}"
    ended = "Ended by themselves: " + ", ".join(run.ended) if run.ended else "No program ended by itself."
    parts = [
        _verdict(run, minutes),
        "<h2>Faults</h2>",
        _faults(run),
        f"<h2>Values given and stored, in {BIN // 1000} s</h2>",
        _values(run),
        "<h2>Messages that waited in outboxes</h2>",
        _waiting(run),
        "<h2>Publishers</h2>",
        _publishers(run),
        f"<p>{escape(ended)}</p>",
        f"<p>Again: <code>{again}</code></p>",
    ]
    return page(title, parts)


def _verdict(run: Run, minutes: float) -> str:
    word, kind = ("Every value that a sensor gave is stored once.", "good")
    if not run.agrees:
        word, kind = "NOT every value is stored as it was given.", "bad"
    after = (run.healed - run.until) / 1000
    return (
        f'<p class="{kind}"><strong>{word}</strong> The run lasted {minutes:.1f} minutes; '
        f"everything was there {after:.1f} s after its end.</p>"
    )


def _faults(run: Run) -> str:
    kinds = Counter(one["fault"] for one in run.faults)
    words = ", ".join(f"{count} x {name}" for name, count in sorted(kinds.items()))
    return f"<p>{len(run.faults)}: {escape(words)}.</p>\n{_lanes(run)}"


def _values(run: Run) -> str:
    given = _per_bin(run, (one.at for several in run.given.values() for one in several))
    stored = _per_bin(run, (one.known for several in run.stored.values() for one in several if one.known))
    words = (
        f"{sum(given)} were given, at most {max(given, default=0)} in one bar; {sum(stored)} became known, at most "
        f"{max(stored, default=0)}: what waited comes at once."
    )
    return f"<p>{words}</p>\n{_bars(run, (('given', given), ('stored', stored)))}"


def _waiting(run: Run) -> str:
    most = max((depth for several in run.waiting.values() for _, depth in several), default=0)
    return f"<p>By what the publishers said of themselves: at most {most:g}.</p>\n{_lines(run)}"


def _publishers(run: Run) -> str:
    told = summary(run)["publishers"]
    head = "".join(f"<th>{name}</th>" for name in next(iter(told.values()), {}))
    rows = [
        f"<tr><th>{escape(name)}</th>{''.join(f'<td>{number}</td>' for number in of.values())}</tr>"
        for name, of in told.items()
    ]
    return f"<table><tr><th></th>{head}</tr>{''.join(rows)}</table>"


def _x(run: Run, at: float) -> float:
    return LEFT + (WIDTH - LEFT) * min(1.0, max(0.0, (at - run.begin) / max(1, run.healed - run.begin)))


def _per_bin(run: Run, times: Iterable[int]) -> list[int]:
    bars = [0] * ((run.healed - run.begin) // BIN + 1)
    for at in times:
        if run.begin <= at <= run.healed:
            bars[(at - run.begin) // BIN] += 1
    return bars


def _lanes(run: Run) -> str:
    names = sorted({one["fault"] for one in run.faults})
    parts = []
    for place, name in enumerate(names):
        y = 10 + place * 20
        parts.append(f'<text x="0" y="{y + 11}" font-size="9">{escape(name)}</text>')
        parts += [_bar(run, one, y, COLOURS[place % len(COLOURS)]) for one in run.faults if one["fault"] == name]
    return svg("When each fault was", (WIDTH, 20 + 20 * len(names)), parts)


def _bar(run: Run, one: Mapping[str, Any], y: int, colour: str) -> str:
    begin, end = _x(run, one["begin"]), _x(run, one["end"])
    words = f"{one['fault']} {one['target']}: {(one['end'] - one['begin']) / 1000:.1f} s"
    return (
        f'<rect x="{begin:.1f}" y="{y}" width="{max(1.0, end - begin):.1f}" height="14" fill="{colour}">'
        f"<title>{escape(words)}</title></rect>"
    )


def _bars(run: Run, several: Sequence[tuple[str, Sequence[int]]]) -> str:
    most = max((number for _, bars in several for number in bars), default=0) or 1
    parts = []
    for place, (name, bars) in enumerate(several):
        points = " ".join(
            f"{_x(run, run.begin + (spot + 0.5) * BIN):.1f},{HEIGHT - (HEIGHT - 20) * number / most:.1f}"
            for spot, number in enumerate(bars)
        )
        parts.append(f'<polyline points="{points}" fill="none" stroke="{COLOURS[place]}" stroke-width="1.5"/>')
        parts.append(f'<text x="0" y="{20 + 14 * place}" font-size="11" fill="{COLOURS[place]}">{name}</text>')
    return svg("Values given and values stored", (WIDTH, HEIGHT), parts)


def _lines(run: Run) -> str:
    most = max((depth for of in run.waiting.values() for _, depth in of), default=0) or 1
    parts = []
    for place, (name, several) in enumerate(sorted(run.waiting.items())):
        colour = COLOURS[place % len(COLOURS)]
        points = " ".join(f"{_x(run, at):.1f},{HEIGHT - (HEIGHT - 20) * depth / most:.1f}" for at, depth in several)
        parts.append(
            f'<polyline points="{points}" fill="none" stroke="{colour}"><title>{escape(name)}</title></polyline>'
        )
        parts.append(f'<text x="0" y="{14 + 12 * place}" font-size="9" fill="{colour}">{escape(name)}</text>')
    return svg("Messages waiting in each outbox", (WIDTH, HEIGHT), parts)
