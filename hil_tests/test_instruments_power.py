"""Whatever switches a device keeps one promise: virtual, by a command, by a relay, by a hub, and on a soldered rig."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from hil_tests.cities.city import Plan, VirtualCity
from hil_tests.instruments.drivers import Place, chosen, names
from hil_tests.instruments.null_modem import null_modem
from hil_tests.instruments.power import Power
from hil_tests.instruments.process import BenchError, Program, free_port
from hil_tests.instruments.simulated_board import simulated_board
from hil_tests.plugin import soldered
from provisioning.quickstart import Ports

Seen = Callable[[], bool]
"""Is the device under power? Seen by something other than the driver."""
COIL = 3
HUB_PORT = 2


class Bench:
    """Makes what each driver drives, and looks at it."""

    def __init__(self, folder: Path, stack: ExitStack, monkeypatch: pytest.MonkeyPatch) -> None:
        self.folder = folder
        self._stack = stack
        self._monkeypatch = monkeypatch

    def virtual(self) -> tuple[Power, Seen]:
        city = VirtualCity(Plan(self.folder, Ports(1, 2)))
        program = Program("x", [sys.executable, "-c", "import time; time.sleep(600)"], self.folder / "x.log")
        city.programs["x"] = program
        program.start()
        self._stack.callback(program.kill)
        return self._opened("virtual", {}, city), lambda: program.is_running

    def command(self) -> tuple[Power, Seen]:
        socket = self.folder / "on"
        settings = {"on": ["touch", str(socket)], "off": ["rm", "-f", str(socket)]}
        return self._opened("command", settings), socket.exists

    def modbus_relay(self) -> tuple[Power, Seen]:
        port = free_port()
        self._stack.enter_context(simulated_board(port))
        where = ["-m", "tcp", "-p", str(port), "127.0.0.1"]
        return self._opened("modbus_relay", {"port": f"tcp:127.0.0.1:{port}", "coil": COIL}), lambda: by_mbpoll(where)

    def modbus_relay_on_a_serial_line(self) -> tuple[Power, Seen]:
        ends = self._stack.enter_context(null_modem(self.folder))
        self._stack.enter_context(simulated_board(ends.other))
        where = ["-m", "rtu", "-b", "9600", "-P", "none", str(ends.one)]
        return self._opened("modbus_relay", {"port": str(ends.one), "coil": COIL}), lambda: by_mbpoll(where)

    def usb_hub(self) -> tuple[Power, Seen]:
        state = self.folder / "state"
        state.write_text("power")
        fake_uhubctl(self.folder / "bin", state)
        self._monkeypatch.setenv("PATH", f"{self.folder / 'bin'}:{os.environ['PATH']}")
        return self._opened("usb_hub", {"hub": "1-1", "port": HUB_PORT}), lambda: state.read_text() == "power"

    def _opened(self, driver: str, settings: dict[str, Any], city: VirtualCity | None = None) -> Power:
        power: Power = self._stack.enter_context(chosen("power", driver, settings).opened(Place("x", city)))
        return power


CASES = [name for name in vars(Bench) if not name.startswith("_")]


def by_mbpoll(where: list[str]) -> bool:
    """A foreign client reads the coil."""
    *how, at = where
    asked = ["mbpoll", *how, "-a", "1", "-0", "-r", str(COIL), "-t", "0", "-1", "-q", "-o", "10", at]
    said = subprocess.run(asked, check=True, capture_output=True, text=True, timeout=20).stdout
    (line,) = [line for line in said.splitlines() if line.startswith(f"[{COIL}]")]
    return line.split()[1] == "1"


def fake_uhubctl(folder: Path, state: Path) -> None:
    """No hub and no uhubctl: a script with its options, and its output as its users quote it (of 2.5, a USB 3 hub)."""
    folder.mkdir()
    program = folder / "uhubctl"
    program.write_text(f"""#!/bin/sh
[ "$1 $2 $3 $4" = "-l 1-1 -p {HUB_PORT}" ] || {{ echo "No compatible devices detected at location $2!" >&2; exit 1; }}
port() {{
    echo "$1 status for hub $2 [2109:3431 USB Hub, USB 3.00, 4 ports, ppps]"
    if [ "$(cat '{state}')" = power ]; then echo "  Port {HUB_PORT}: 0103 power enable connect [1a86:7523 USB Serial]"
    else echo "  Port {HUB_PORT}: 0000 off"; fi
}}
for hub in 1-1 2-1; do
    port Current $hub
    [ -z "$6" ] && continue
    echo "Sent power $6 request"
    case "$6" in on) printf power >'{state}';; off) printf off >'{state}';; esac
    port New $hub
done
""")
    program.chmod(0o755)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "case" in metafunc.fixturenames:
        metafunc.parametrize("case", [*CASES, *soldered(metafunc.config, "power")])


@pytest.fixture
def switch(
    case: str, request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[tuple[Power, Seen]]:
    """On a soldered rig nothing but the driver sees the switch."""
    if case not in CASES:
        power: Power = request.getfixturevalue("bench").power[case]
        yield power, lambda: power.is_on is True
        return
    with ExitStack() as stack:
        yield getattr(Bench(tmp_path, stack, monkeypatch), case)()


def test_there_is_a_case_for_every_driver() -> None:
    assert {name.split("_on_a_")[0] for name in CASES} == set(names("power"))
    assert shutil.which("mbpoll"), "mbpoll is not installed (apt install mbpoll)"


def test_off_and_on_do_what_they_say_and_may_be_said_twice(switch: tuple[Power, Seen]) -> None:
    power, is_under_power = switch
    for say, is_on in ((power.on, True), (power.off, False), (power.off, False), (power.on, True), (power.on, True)):
        say()
        assert is_under_power() == is_on
        assert power.is_on == is_on


REFUSED: dict[str, tuple[str, dict[str, Any], str]] = {
    "no such driver": ("relais", {}, r"driver: there is no power by relais, only by command modbus_relay usb_hub virt"),
    "no name at all": ("../x", {}, r"driver: there is no power by \.\./x"),
    "a key too many": ("virtual", {"coil": 1}, "coil: unknown key"),
    "no commands": ("command", {"on": ["true"]}, "off: Field required"),
    "an empty command": ("command", {"on": ["true"], "off": []}, "off: .* at least 1 item"),
    "no port": ("modbus_relay", {"coil": 1}, "port: Field required"),
    "a port that is none": ("modbus_relay", {"coil": 1, "port": "COM3"}, "port: expected a serial device"),
    "a coil that is none": ("modbus_relay", {"coil": -1, "port": "/dev/x"}, "coil: .* greater than or equal to 0"),
    "a hub that is none": ("usb_hub", {"hub": "usb1", "port": 1}, "hub: String should match"),
}


@pytest.mark.parametrize("wrong", REFUSED)
def test_wrong_settings_are_refused_by_key(wrong: str) -> None:
    driver, settings, message = REFUSED[wrong]
    with pytest.raises(ValueError, match=f"^{message}"):
        chosen("power", driver, settings)


ABSENT: dict[str, tuple[str, dict[str, Any], str]] = {
    "a board that is not there": ("modbus_relay", {"port": "/dev/absent", "coil": 1}, "unit 1 at /dev/absent"),
    "nobody at that port": ("modbus_relay", {"port": "tcp:127.0.0.1:1", "coil": 1}, "unit 1 at tcp:.*: cannot be open"),
    "a command that fails": ("command", {"on": ["false"], "off": ["true"]}, "power of x: false: exit status 1"),
    "a command that is none": ("command", {"on": ["/absent"], "off": ["true"]}, "power of x: /absent: .*No such file"),
    "a hub that is not there": ("usb_hub", {"hub": "9-9", "port": 2}, "power of x: .*uhubctl"),
}


@pytest.mark.parametrize("wrong", ABSENT)
def test_a_switch_that_does_not_switch_says_so(wrong: str) -> None:
    driver, settings, message = ABSENT[wrong]
    with chosen("power", driver, settings).opened(Place("x")) as power, pytest.raises(BenchError, match=message):
        power.on()


def test_a_relay_whose_board_refuses_the_coil_is_named() -> None:
    port = free_port()
    settings = {"port": f"tcp:127.0.0.1:{port}", "coil": 99}
    with (
        simulated_board(port),
        chosen("power", "modbus_relay", settings).opened(Place("x")) as power,
        pytest.raises(BenchError, match="write coil 99: refused with exception 2"),
    ):
        power.off()


def test_a_hub_that_does_not_do_it_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    state = tmp_path / "state"
    state.write_text("power")
    fake_uhubctl(tmp_path / "bin", state)
    script = tmp_path / "bin" / "uhubctl"
    script.write_text(script.read_text().replace("printf off", "printf power"))
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:{os.environ['PATH']}")
    with (
        chosen("power", "usb_hub", {"hub": "1-1", "port": HUB_PORT}).opened(Place("x")) as power,
        pytest.raises(BenchError, match="the hub was told off and did not do it"),
    ):
        power.off()
