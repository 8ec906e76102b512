"""A release reaches a real node over HTTPS and its own certificates: a good one stays, and nothing else does."""

import functools
import json
import time
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

import firmware
from hil_tests.instruments import broker, probe
from hil_tests.instruments.center import Center, center, trusted
from hil_tests.instruments.fast_time import Clock, starting_at
from hil_tests.instruments.process import BenchError, Program, find
from hil_tests.instruments.receipts import Receipts
from hil_tests.instruments.release_server import ReleaseServer, serving
from provisioning import release
from provisioning.__main__ import main as provision

CENTER = "center-water"
TRUST = {CENTER: ["command", "update"], "releases": ["update"], "center-air": ["command"]}
SPEED = 60  # the minute of a trial is a second here, its quarter of an hour are fifteen
NEW = "9.9.9"

try:
    find("micropython")
except BenchError as missing:
    pytest.skip(str(missing), allow_module_level=True)


def _version(text: str) -> str:
    return f'VERSION = "{text}"\nBUILT_S = 1795392000\n'


def _source(name: str, old: str, new: str) -> dict[str, str]:
    """One file of the firmware with one change."""
    text = Path(firmware.__file__).with_name(name).read_text("utf-8")
    assert text.count(old) == 1, f"{name} has changed"
    return {name: text.replace(old, new)}


GOOD = {"__init__.py": _version(NEW)}
LATER = """
import asyncio

class LoopLag:
    worst_ms = blocked = turns = 0

    async def run(self):
        await asyncio.sleep_ms(900)  # connected and answered, but not for ten minutes of the node's
        raise RuntimeError("later")
"""
GOING_BACK = {
    "crashes at import": _source("link.py", "\nclass Link:", '\nraise ValueError("no good")\n\n\nclass Link:'),
    "crashes later": {"loop_lag.py": LATER, **_source("trial.py", "STEADY_MS = 60000\n", "STEADY_MS = 600000\n")},
    "refuses its settings": _source(
        "node_json.py",
        "    settings = check(",
        '    raise SettingsError("colour: missing")\n    settings = check(',
    ),
    "never connects": _source("link.py", 'self._broker["port"],', "1,"),
}


@functools.cache
def image(name: str) -> bytes:
    """A version of the firmware, built once."""
    changes = {"good": GOOD, "next": {"__init__.py": _version("10.0.0")}}
    return release.image({**probe.CHANGES, **GOOD, **(changes.get(name) or GOING_BACK[name])})


@pytest.fixture
def running_broker(directory: Path, tmp_path: Path) -> Iterator[Program]:
    """One of the two: an update passes a broker as two small messages."""
    started = broker.start("nats", directory, tmp_path / "broker.log")
    yield started
    started.kill()


@pytest.fixture
async def collector(directory: Path, running_broker: Program) -> AsyncIterator[Receipts]:
    assert running_broker.is_running
    assert provision(["issue", str(directory), CENTER, "--role", "center"]) == 0
    async with Receipts(directory) as connected:
        yield connected


class Bench:
    """A node with its center, and a server with releases."""

    def __init__(self, collector: Receipts, water: Center, server: ReleaseServer, node: Program, clock: Clock) -> None:
        self.collector = collector
        self.server = server
        self.node = node
        self.keys: dict[str, ec.EllipticCurvePrivateKey] = {}
        self._water = water
        self._clock = clock

    def release(self, number: int, octets: bytes, by: str = "releases") -> Path:
        """Signed, and offered by the server."""
        files = {release.IMAGE: octets}
        manifest = release.signed(release.manifest(number, NEW, files), self.keys[by], by)
        release.write(self.server.root / str(number), manifest, files)
        return self.server.root / str(number)

    async def asked(self, identifier: str, url: str, seconds: float = 60) -> tuple[str, str]:
        """Ask for an update; its last word: (status, reason)."""
        self._water.command(probe.PUBLISHER, identifier, "update", {"url": url}, self._clock.now_ms())

        def answers() -> list[dict[str, Any]]:
            return [one for one in self.collector.results if one["id"] == identifier and one["status"] != "accepted"]

        try:
            await self.collector.until(lambda: bool(answers()), f"an answer to {identifier}", seconds)
        except TimeoutError:
            raise AssertionError(f"{self.collector.results}\n{self.node.last_lines(40)}") from None
        return answers()[-1]["status"], answers()[-1].get("reason", "")

    def slot(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads((self.node.log.parent / "node" / "slot.json").read_text("utf-8"))
        return found

    async def runs(self, version: str) -> dict[str, Any]:
        """The state that the node tells from now on, with this version."""
        known = len(self.collector.states)

        def told() -> list[dict[str, Any]]:
            return [one for one in self.collector.states[known:] if one.get("firmware") == version]

        self.node.kill()
        self.node.start()
        await self.collector.until(lambda: bool(told()), f"version {version}: {self.node.last_lines()}")
        return told()[-1]


@pytest.fixture
def bench(collector: Receipts, directory: Path, tmp_path: Path) -> Iterator[Bench]:
    clock = starting_at(time.time_ns() // 1_000_000 - 12 * 3_600_000, SPEED)
    names = (CENTER, "releases", "center-air")
    keys = {name: ec.generate_private_key(ec.SECP256R1()) for name in names}
    trusted(tmp_path / "node", **{name.replace("-", "_"): key for name, key in keys.items()})
    node = probe.program(directory, tmp_path, TRUST, clock)
    with center(directory, CENTER, keys[CENTER]) as water, serving(directory, tmp_path / "releases") as server:
        made = Bench(collector, water, server, node, clock)
        made.keys = keys
        node.start()
        yield made
        node.kill()


async def test_a_good_release_stays_and_so_does_the_next_one(bench: Bench, collector: Receipts) -> None:
    await collector.has(3)
    for number, name, version, slot in ((2, "good", NEW, "b"), (3, "next", "10.0.0", "a")):
        bench.release(number, image(name))
        assert await bench.asked(f"u-{number}", bench.server.url(number)) == ("done", "")
        statuses = [one["status"] for one in collector.results if one["id"] == f"u-{number}"]
        assert list(dict.fromkeys(statuses)) == ["accepted", "done"]
        found = bench.slot()
        assert (found["active"], found["trial"], found["confirmed"], found["failed"]) == (slot, None, number, [])
        state = await bench.runs(version)
        assert state["online"]
    newest = max(collector.numbers())
    known = {one["seq"] for one in collector.results} | collector.numbers()
    assert set(range(1, newest)) <= known, "three versions, and no message between them is missing"


def _flip(folder: Path) -> None:
    octets = bytearray((folder / release.IMAGE).read_bytes())
    octets[len(octets) // 2] ^= 1
    (folder / release.IMAGE).write_bytes(octets)


def _truncate(folder: Path) -> None:
    (folder / release.IMAGE).write_bytes((folder / release.IMAGE).read_bytes()[:-1])


def _unsign(folder: Path) -> None:
    manifest = json.loads((folder / "manifest.json").read_text("utf-8"))
    del manifest["signature"]
    (folder / "manifest.json").write_text(json.dumps(manifest), "utf-8")


def _rename(folder: Path) -> None:
    text = (folder / "manifest.json").read_text("utf-8")
    (folder / "manifest.json").write_text(text.replace(NEW, "9.9.8"), "utf-8")


def _lead_away(folder: Path) -> None:
    text = (folder / "manifest.json").read_text("utf-8")
    (folder / "manifest.json").write_text(text.replace(release.IMAGE, "../node.json"), "utf-8")


BAD: dict[str, tuple[Callable[[Path], None], str]] = {
    "altered": (_flip, "app.rom: another SHA-256 than the manifest says"),
    "truncated": (_truncate, "app.rom: "),
    "unsigned": (_unsign, "not signed by releases"),
    "another version": (_rename, "not signed by releases"),
    "out of its folder": (_lead_away, "files.0.path: expected a file name"),
    "without its image": (lambda folder: (folder / release.IMAGE).unlink(), "the server says HTTP/1.0 404"),
    "without a manifest": (lambda folder: (folder / "manifest.json").unlink(), "the server says HTTP/1.0 404"),
}


async def test_a_bad_release_never_comes(bench: Bench, collector: Receipts, directory: Path) -> None:
    await collector.has(3)
    for number, (name, (spoil, reason)) in enumerate(BAD.items(), 2):
        spoil(bench.release(number, image("good")))
        status, said = await bench.asked(f"u-{number}", bench.server.url(number))
        assert (status, said[: len(reason)]) == ("failed", reason), name
    bench.release(1, image("good"))
    assert await bench.asked("older", bench.server.url(1)) == ("failed", "release 1 is not above 1")
    bench.release(20, image("good"), "center-air")
    assert await bench.asked("not-theirs", bench.server.url(20)) == ("failed", "center-air may not release here")
    bench.keys["releases"] = bench.keys["center-air"]
    bench.release(21, image("good"))
    assert await bench.asked("forged", bench.server.url(21)) == ("failed", "not signed by releases")
    with serving(directory, bench.server.root, "gw-0001") as impostor:
        status, said = await bench.asked("wrong-host", impostor.url(2))
    assert status == "failed"
    assert "Common Name (CN) does not match" in said
    assert (await bench.runs("0.1.0"))["boot"] == 2, "it started again, though nothing good came"


@pytest.mark.slow
@pytest.mark.timeout(400)
@pytest.mark.parametrize("name", GOING_BACK)
async def test_a_release_that_does_not_work_goes(bench: Bench, collector: Receipts, name: str) -> None:
    await collector.has(3)
    bench.release(2, image(name))
    assert await bench.asked("u-2", bench.server.url(2), 150) == ("failed", "went back to release 1")
    found = bench.slot()
    assert (found["active"], found["trial"], found["failed"]) == ("a", None, [2])
    assert await bench.asked("again", bench.server.url(2)) == ("failed", "release 2 has failed here before")
    assert bench.node.log.read_text("utf-8").count("boot: slot b, trial") == 3
    bench.release(3, image("good"))
    assert await bench.asked("u-3", bench.server.url(3)) == ("done", "")
