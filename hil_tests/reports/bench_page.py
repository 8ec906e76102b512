"""What does a run of pytest on a rig look like to a person? Verdicts, measurements against limits, versions, logs."""

import os
from collections import Counter
from collections.abc import Mapping
from html import escape
from pathlib import Path
from typing import Any

from hil_tests.reports.findings import Findings, Tested
from hil_tests.reports.page import page, svg, table

_KINDS = {"passed": "good", "failed": "bad", "skipped": "none"}
_WIDTH, _HEIGHT = 220, 16
_LIMITS, _WELL, _NOT = "#d8e2dc", "#2d6a4f", "#9d0208"


def html(found: Findings, beside: Path) -> str:
    """``beside`` is the folder that the page will lie in: its links to logs start there."""
    counts = Counter(one.outcome for one in found.tests.values())
    words = ", ".join(f"{counts[name]} {name}" for name in _KINDS if counts[name]) or "nothing was run"
    parts = [
        f'<p class="{"bad" if counts["failed"] or not counts["passed"] else "good"}"><strong>{words}</strong></p>',
        "<h2>Tests</h2>",
        _tests(found, beside),
        "<h2>Measurements</h2>",
        _measurements(found),
        "<h2>What was tested</h2>",
        table(found.facts) if found.facts else "<p>No test came onto the bench.</p>",
    ]
    return page(f"Rig {found.facts.get('rig', 'without a bench')}", parts)


def _tests(found: Findings, beside: Path) -> str:
    return f"<table>{''.join(_test(name, one, beside) for name, one in found.tests.items())}</table>"


def _test(name: str, one: Tested, beside: Path) -> str:
    logs = " ".join(
        f'<a href="{escape(os.path.relpath(file, beside))}">{escape(device)}</a>' for device, file in one.logs.items()
    )
    why = ""
    if one.why:
        why = f"<br>{escape(one.why)}"
    if one.trace:
        why = f"<details><summary>{escape(one.why)}</summary><pre>{escape(one.trace)}</pre></details>"
    return (
        f'<tr><th class="{_KINDS[one.outcome]}">{one.outcome}</th><td class="text">{escape(name)}{why}</td>'
        f'<td>{one.seconds:.1f} s</td><td class="text">{logs}</td></tr>'
    )


def _measurements(found: Findings) -> str:
    rows = [_measurement(line) for one in found.tests.values() for line in one.measured]
    head = "<tr><th></th><th>least</th><th></th><th>most</th><th>measured</th></tr>"
    return f"<table>{head}{''.join(rows)}</table>" if rows else "<p>Nothing was measured.</p>"


def _measurement(line: Mapping[str, Any]) -> str:
    low, high = (f"{line[end]:.4g}" if line[end] is not None else "" for end in ("low", "high"))
    kind = "good" if line["well"] else "bad"
    unit = "" if line["unit"] == "1" else str(line["unit"])
    return (
        f'<tr><th>{escape(str(line["name"]))}</th><td>{low}</td><td class="text">{_bar(line)}</td><td>{high}</td>'
        f'<td class="{kind}">{line["value"]:.4g} {escape(unit)}</td></tr>'
    )


def _bar(line: Mapping[str, Any]) -> str:
    """What is allowed as a band, what was measured as a stroke; the scale begins at 0, or at what is below it."""
    value, low, high = float(line["value"]), line["low"], line["high"]
    known: list[float] = [0.0, value, *(end for end in (low, high) if end is not None)]
    begin, end = min(known), max(known) * 1.1 or 1.0

    def x(at: float) -> float:
        return 2 + (_WIDTH - 4) * (at - begin) / (end - begin)

    left, right = x(begin if low is None else low), x(end if high is None else high)
    band = f'<rect x="{left:.1f}" y="2" width="{max(1.0, right - left):.1f}" height="12" fill="{_LIMITS}"/>'
    colour = _WELL if line["well"] else _NOT
    stroke = f'<rect x="{x(value) - 1.5:.1f}" y="0" width="3" height="{_HEIGHT}" fill="{colour}"/>'
    return svg(f"{line['name']}: {value:g}", (_WIDTH, _HEIGHT), [band, stroke], "bar")
