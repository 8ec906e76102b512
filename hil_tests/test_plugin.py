"""Rig files, the lock, measurements: refused by key, held by one, judged by their limits."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from firmware import VERSION
from hil_tests.bench.devices import running
from hil_tests.bench.file import load_rig
from hil_tests.bench.lock import held
from hil_tests.instruments.process import BenchError
from hil_tests.reports.measuring import Measure, Measurement

RIGS = Path(__file__).parent / "rigs"
ROOT = Path(__file__).parent.parent
ON_THE_BENCH = (ROOT / "hil_tests" / "test_bench.py").read_text().count("\ndef test_")
VIRTUAL = (RIGS / "virtual.toml").read_text()


@pytest.mark.parametrize("file", sorted(RIGS.glob("*.toml")), ids=lambda file: file.stem)
def test_every_rig_file_that_ships_is_whole(file: Path) -> None:
    rig = load_rig(file)
    assert rig.name == file.stem
    assert "power" in rig.capabilities
    assert ("truth" in rig.capabilities) == rig.is_virtual


REFUSED = {
    "an unknown key": ('driver = "nats"', 'driver = "nats", port = 1', "broker.port: unknown key"),
    "an unknown broker": ('driver = "nats"', 'driver = "emqx"', "broker.driver"),
    "an unknown kind": ('kind = "water"', 'kind = "wine"', "node.1.kind"),
    "a switch of nothing": (
        'node = "water-0001"',
        'node = "water-0009"',
        "power.1.node: there is no node or gateway water-0009",
    ),
    "a node twice": ('name = "water-0001"', 'name = "park-0001"', "node: a name stands here twice"),
    "a soldered node in a virtual city": (
        'driver = "virtual"\nthing',
        'driver = "soldered"\nthing',
        "node.0.driver: what is soldered needs an external broker and collector",
    ),
    "a switch without commands": (
        'node = "park-0001"\ndriver = "virtual"',
        'node = "park-0001"\ndriver = "command"',
        "power.0.on: Field required",
    ),
    "a switch by nothing": (
        'node = "park-0001"\ndriver = "virtual"',
        'node = "park-0001"\ndriver = "hand"',
        "power.0.driver: th",
    ),
    "a key of another switch": (
        'node = "water-0001"\ndriver = "virtual"',
        'node = "water-0001"\ncoil = 1\ndriver = "virtual"',
        "power.1.coil: unknown key",
    ),
    "a relay without a port": (
        'node = "water-0001"\ndriver = "virtual"',
        'node = "water-0001"\ncoil = 1\ndriver = "modbus_relay"',
        "power.1.port: Field required",
    ),
    "an external broker alone": ('driver = "nats"', 'driver = "external"', "directory: an external broker"),
    "two switches of one node": (
        'node = "water-0001"',
        'node = "park-0001"',
        "power.1.node: park-0001 has a power already",
    ),
    "a meter of what never sleeps": (
        '[[current]]\nnode = "water-0002"',
        '[[current]]\nnode = "park-0001"',
        "current.0.node: park-0001 has no battery",
    ),
    "a battery of a kind that has no plan": (
        'kind = "water"\ndriver = "virtual"\nthing = "shaft-0002"',
        'kind = "air"\ndriver = "virtual"\nthing = "shaft-0002"',
        "node.2.battery: hil_tests/currents.toml has no plan for the kind air",
    ),
    "a battery without a period": (
        "battery = { period_ms = 2000,",
        "battery = {",
        "node.2.battery.period_ms: Field required",
    ),
    "a stimulus without an expectation": ("each = 0.001", "", "stimulus.1.shows: either it or each is needed"),
    "a wire that is none": ('wire = "sensor"', 'wire = "Sensor 1"', "stimulus.0.wire"),
    "a gateway by the name of a node": ('name = "gw-0001"', 'name = "park-0001"', "node: a name stands here twice"),
    "a line of nobody": ('gateway = "gw-0001"', 'gateway = "gw-0002"', "line.0.gateway: there is no gateway gw-0002"),
    "a virtual line with a port": (
        'name = "cellar"',
        'name = "cellar"\nport = "/dev/x"',
        "line.0.port: what is virtual",
    ),
    "a soldered line in a virtual city": (
        'name = "cellar"\ndriver = "virtual"',
        'name = "cellar"\ndriver = "soldered"',
        "line.0.driver: what is soldered needs an external broker",
    ),
    "no TOML": ("name =", "name", "line"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_a_rig_that_cannot_be_is_refused_by_key(case: str, tmp_path: Path) -> None:
    before, after, message = REFUSED[case]
    assert before in VIRTUAL
    file = tmp_path / "rig.toml"
    file.write_text(VIRTUAL.replace(before, after, 1))
    with pytest.raises(BenchError) as refused:
        load_rig(file)
    assert str(file) in str(refused.value)
    assert message in str(refused.value)


@pytest.mark.parametrize(
    ("before", "after", "message"),
    [
        ('"gw-0001"', '"gw-0002"', "the virtual Koper has no gateway gw-0002"),
        ('name = "cellar"', 'name = "attic"', "the gateway of the virtual Koper has no attic"),
        ('name = "water-0001"', 'name = "water-0009"', "the virtual Koper has no node water-0009"),
        (
            'thing = "spot-0001"',
            'thing = "spot-0002"',
            "the virtual Koper has park-0001 as a parking node of spot-0001",
        ),
    ],
)
def test_a_virtual_rig_of_what_koper_has_not_is_refused(before: str, after: str, message: str, tmp_path: Path) -> None:
    file = tmp_path / "rig.toml"
    devices = VIRTUAL.split("[[power]]")[0]
    assert before in devices
    file.write_text(devices.replace(before, after))
    with pytest.raises(BenchError, match=message), running(load_rig(file)):
        pass


def test_a_virtual_instrument_of_a_soldered_rig_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "rig.toml"
    soldered = (RIGS / "bench.toml").read_text()
    file.write_text(soldered.split("[[power]]")[0] + '[[power]]\nnode = "park-0001"\ndriver = "virtual"\n')
    with pytest.raises(BenchError, match=r"power\.0\.driver: what is virtual needs a virtual city"):
        load_rig(file)


LINE = """
[[gateway]]
name = "gw-0001"
driver = "soldered"

[[line]]
gateway = "gw-0001"
name = "bench"
driver = "soldered"
kind = "mbus"
port = "/dev/ttyUSB0"
baud = 2400

[[line.meter]]
thing = "wm-0001"
primary_address = 1
period = 60

[[receiver]]
gateway = "gw-0001"
name = "roof"
driver = "soldered"
kind = "im871a"
port = "/dev/ttyUSB1"
"""


@pytest.mark.parametrize(
    ("before", "after", "message"),
    [
        ('port = "/dev/ttyUSB0"', 'port = "COM1"', "line.0.port: expected a serial device"),
        ("primary_address = 1", "primary_address = 300", "line.0.meter.0.primary_address: "),
        ("primary_address = 1", "unit_id = 1", "line.0.meter.0.primary_address: missing, a mbus line needs it"),
        ("period = 60", 'period = 60\nprofile = "wine"', "line.0.meter.0.profile: "),
        ('kind = "im871a"', 'kind = "im999"', "receiver.0.kind: "),
        ("/dev/ttyUSB1", "/dev/ttyUSB0", "receiver.0.port: /dev/ttyUSB0 is another line's already"),
        (
            '[[receiver]]\ngateway = "gw-0001"',
            '[[receiver]]\ngateway = "gw-9"',
            "receiver.0.gateway: there is no gateway",
        ),
        ('driver = "soldered"\n\n', 'driver = "virtual"\n\n', "gateway.0.driver: what is virtual needs a virtual city"),
    ],
)
def test_a_line_that_no_gateway_would_take_is_refused_by_its_key(
    before: str, after: str, message: str, tmp_path: Path
) -> None:
    soldered = (RIGS / "bench.toml").read_text().split("[[")
    nodes = soldered[0] + "".join(f"[[{one}" for one in soldered if one.startswith("node]]"))
    file = tmp_path / "rig.toml"
    file.write_text(nodes + LINE)
    rig = load_rig(file)
    assert {"gateway", "line", "receiver"} <= rig.capabilities
    assert (rig.line[0].config.baud, rig.receiver[0].config.kind) == (2400, "im871a")
    assert before in LINE
    file.write_text(nodes + LINE.replace(before, after, 1))
    with pytest.raises(BenchError) as refused:
        load_rig(file)
    assert f"{file}: {message}" in str(refused.value)


def test_a_rig_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(BenchError, match="No such file"):
        load_rig(tmp_path / "none.toml")


def test_a_second_run_is_told_who_has_the_rig_and_since_when(tmp_path: Path) -> None:
    with held("a", tmp_path):
        with pytest.raises(BenchError, match=r"rig a: in use by process \d+ of \w+ since \d{4}-"), held("a", tmp_path):
            pass
        with held("b", tmp_path):
            pass
    with held("a", tmp_path):
        pass


def test_who_dies_lets_go_of_the_rig(tmp_path: Path) -> None:
    code = f"""
import time
from pathlib import Path
from hil_tests.bench.lock import held
with held("a", Path({str(tmp_path)!r})):
    print("held", flush=True)
    time.sleep(100)
"""
    holder = subprocess.Popen([sys.executable, "-c", code], cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert holder.stdout is not None
    assert holder.stdout.readline() == "held\n"
    with pytest.raises(BenchError, match=f"rig a: in use by process {holder.pid} of "), held("a", tmp_path):
        pass
    holder.kill()
    holder.wait(10)
    with held("a", tmp_path):
        pass


def test_a_measurement_is_written_down_before_it_is_judged() -> None:
    written: list[tuple[str, object]] = []
    measure = Measure("test_x", lambda name, text: written.append((name, text)))
    measure("boot", 3.25, "s", high=10)
    with pytest.raises(AssertionError, match=r"leak: 1 ≤ 0\.5 ≤ 2 l  <-- NOT"):
        measure("leak", 0.5, "l", low=1, high=2)
    assert written == [("boot", "boot: 3.25 ≤ 10 s"), ("leak", "leak: 1 ≤ 0.5 ≤ 2 l  <-- NOT")]
    assert [line["well"] for line in measure.lines()] == [True, False]


@pytest.mark.parametrize(("value", "is_well"), [(0.9, False), (1, True), (2, True), (2.1, False)])
def test_limits_are_inclusive(value: float, is_well: bool) -> None:
    assert Measurement("x", value, "1", 1, 2).is_well == is_well


def small_rig(folder: Path, name: str) -> Path:
    """One node and its sensor, by a name of its own: this run may have the rig ``virtual``."""
    wanted = ('name = "virtual"', "broker", 'name = "park-0001"', 'node = "park-0001"')
    parts = VIRTUAL.replace("duckdb", "memory").split("\n\n")
    kept = [part for part in parts if any(word in part for word in wanted) and "stimulus" not in part]
    file = folder / f"{name}.toml"
    file.write_text("\n\n".join(kept).replace('name = "virtual"', f'name = "{name}"', 1))
    return file


def run(*options: str, file: str = "test_bench.py") -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", f"hil_tests/{file}", *options]
    return subprocess.run(command, cwd=ROOT, check=False, capture_output=True, text=True, timeout=280)


def test_on_an_absent_rig_the_same_tests_are_skipped_with_the_reason() -> None:
    done = run("--rig", "hil_tests/rigs/bench.toml")
    assert f"{ON_THE_BENCH} skipped" in done.stdout
    assert "passed" not in done.stdout
    assert "rig bench: there is no /dev/bench-park" in done.stdout


def test_with_require_rig_they_fail() -> None:
    done = run("--rig", "hil_tests/rigs/bench.toml", "--require-rig")
    assert done.returncode == 1
    assert f"{ON_THE_BENCH} errors" in done.stdout
    assert "rig bench: there is no /dev/bench-park" in done.stdout


def test_a_rig_file_that_cannot_be_ends_the_run_in_one_line(tmp_path: Path) -> None:
    file = tmp_path / "rig.toml"
    file.write_text(VIRTUAL.replace('driver = "nats"', 'driver = "emqx"'))
    done = run("--rig", str(file))
    assert done.returncode == 2
    assert "broker.driver" in done.stdout + done.stderr


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_what_was_found_stands_in_junit_in_json_in_logs_and_on_a_page(tmp_path: Path) -> None:
    report, measured, page = (tmp_path / name for name in ("junit.xml", "measured.jsonl", "bench.html"))
    rig = small_rig(tmp_path, "other")
    files = ["--rig", str(rig), "--junitxml", str(report), "--measurements", str(measured), "--report", str(page)]
    done = run("-k", "every_node_speaks", *files, "--logs", str(tmp_path / "logs"))
    assert done.returncode == 0, done.stdout
    first, *lines = [json.loads(line) for line in measured.read_text().splitlines()]
    assert [line["name"] for line in lines] == ["park-0001 is heard after"]
    assert all(line["well"] and line["unit"] == "s" for line in lines)
    facts = first["facts"]
    assert (facts["rig"], facts["store"]) == ("other", "memory")
    assert re.fullmatch(r"nats 2\.\d+\.\d+", facts["broker"])
    assert facts["firmware of park-0001"] == VERSION
    assert "unknown" not in facts.values()
    assert 'name="park-0001 is heard after"' in report.read_text()
    for name, text in facts.items():
        assert f'<property name="{name}" value="{text}" />' in report.read_text()
        assert f"<th>{name}</th>" in page.read_text()
    log = tmp_path / "logs" / "test_bench.test_every_node_speaks" / "park-0001.log"
    assert f'href="{log.relative_to(tmp_path)}"' in page.read_text()
    assert re.search(r"^20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z boot: slot a$", log.read_text(), re.MULTILINE)


CRASHES = """
import pytest

def test_crashes_in_the_dark(bench):
    bench.power["park-0001"].off()
    assert not bench.city.programs["park-0001"].is_running
    raise RuntimeError("in mid-fault")

def test_comes_next(bench):
    assert bench.power["park-0001"].is_on
    assert bench.city.programs["park-0001"].is_running
"""


def run_tests(text: str, folder: Path, *options: str) -> subprocess.CompletedProcess[str]:
    """Tests of their own, with the plugin and nothing else of ours."""
    file = folder / "test_it.py"
    file.write_text(text)
    command = [sys.executable, "-m", "pytest", "-q", "-p", "hil_tests.plugin", "-p", "no:cacheprovider"]
    where = ["--rootdir", str(folder), *options, str(file)]
    return subprocess.run([*command, *where], cwd=ROOT, check=False, capture_output=True, text=True, timeout=280)


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_what_a_test_left_switched_off_when_it_crashed_is_on_again(tmp_path: Path) -> None:
    rig = small_rig(tmp_path, "crash")
    done = run_tests(CRASHES, tmp_path, "--rig", str(rig))
    assert "1 failed, 1 passed" in done.stdout, done.stdout
    assert "RuntimeError: in mid-fault" in done.stdout
    assert "what park-0001 said" in done.stdout


SOLDERED = """
name = "soldered"
broker = { driver = "external" }
collector = { driver = "external", url = "http://127.0.0.1:1", token_file = "PLACE/token" }
directory = "PLACE"

[[node]]
name = "park-0001"
kind = "parking"
driver = "soldered"
thing = "spot-0001"
quantity = "distance"

[[node]]
name = "park-0002"
kind = "parking"
driver = "soldered"
thing = "spot-0002"
quantity = "distance"

[[power]]
node = "park-0001"
driver = "command"
on = ["touch", "PLACE/park-0001"]
off = ["rm", "-f", "PLACE/park-0001"]

[[power]]
node = "park-0002"
driver = "command"
on = ["touch", "PLACE/park-0002"]
off = ["rm", "-f", "PLACE/park-0002"]
"""
"""Whose switches are files, and whose collector is away."""


@pytest.fixture
def soldered(tmp_path: Path) -> Path:
    (tmp_path / "token").write_text("x")
    file = tmp_path / "soldered.toml"
    file.write_text(SOLDERED.replace("PLACE", str(tmp_path)))
    return file


def test_what_a_killed_run_left_in_the_dark_is_on_again_in_the_next(soldered: Path, tmp_path: Path) -> None:
    with running(load_rig(soldered)) as bench:
        assert (tmp_path / "park-0001").exists()
        bench.power["park-0001"].off()
        assert not (tmp_path / "park-0001").exists()
    with running(load_rig(soldered)):
        assert (tmp_path / "park-0001").exists()


def test_a_switch_that_fails_does_not_keep_the_others_off(soldered: Path, tmp_path: Path) -> None:
    soldered.write_text(soldered.read_text().replace('["touch", "' + str(tmp_path / "park-0001"), '["false", "'))
    named = "rig soldered is not as it was: power of park-0001: false"
    with pytest.raises(BenchError, match=named), running(load_rig(soldered)):
        pass
    assert (tmp_path / "park-0002").exists()


def test_every_driver_keeps_its_promise_on_a_soldered_rig_too(soldered: Path) -> None:
    options = ["-k", "may_be_said_twice"]
    absent = run(*options, "--rig", "hil_tests/rigs/bench.toml", file="test_instruments_power.py")
    assert "5 passed, 3 skipped" in absent.stdout, absent.stdout
    there = run(*options, "--rig", str(soldered), file="test_instruments_power.py")
    assert "7 passed" in there.stdout, there.stdout


DARK = """
import pytest

@pytest.mark.needs("power")
def test_crashes_in_the_dark(bench):
    for one in bench.power.values():
        one.off()
    raise RuntimeError("in mid-fault")
"""


def test_a_soldered_bench_is_under_power_after_a_crash_also_when_its_collector_is_away(
    soldered: Path, tmp_path: Path
) -> None:
    page = tmp_path / "bench.html"
    done = run_tests(DARK, tmp_path, "--rig", str(soldered), "--report", str(page))
    assert "1 failed" in done.stdout
    assert "error" not in done.stdout
    assert (tmp_path / "park-0001").exists()
    assert (tmp_path / "park-0002").exists()
    assert "RuntimeError: in mid-fault" in page.read_text()
    assert '<th>firmware of park-0001</th><td class="text">unknown</td>' in page.read_text()


MEASURES = """
import pytest

def test_is_well(measure):
    measure("<flow>", 0.5, "m3/h", low=0.1, high=1)
    measure("drift", -3, "s")

def test_is_not(measure):
    measure("leak", 7, "l", high=2)

def test_cannot():
    pytest.skip("no such pump")
"""


@pytest.mark.slow
def test_several_workers_make_one_report(tmp_path: Path) -> None:
    page, measured, junit = (tmp_path / name for name in ("bench.html", "measured.jsonl", "junit.xml"))
    files = ["--report", str(page), "--measurements", str(measured), "--junitxml", str(junit)]
    done = run_tests(MEASURES, tmp_path, "-n", "2", *files)
    assert "1 failed, 1 passed, 1 skipped" in done.stdout, done.stdout + done.stderr
    lines = [json.loads(line) for line in measured.read_text().splitlines()]
    assert lines[0] == {"facts": {}}
    assert {line["name"]: line["well"] for line in lines[1:]} == {"<flow>": True, "drift": True, "leak": False}
    text = page.read_text()
    assert "1 passed, 1 failed, 1 skipped" in text
    assert "leak: 7 ≤ 2 l  &lt;-- NOT" in text
    assert "no such pump" in text
    assert "&lt;flow&gt;" in text
    assert "<flow>" not in text
    assert "http" not in text
    assert text.count('<svg class="bar"') == 3
    assert "No test came onto the bench." in text


def test_a_second_run_on_the_same_rig_ends_at_once_and_names_the_first(tmp_path: Path) -> None:
    rig = tmp_path / "taken.toml"
    rig.write_text(VIRTUAL.replace('name = "virtual"', 'name = "taken"', 1))
    with held("taken"):
        done = run("--rig", str(rig))
    assert done.returncode == 3
    assert "rig taken: in use by process" in done.stdout + done.stderr
