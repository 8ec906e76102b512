"""What was found in a run of pytest on a rig? Collected from the reports of its tests, also of several workers.

What a test has to tell hangs on the report of its teardown as ``bench``: ``facts``, ``measured``, ``logs``.
"""

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

_WORST = ("passed", "skipped", "failed")


@dataclass
class Tested:
    """One test; ``why`` it failed or was skipped in a line, ``trace`` what pytest prints of a failure."""

    outcome: str = "passed"
    seconds: float = 0.0
    why: str = ""
    trace: str = ""
    measured: list[dict[str, Any]] = field(default_factory=list)
    logs: dict[str, str] = field(default_factory=dict)
    """Device -> file."""


@dataclass(eq=False)  # pytest keeps its plugins in sets
class Findings:
    """A plugin of its own; the process that other processes report to has the one that counts."""

    facts: dict[str, str] = field(default_factory=dict)
    tests: dict[str, Tested] = field(default_factory=dict)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        one = self.tests.setdefault(report.nodeid, Tested())
        one.seconds += report.duration
        if _WORST.index(report.outcome) > _WORST.index(one.outcome):
            one.outcome = report.outcome
            one.why = _why(report)
            one.trace = report.longreprtext if report.failed else ""
        told = getattr(report, "bench", {})
        self.facts |= told.get("facts", {})
        one.measured += told.get("measured", [])
        one.logs |= told.get("logs", {})

    def write_measurements(self, file: Path) -> None:
        """The facts, then what was measured: a JSON object a line."""
        lines = [{"facts": self.facts}, *(line for one in self.tests.values() for line in one.measured)]
        file.write_text("".join(f"{json.dumps(line, ensure_ascii=False)}\n" for line in lines))


def _why(report: pytest.TestReport) -> str:
    if isinstance(report.longrepr, tuple):
        return str(report.longrepr[2]).removeprefix("Skipped: ")
    crash = getattr(report.longrepr, "reprcrash", None)
    text = crash.message if crash else report.longreprtext
    return next(iter(text.splitlines()), "")
