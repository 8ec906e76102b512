"""How does pytest know the bench? ``pytest hil_tests --rig hil_tests/rigs/virtual.toml``.

A test asks for the fixture ``bench`` and says with ``@pytest.mark.needs("power")`` what the rig must be able to do. On
a rig that is absent, or cannot do it, the test is skipped with the reason; with ``--require-rig`` it fails.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import NoReturn

import pytest

from hil_tests.bench import Bench, running
from hil_tests.instruments.process import BenchError
from hil_tests.lock import held
from hil_tests.measuring import Measure, write
from hil_tests.rig import Rig, load_rig

VIRTUAL = Path(__file__).parent / "rigs" / "virtual.toml"
_MEASURED = pytest.StashKey[list[dict[str, object]]]()
ABSENT = "this rig cannot do it"


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("bench")
    group.addoption("--rig", type=Path, default=VIRTUAL, metavar="FILE", help="the bench, virtual or soldered")
    group.addoption("--require-rig", action="store_true", help="what the rig cannot do fails instead of being skipped")
    group.addoption("--measurements", type=Path, metavar="FILE", help="what was measured, a JSON object a line")


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "needs(*capabilities): what the rig must be able to do: power, node:water")
    config.stash[_MEASURED] = []


def pytest_sessionfinish(session: pytest.Session) -> None:
    file = session.config.getoption("--measurements")
    if file:
        write(file, session.config.stash[_MEASURED])


def soldered(config: pytest.Config, noun: str) -> list[str]:
    """At which devices the rig of this run has a real instrument of this noun: contract tests run on them, too."""
    try:
        rig = load_rig(config.getoption("--rig"))
    except BenchError:
        return []  # the fixture `rig` ends the run for it
    return [] if rig.is_virtual else [one.node for name, _, one in rig.instruments if name == noun]


@pytest.fixture(scope="session")
def rig(request: pytest.FixtureRequest) -> Rig:
    """As its file has it; what is wrong there is named."""
    try:
        return load_rig(request.config.getoption("--rig"))
    except BenchError as error:
        _end(request.config, str(error), 2)


@pytest.fixture(scope="session")
def _running_bench(request: pytest.FixtureRequest, rig: Rig) -> Iterator[Bench]:
    """One for all tests, and one run at a time. Of a virtual one each of several workers has its own."""
    worker = getattr(request.config, "workerinput", {}).get("workerid", "") if rig.is_virtual else ""
    try:
        with held(f"{rig.name}{worker}"), running(rig) as bench:
            yield bench
    except BenchError as error:
        _end(request.config, str(error), 3)


def _end(config: pytest.Config, reason: str, code: int) -> NoReturn:
    """At once; one of several workers can end only what it runs itself."""
    if hasattr(config, "workerinput"):
        pytest.fail(reason, pytrace=False)
    pytest.exit(reason, returncode=code)


@pytest.fixture
def bench(request: pytest.FixtureRequest, rig: Rig) -> Iterator[Bench]:
    """The devices of the rig, where they are and can do what the test needs; under power again when it has ended."""
    needed = {name for mark in request.node.iter_markers("needs") for name in mark.args}
    lacking = sorted(needed - rig.capabilities)
    reason = rig.why_absent or (f"rig {rig.name}: no {', '.join(lacking)}" if lacking else "")
    if reason and request.config.getoption("--require-rig"):
        pytest.fail(reason)
    if reason:
        pytest.skip(f"{ABSENT}: {reason}")
    found: Bench = request.getfixturevalue("_running_bench")
    try:
        yield found
    finally:
        found.restore()


@pytest.fixture
def measure(request: pytest.FixtureRequest, record_property: object) -> Iterator[Measure]:
    """``measure("boot", 3.2, "s", high=10)``: into JUnit, into ``--measurements``, and against its limits."""
    made = Measure(request.node.nodeid, record_property)  # type: ignore[arg-type]  # pytest's own has no better type
    yield made
    request.config.stash[_MEASURED] += made.lines()
