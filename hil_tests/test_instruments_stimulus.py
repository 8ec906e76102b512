"""Whatever shows a sensor something shows exactly that: a simulated sensor, a relay, a voltage, counted pulses."""

import json
import socket
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from hil_tests.cities.city import Plan, VirtualCity
from hil_tests.cities.koper import NODES
from hil_tests.instruments.drivers import Place, chosen, names
from hil_tests.instruments.esp32.bench import VirtualEsp32, flashed_board
from hil_tests.instruments.process import BenchError, Program, free_port, wait_until
from hil_tests.instruments.simulated_board import Written, simulated_board
from hil_tests.instruments.spare_board import run
from hil_tests.instruments.stimulus import Stimulus
from hil_tests.instruments.water_meter import STABLE_US, WaterMeter
from hil_tests.plugin import soldered
from hil_tests.test_instruments_power import by_mbpoll
from provisioning.quickstart import Ports

COIL = 3
PULSES = 4


class Shown(NamedTuple):
    """``sees`` is what something other than the driver sees: the last value, or the pulses up to now."""

    stimulus: Stimulus
    sees: Callable[[], float]


def opened(stack: ExitStack, driver: str, settings: dict[str, Any], place: Place | None = None) -> Stimulus:
    found: Stimulus = stack.enter_context(chosen("stimulus", driver, settings).opened(place or Place("x", wire="wire")))
    return found


# ---- simulated sensors, asked as a node asks them

SCENARIO = """
truth = "truth.jsonl"
[[sensor]]
thing = "spot-0001"
kind = "parking"
changes = [[0, "free"]]
[[sensor]]
thing = "shaft-0001"
kind = "water"
flow = [[0.0, 0.0]]
tamper = [[0, 1]]
pressure_mv = 2500
[[sensor]]
thing = "dry"
kind = "level"
levels = [[0, 0]]
"""


class Sensors:
    def __init__(self, folder: Path, stack: ExitStack) -> None:
        scenario, log = folder / "sensors.toml", folder / "sensors.log"
        scenario.write_text(SCENARIO)
        program = Program("sensors", [sys.executable, "-m", "hil_tests.instruments.sensors", scenario], log)
        program.start()
        stack.callback(program.kill)
        wait_until(lambda: len(program.last_lines().splitlines()) == 3, "the sensors listen")
        self._ports = {one["thing"]: one["ports"] for one in map(json.loads, program.last_lines().splitlines())}
        self._city = VirtualCity(Plan(folder, Ports(1, 2), nodes=NODES))
        self._stack = stack

    def hand(self, device: str, wire: str) -> Stimulus:
        return opened(self._stack, "virtual", {}, Place(device, self._city, wire))

    def ask(self, thing: str, wire: str, question: dict[str, int]) -> dict[str, Any]:
        with closing(socket.create_connection(("127.0.0.1", self._ports[thing][wire]), 5)) as line:
            line.sendall(json.dumps(question).encode() + b"\n")
            answer: dict[str, Any] = json.loads(line.makefile().readline())
            return answer

    def metres(self) -> float:
        with closing(socket.create_connection(("127.0.0.1", self._ports["spot-0001"]["sensor"]), 5)) as line:
            line.sendall(b"\x55")
            octets = line.makefile("rb").read(4)
            return int.from_bytes(octets[1:3], "big") / 1000

    def pulses(self) -> float:
        """Times that the contact was closed and quiet for as long as a node wants it."""
        answer = self.ask("shaft-0001", "sensor", {"since": 0})
        edges = [*answer["edges"], (answer["now"], None)]
        quiet = [after - at for (at, level), (after, _) in pairwise(edges) if level == 0]
        return len([us for us in quiet if us >= STABLE_US])


def virtual(folder: Path, stack: ExitStack, _wire: str) -> Shown:
    sensors = Sensors(folder, stack)
    return Shown(sensors.hand("water-0001", "sensor"), sensors.pulses)


# ---- boards


def relay(_folder: Path, stack: ExitStack, _wire: str) -> Shown:
    written: Written = []
    port = free_port()
    stack.enter_context(simulated_board(port, written))
    found = opened(stack, "relay", {"port": f"tcp:127.0.0.1:{port}", "coil": COIL})

    def closings() -> float:
        levels = [values[0] for address, values in written if address == COIL]
        return sum(now and not before for before, now in zip([0, *levels], levels, strict=False))

    return Shown(found, closings)


PIN = """
import sys
class Pin:
    OPEN_DRAIN = 7
    def __init__(self, number, mode, value):
        assert (number, mode) == (4, 7)
        self.value(value)
    def value(self, level):
        with open("levels", "a") as file:
            file.write(str(level))
sys.modules["machine"].Pin = Pin
"""
"""What the pin did, on the flash of a virtual board that runs real MicroPython."""


def pulse_generator(folder: Path, stack: ExitStack, _wire: str) -> Shown:
    board = flashed_board(folder, {"boot.py": PIN})
    stack.callback(board.unplug)
    found = opened(stack, "pulse_generator", {"port": str(board.port), "pin": 4})
    return Shown(found, lambda: levels(board).count("10"))


def levels(board: VirtualEsp32) -> str:
    return run(str(board.port), "print(open('levels').read())", 5, "what the pin did")


PULSING = {"virtual": virtual, "relay": relay, "pulse_generator": pulse_generator}


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "case" in metafunc.fixturenames:
        metafunc.parametrize("case", [*PULSING, *soldered(metafunc.config, "stimulus", each=True)])


@pytest.fixture
def shown(case: str, request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Shown]:
    """On a soldered rig only the node sees its pulses: ``test_bench`` counts them there."""
    if case not in PULSING:
        found = request.getfixturevalue("bench").stimulus(case)
        yield Shown(found, lambda: PULSES)
        return
    with ExitStack() as stack:
        yield PULSING[case](tmp_path, stack, case)


def test_there_is_a_case_for_every_driver() -> None:
    assert sorted([*PULSING, "dac"]) == names("stimulus")


def test_so_many_pulses_are_given_and_no_more(shown: Shown) -> None:
    begun = time.monotonic()
    shown.stimulus.pulse(PULSES)
    assert time.monotonic() - begun >= PULSES * 0.2
    assert shown.sees() == PULSES
    shown.stimulus.rest()
    assert shown.sees() == PULSES


def test_what_simulated_sensors_are_shown_they_answer_until_they_rest(tmp_path: Path) -> None:
    with ExitStack() as stack:
        sensors = Sensors(tmp_path, stack)
        distance, before = sensors.hand("park-0001", "sensor"), sensors.metres()
        assert before > 2
        distance.show(0.4)
        assert sensors.metres() == 0.4
        assert '"values":{"distance":0.4}' in (tmp_path / "truth.jsonl").read_text()
        distance.rest()
        assert sensors.metres() > 2
        pressure = sensors.hand("water-0001", "pressure")
        pressure.show(1000)
        assert sensors.ask("shaft-0001", "pressure", {}) == {"mv": 1000}
        pressure.rest()
        assert sensors.ask("shaft-0001", "pressure", {}) == {"mv": 2500}
        tamper = sensors.hand("water-0001", "tamper")
        tamper.show(1)
        assert sensors.ask("shaft-0001", "tamper", {}) == {"level": 0}
        tamper.rest()
        assert sensors.ask("shaft-0001", "tamper", {}) == {"level": 1}


def test_pulses_by_hand_go_on_where_the_last_ended(tmp_path: Path) -> None:
    with ExitStack() as stack:
        sensors = Sensors(tmp_path, stack)
        hand = sensors.hand("water-0001", "sensor")
        for turns in (1, 2):
            hand.pulse(2)
            assert sensors.pulses() == 2 * turns
        with pytest.raises(BenchError, match="sensor of shaft-0001: a pulse input is shown pulses"):
            hand.show(1)


def test_a_meter_through_which_water_flows_is_not_turned_by_hand() -> None:
    with pytest.raises(ValueError, match="through which water flows"):
        WaterMeter(1, "1", 5.0).turn([(0, 1)])


@pytest.mark.parametrize("value", [0, 1])
def test_a_relay_shows_a_contact(value: int) -> None:
    port = free_port()
    with ExitStack() as stack:
        stack.enter_context(simulated_board(port))
        contact = opened(stack, "relay", {"port": f"tcp:127.0.0.1:{port}", "coil": COIL})
        contact.show(value)
        assert by_mbpoll(["-m", "tcp", "-p", str(port), "127.0.0.1"]) == bool(value)
        contact.rest()
        assert not by_mbpoll(["-m", "tcp", "-p", str(port), "127.0.0.1"])
        with pytest.raises(BenchError, match=r"wire of x: a contact is shown 0 or 1, no 0\.5"):
            contact.show(0.5)


def test_a_pin_shows_a_contact(tmp_path: Path) -> None:
    with ExitStack() as stack:
        board = flashed_board(tmp_path, {"boot.py": PIN})
        stack.callback(board.unplug)
        contact = opened(stack, "pulse_generator", {"port": str(board.port), "pin": 4})
        for value, level in ((1, "0"), (0, "1")):
            contact.show(value)
            assert levels(board).endswith(level)
        with pytest.raises(BenchError, match="a contact is shown 0 or 1, no 3"):
            contact.show(3)


def test_a_board_that_gives_up_in_between_is_named(tmp_path: Path) -> None:
    with ExitStack() as stack:
        board = flashed_board(tmp_path, {"boot.py": PIN.replace("file.write(str(level))", "raise OSError(5)")})
        stack.callback(board.unplug)
        with pytest.raises(BenchError, match=r"wire of x: the board at .*: OSError"):
            opened(stack, "pulse_generator", {"port": str(board.port), "pin": 4}).pulse(1)


DAC: dict[str, Any] = {
    "port": "/dev/x",
    "register": 2,
    "low": {"shown": 0.0, "word": 500},
    "high": {"shown": 10.0, "word": 4500},
}


def test_a_voltage_lies_on_the_straight_line_between_its_two_ends() -> None:
    port = free_port()
    with ExitStack() as stack:
        written: Written = []
        stack.enter_context(simulated_board(port, written))
        output = opened(stack, "dac", {**DAC, "port": f"tcp:127.0.0.1:{port}"})
        for value in (0, 2.5, 10):
            output.show(value)
        output.rest()
        assert written == [(2, [500]), (2, [1500]), (2, [4500]), (2, [500])]
        for beyond in (-0.1, 10.1):
            with pytest.raises(BenchError, match="is not between 0 and 10"):
                output.show(beyond)
        with pytest.raises(BenchError, match="a voltage gives no 3 pulses"):
            output.pulse(3)
        assert len(written) == 4


@pytest.mark.parametrize(
    ("driver", "settings", "message"),
    [
        ("virtual", {"coil": 1}, "coil: unknown key"),
        ("relay", {"port": "/dev/x"}, "coil: Field required"),
        ("dac", {**DAC, "register": -1}, "register: "),
        ("dac", {**DAC, "high": {"shown": 0.0, "word": 4500}}, "high.shown: it must be above low.shown"),
        ("dac", {**DAC, "low": {"shown": 0.0, "word": 70000}}, "low.word: "),
        ("pulse_generator", {"port": "/dev/x"}, "pin: Field required"),
        ("pulse_generator", {"port": "", "pin": 1}, "port: "),
    ],
)
def test_wrong_settings_are_refused_by_key(driver: str, settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=f"^{message}"):
        chosen("stimulus", driver, settings)
