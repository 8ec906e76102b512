"""What holds for every test? In CI only what stands here may be skipped; SIGINT reaches what a test starts."""

import gc
import os
import signal

import pytest
from hypothesis import settings

pytest_plugins = ["hil_tests.plugin"]

MAY_BE_SKIPPED = (
    "mosquitto 2.0 grants every subscription and then delivers nothing",
    "sshd is not installed",
    "mosquitto 2.0.11 grants every subscription and delivers nothing of others",
    "where the last arrival wins, a late repetition cannot be told from a correction",
    "the last arrival wins here",
    "memory keeps nothing, and says so",
    "where others write too nobody can say",
    "this store does not know when an observation became known",
    "a small disk can be mounted by root alone",
)
_unlisted: list[str] = []

if "CI" not in os.environ:  # there hypothesis has no deadline by itself
    settings.register_profile("unhurried", deadline=None)
    settings.load_profile("unhurried")


def pytest_configure() -> None:
    """A shell hands SIGINT down as ignored to what it runs in the background; what a test starts would inherit that."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_finish() -> None:
    """What is loaded by now stays: firmware that tidies its heap would search all of it again each time."""
    gc.collect()
    gc.freeze()


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    if report.skipped and not hasattr(report, "wasxfail"):
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
        if not any(listed in reason for listed in MAY_BE_SKIPPED):
            _unlisted.append(f"{report.nodeid}: {reason}")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    for line in _unlisted if "CI" in os.environ else ():
        terminalreporter.write_line(f"NOT LISTED as a skip: {line}", red=True)


def pytest_unconfigure() -> None:
    """What is frozen to the end is told as leaked."""
    gc.unfreeze()


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    if _unlisted and "CI" in os.environ and not hasattr(session.config, "workerinput"):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
