"""How does pytest know the bench? ``pytest hil_tests --rig hil_tests/rigs/virtual.toml``.

A test asks for the fixture ``bench`` and says with ``@pytest.mark.needs("power")`` what the rig must be able to do. On
a rig that is absent, or cannot do it, the test is skipped with the reason; with ``--require-rig`` it fails.
"""

import re
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Any, NoReturn

import pytest
from _pytest.junitxml import xml_key

from hil_tests.bench.devices import Bench, running
from hil_tests.bench.file import Rig, load_rig
from hil_tests.bench.lock import held
from hil_tests.bench.logs import stamp
from hil_tests.instruments.process import BenchError
from hil_tests.reports import bench_page
from hil_tests.reports.facts import facts_of
from hil_tests.reports.findings import Findings
from hil_tests.reports.measuring import Measure

VIRTUAL = Path(__file__).parent / "rigs" / "virtual.toml"
ABSENT = "this rig cannot do it"
_LAST = 40  # lines of each device beside a failure
_FOUND = pytest.StashKey[Findings]()
_TOLD = pytest.StashKey[dict[str, Any]]()


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("bench")
    group.addoption("--rig", type=Path, default=VIRTUAL, metavar="FILE", help="the bench, virtual or soldered")
    group.addoption("--require-rig", action="store_true", help="what the rig cannot do fails instead of being skipped")
    group.addoption("--measurements", type=Path, metavar="FILE", help="what was measured, a JSON object a line")
    group.addoption("--logs", type=Path, metavar="DIR", help="what each device said in each test, with the time")
    group.addoption("--report", type=Path, metavar="FILE.html", help="the run as a page")


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "needs(*capabilities): what the rig must be able to do: power, node:water")
    if not hasattr(config, "workerinput"):  # a worker's reports reach the process that started it
        config.stash[_FOUND] = Findings()
        config.pluginmanager.register(config.stash[_FOUND], "bench-findings")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    bench = getattr(item, "funcargs", {}).get("bench")
    if report.failed and isinstance(bench, Bench):
        for name, lines in bench.logs.new().items():
            report.sections.append(
                (f"what {name} said", "\n".join(f"{stamp(one.at)} {one.text}" for one in lines[-_LAST:]))
            )
    if report.when == "teardown" and _TOLD in item.stash:
        report.bench = item.stash[_TOLD]  # type: ignore[attr-defined]  # `Findings` reads it, in this process or another
    return report


@pytest.hookimpl(tryfirst=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """Before JUnit's own file is written."""
    config = session.config
    found = config.stash.get(_FOUND, None)
    if found is None:
        return
    if xml := config.stash.get(xml_key, None):
        for name, text in found.facts.items():
            xml.add_global_property(name, text)
    if file := config.getoption("--measurements"):
        found.write_measurements(file)
    if page := config.getoption("--report"):
        page.write_text(bench_page.html(found, page.parent), "utf-8")


def soldered(config: pytest.Config, noun: str, **having: bool) -> list[str]:
    """By what tests find the real instruments of this noun on the rig of this run: contract tests run on them, too.

    With ``each=True`` only those whose entry has ``each``.
    """
    rig = _soldered_rig(config)
    several = [one for name, _, one in rig.instruments if name == noun] if rig else []
    return [one.key for one in several if all(bool(getattr(one, key)) == wanted for key, wanted in having.items())]


def soldered_lines(config: pytest.Config) -> list[str]:
    """``rig <name>`` of each line of the rig of this run that is not simulated."""
    rig = _soldered_rig(config)
    return [f"rig {one.name}" for one in rig.line] if rig else []


def _soldered_rig(config: pytest.Config) -> Rig | None:
    """A wrong rig file is none here: the fixture ``rig`` ends the run for it."""
    try:
        rig = load_rig(config.getoption("--rig"))
    except BenchError:
        return None
    return None if rig.is_virtual else rig


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
    told = _told(request)
    try:
        yield found
    finally:
        try:
            found.restore()
        finally:
            if folder := request.config.getoption("--logs"):
                told["logs"] = found.logs.write(folder / _file_name(request.node.nodeid))
            found.logs.forget()
            told["facts"] = facts_of(found)


def _file_name(nodeid: str) -> str:
    """``hil_tests/test_bench.py::test_x[a b]`` -> ``test_bench.test_x[a-b]``."""
    return re.sub(r"[^A-Za-z0-9_.\[\]-]+", "-", nodeid.rsplit("/", 1)[-1].replace(".py::", ".", 1))


def _told(request: pytest.FixtureRequest) -> dict[str, Any]:
    """What this test has to tell beside its verdict."""
    told: dict[str, Any] = request.node.stash.setdefault(_TOLD, {})
    return told


@pytest.fixture
def measure(request: pytest.FixtureRequest, record_property: object) -> Iterator[Measure]:
    """``measure("boot", 3.2, "s", high=10)``: into every report, and against its limits."""
    made = Measure(request.node.nodeid, record_property)  # type: ignore[arg-type]  # pytest's own has no better type
    yield made
    _told(request)["measured"] = made.lines()
