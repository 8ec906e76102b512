"""Four real nodes on a real broker get a release ring by ring: a good one reaches all, a bad one stops at the first."""

import asyncio
import functools
import json
import os
import random
import shutil
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

import firmware
from firmware import orders
from hil_tests.instruments import node, probe
from hil_tests.instruments.center import trusted
from hil_tests.instruments.client import connected
from hil_tests.instruments.fast_time import Clock, starting_at
from hil_tests.instruments.process import BenchError, Program, find, wait_until
from hil_tests.instruments.receipts import Receipts
from provisioning import release, release_server
from provisioning.__main__ import main as provision
from provisioning.broker import Kind, port_of
from provisioning.rollout_link import Place, opened

try:
    find("micropython")
except BenchError as missing:
    pytest.skip(str(missing), allow_module_level=True)

NAMES = [f"park-{number:04}" for number in range(1, 5)]
SPEED = 60  # the minute of a trial is a second here
OLD, NEW = firmware.VERSION, "9.9.9"


def _changed(name: str, old: str, new: str) -> dict[str, str]:
    """One file of the firmware with one change."""
    text = Path(firmware.__file__).with_name(name).read_text("utf-8")
    assert text.count(old) == 1, f"{name} has changed"
    return {name: text.replace(old, new)}


# A link counts real time, whatever the clock of the bench says; and nobody wants to wait for a minute here.
PROBE = {**probe.CHANGES, **_changed("node.py", "STATE_PERIOD_MS = 60000\n", "STATE_PERIOD_MS = 1000\n")}
BROKEN = _changed("link.py", "\nclass Link:", '\nraise ValueError("no good")\n\n\nclass Link:')


@functools.cache
def image(*, good: bool) -> bytes:
    """A version of the firmware; the bad one ends before it has said a word."""
    version = {"__init__.py": f'VERSION = "{NEW}"\nBUILT_S = 1795392000\n'}
    return release.image({**PROBE, **version, **({} if good else BROKEN)})


class Street:
    """The nodes, a server of releases, and the laptop's command."""

    def __init__(self, directory: Path, folder: Path, servers: ExitStack) -> None:
        self.nodes: dict[str, Program] = {}
        self.folder = folder
        self._directory = directory
        self._servers = servers
        key = serialization.load_pem_private_key((directory / "certificates/releases.key").read_bytes(), None)
        assert isinstance(key, ec.EllipticCurvePrivateKey)
        self._key = key
        self._runs = 0
        self._ports: dict[int, int] = {}

    def build(self, clock: Clock) -> None:
        """The image is compiled once: the others get a copy of the first board, with a name of their own."""
        certificates, first = self._directory / "certificates", self.folder / NAMES[0]
        config = {
            "city": "koper",
            "publisher": NAMES[0],
            "thing": "spot-0001",
            "kind": "probe",
            "period_ms": 400 * SPEED,
            "broker": {"host": "127.0.0.1", "port": port_of(self._directory), "server_name": "localhost"},
            "hal": {"clock": clock._asdict()},
            "trust": {"releases": ["update"]},
        }
        made = node.build(first, config, certificates, self._directory / "ca" / "ca.der", PROBE)
        trusted(first, releases=self._key)
        for name in NAMES:
            folder = self.folder / name
            if folder != first:
                shutil.copytree(first, folder)
                settings = json.loads((first / "node.json").read_text("utf-8"))
                settings |= {"publisher": name, "thing": name.replace("park", "spot")}
                (folder / "node.json").write_text(json.dumps(settings), "utf-8")
                shutil.copyfile(certificates / f"{name}.der", folder / "cert.der")
                shutil.copyfile(certificates / f"{name}.key.der", folder / "key.der")
            command = [part.replace(str(first), str(folder)) for part in made.command]
            environment = {key: value.replace(str(first), str(folder)) for key, value in made.environment.items()}
            self.nodes[name] = Program(name, command, self.folder / f"{name}.log", environment=environment)
        for program in self.nodes.values():
            program.start()

    def release(self, number: int, octets: bytes) -> list[str]:
        """Signed and served as the tool does it; the command that rolls it out."""
        folder, files = self.folder / f"release-{number}", {release.IMAGE: octets}
        if number in self._ports:  # a signature is never the same twice
            return self._begins(number, folder)
        release.write(folder, release.signed(release.manifest(number, NEW, files), self._key, "releases"), files)
        serving = release_server.serving(self._directory, folder, "broker", "127.0.0.1", 0)
        self._ports[number] = self._servers.enter_context(serving)
        return self._begins(number, folder)

    def _begins(self, number: int, folder: Path) -> list[str]:
        url = f"https://localhost:{self._ports[number]}"
        return ["start", str(self._directory), str(folder), "--url", url, *self._options()]

    def _options(self) -> list[str]:
        return [
            "--publishers",
            *NAMES,
            "--rings",
            "1",
            "50%",
            "all",
            "--hold",
            "3",
            "--patience",
            "100",
            "--repeat",
            "2",
        ]

    def laptop(self, *arguments: str) -> Program:
        """A process that can be killed; what it prints is beside its log."""
        self._runs += 1
        out = self.folder / f"laptop-{self._runs}"
        shell = 'out="$1"; shift; exec "$@" >"$out"'
        command = [sys.executable, "-m", "provisioning", "rollout", *arguments, "--json"]
        program = Program("laptop", ["sh", "-c", shell, "sh", f"{out}.json", *command], Path(f"{out}.log"))
        program.start()
        return program

    def ends(self, laptop: Program, seconds: float = 150) -> tuple[int | None, dict[str, Any]]:
        """(Exit status, what it printed)."""
        wait_until(lambda: not laptop.is_running, f"the rollout ends: {laptop.last_lines()}", seconds)
        text = laptop.log.with_suffix(".json").read_text("utf-8")
        return laptop.exit_status, json.loads(text) if text else {}

    def tried(self) -> dict[str, int]:
        """How often each node took a release into its idle slot."""
        return {name: program.log.read_text("utf-8").count("is tried") for name, program in self.nodes.items()}

    def active(self, name: str) -> dict[str, Any]:
        found: dict[str, Any] = json.loads((self.folder / name / "slot.json").read_text("utf-8"))
        return found


@pytest.fixture
def directory(directory: Path) -> Path:
    for name in NAMES[2:]:
        thing = name.replace("park", "spot")
        assert (
            provision(["issue", str(directory), name, "--role", "node", "--thing", thing, "--center", "mobility"]) == 0
        )
    assert provision(["issue", str(directory), "releases", "--role", "center"]) == 0
    return directory


@pytest.fixture
def street(collector: Receipts, directory: Path, tmp_path: Path) -> Iterator[Street]:
    assert collector
    with ExitStack() as servers:
        made = Street(directory, tmp_path, servers)
        made.build(starting_at(time.time_ns() // 1_000_000 - 12 * 3_600_000, SPEED))
        yield made
        for program in made.nodes.values():
            program.kill()


@pytest.mark.slow
@pytest.mark.timeout(300)
async def test_a_good_release_reaches_all_rings(street: Street, collector: Receipts, kind: Kind) -> None:
    await collector.has(8)
    begun = time.monotonic()
    command = street.release(2, image(good=True))
    status, told = await asyncio.to_thread(street.ends, street.laptop(*command))
    print(f"{kind}: four nodes in three rings, held for 3 s each: {time.monotonic() - begun:.1f} s")
    assert (status, told["status"], told["version"]) == (0, "finished", NEW), told
    assert [(one["publisher"], one["ring"], one["status"], one["firmware"]) for one in told["nodes"]] == [
        (NAMES[0], 1, "done", NEW),
        (NAMES[1], 2, "done", NEW),
        (NAMES[2], 3, "done", NEW),
        (NAMES[3], 3, "done", NEW),
    ]
    assert street.tried() == dict.fromkeys(NAMES, 1)
    again, _ = await asyncio.to_thread(street.ends, street.laptop(*command))
    assert again == 0
    assert street.tried() == dict.fromkeys(NAMES, 1), "who has the release is not asked a second time"


@pytest.mark.slow
@pytest.mark.timeout(300)
async def test_a_bad_release_stops_at_the_first_ring_which_goes_back_by_itself(
    street: Street, collector: Receipts
) -> None:
    await collector.has(8)
    laptop = street.laptop(*street.release(2, image(good=False)))
    status, told = await asyncio.to_thread(street.ends, laptop)
    assert (status, told["status"], told["ring"]) == (1, "halted", 1), told
    assert told["reason"] == f"ring 1: {NAMES[0]} failed: went back to release 1"
    assert [one["status"] for one in told["nodes"]] == ["failed", "waiting", "waiting", "waiting"]
    assert told["nodes"][0]["firmware"] == OLD
    assert street.tried() == {NAMES[0]: 1, **dict.fromkeys(NAMES[1:], 0)}
    slot = street.active(NAMES[0])
    assert (slot["active"], slot["trial"], slot["failed"]) == ("a", None, [2])
    known = len(collector.contents)
    await collector.has(known + 8)  # the street goes on
    status, told = await asyncio.to_thread(street.ends, street.laptop(*street.release(3, image(good=True))))
    assert (status, told["status"]) == (0, "finished"), "and the next release reaches all"


@pytest.mark.slow
@pytest.mark.timeout(300)
async def test_a_laptop_that_is_killed_goes_on_and_nobody_takes_a_release_twice(
    street: Street, collector: Receipts, directory: Path
) -> None:
    seed = int(os.environ.get("SENZORIKA_SEED", time.time_ns() % 1_000_000))
    chance = random.Random(seed)
    print(f"SENZORIKA_SEED={seed}")
    await collector.has(8)
    laptop = street.laptop(*street.release(2, image(good=True)))
    for _ in range(5):
        await asyncio.sleep(chance.uniform(0.5, 6))
        laptop.kill()
        await asyncio.sleep(chance.uniform(0, 3))  # what comes meanwhile is heard later
        is_begun = (directory / "rollout.sqlite").exists() and provision(["rollout", "status", str(directory)]) == 0
        laptop = (
            street.laptop("resume", str(directory)) if is_begun else street.laptop(*street.release(2, image(good=True)))
        )
    status, told = await asyncio.to_thread(street.ends, laptop, 150)
    assert (status, told["status"]) == (0, "finished"), f"{told}\n{laptop.last_lines()}"
    assert {one["status"] for one in told["nodes"]} == {"done"}
    assert street.tried() == dict.fromkeys(NAMES, 1)


@pytest.mark.parametrize("leaves", [False, True])
async def test_results_wait_for_a_laptop_that_is_off_and_for_none_that_has_left(
    collector: Receipts, directory: Path, *, leaves: bool
) -> None:
    assert collector
    place = Place(directory, "koper", "releases", "localhost", port_of(directory), "localhost")
    async with opened(place) as link:
        if leaves:
            link.leave()
    ids, found = ("update-2-x-1", "update-3-x-1"), []
    first, second = (
        {"outbox": "7f3a91c2", "seq": seq, "id": name, "status": "done"} for seq, name in enumerate(ids, 1)
    )
    with connected(directory, "park-0001") as (client,):
        client.publish("koper/v1/park-0001/result", orders.encode_result(first))
        async with opened(place) as link, asyncio.timeout(60):
            client.publish("koper/v1/park-0001/result", orders.encode_result(second))
            while ids[1] not in found:
                heard = await link.heard(60)
                if heard is not None and heard.channel == "result":
                    link.acknowledge(heard)
                    found.append(heard.message["id"])
    assert found == [*(() if leaves else ids[:1]), ids[1]]
