"""Only a release that is signed, newer and whole comes into the idle slot; what is right is not fetched twice."""

import binascii
import hashlib
import json
import os

from firmware import update
from firmware.boot.durable import replace
from firmware.boot.slots import Slots
from firmware.download import DownloadError
from firmware.tests.fake_board import finish
from firmware.update import UpdateError, Updater

TRUST = {"releases": ["update"], "center-water": ["command"]}
CONTENT = {"app.rom": b"application " * 300, "more.txt": b"more"}


class Signatures:
    async def signed(self, message: dict) -> bool:
        return message.get("signature") == "of " + message["by"]


class Server:
    """Has a release; ``changes`` are files that are not what the manifest says."""

    def __init__(self, number: int = 2, changes=None, **manifest: object) -> None:
        self.fetched = []
        self.files = dict(CONTENT)
        described = [
            {"path": path, "size": len(octets), "sha256": hexadecimal(octets)} for path, octets in CONTENT.items()
        ]
        self.manifest = {"release": number, "version": "2.0", "files": described, "by": "releases"}
        self.manifest["signature"] = "of releases"
        self.manifest.update(manifest)
        self.files.update(changes or {})

    async def fetch(self, url: str, _context: object, largest: int, take) -> int:
        name = url.rsplit("/", 1)[-1]
        self.fetched.append(name)
        octets = json.dumps(self.manifest).encode() if name == "manifest.json" else self.files[name]
        if type(octets) is not bytes:
            raise DownloadError(str(octets))
        assert len(octets) <= largest
        for start in range(0, len(octets), 512):
            take(memoryview(octets)[start : start + 512])
        return len(octets)


def hexadecimal(octets: bytes) -> str:
    return str(binascii.hexlify(hashlib.sha256(octets).digest()), "ascii")


def fresh() -> Slots:
    for folder in ("a", "b"):
        try:
            for name in os.listdir(folder):
                os.remove(folder + "/" + name)
        except OSError:
            os.mkdir(folder)
    if "slot.json" in os.listdir("."):
        os.remove("slot.json")
    replace("a/manifest.json", b'{"release":1,"files":[]}')
    return Slots(".")


class Direct(Updater):
    """Nobody else runs here to be let through."""

    async def _has(self, slot: str, file: dict) -> bool:
        return self._slots.has(slot, file)


def filled(slots: Slots, server: Server) -> int:
    before, update.fetch = update.fetch, server.fetch
    try:
        return finish(Direct(slots, Signatures(), TRUST, None).fill("https://h/2"))
    finally:
        update.fetch = before


def refusal(server: Server, slots=None) -> str:
    slots = slots or fresh()
    try:
        filled(slots, server)
    except UpdateError as error:
        assert not slots.is_whole("b")
        assert slots.active == "a"
        return str(error)
    raise AssertionError("it came")


def test_a_good_release_fills_the_idle_slot_and_nothing_else():
    slots = fresh()
    assert filled(slots, Server()) == 2
    assert slots.is_whole("b")
    assert slots.release("b") == 2
    assert sorted(os.listdir("b")) == ["app.rom", "manifest.json", "more.txt"]
    assert slots.active == "a"


def test_a_release_that_nobody_signed_who_may_is_refused_before_a_file_is_fetched():
    for server, said in (
        (Server(signature=None), "not signed by releases"),
        (Server(signature="of me"), "not signed by releases"),
        (Server(by="center-water", signature="of center-water"), "center-water may not release here"),
        (Server(by="stranger", signature="of stranger"), "stranger may not release here"),
    ):
        assert refusal(server) == said
        assert server.fetched == ["manifest.json"]


def test_an_older_one_and_one_that_failed_and_a_second_one_on_trial_are_refused():
    assert refusal(Server(1)) == "release 1 is not above 1"
    slots = fresh()
    slots.failed = [2]
    assert refusal(Server(2), slots) == "release 2 has failed here before"
    slots = fresh()
    slots.trial = 1
    assert refusal(Server(2), slots) == "the version that runs is not confirmed yet"


def test_a_file_that_is_not_what_was_signed_is_refused():
    altered = b"Application " + CONTENT["app.rom"][12:]
    assert refusal(Server(changes={"app.rom": altered})) == "app.rom: another SHA-256 than the manifest says"
    assert refusal(Server(changes={"app.rom": b"short"})) == "app.rom: 5 bytes, expected 3600"
    assert refusal(Server(changes={"more.txt": DownloadError("truncated")})) == "truncated"
    assert "app.rom" in os.listdir("b")  # what is right stays, for the next try


def test_what_is_right_already_is_not_fetched_again():
    slots = fresh()
    refusal(Server(changes={"more.txt": DownloadError("broken off")}), slots)
    server = Server()
    assert filled(slots, server) == 2
    assert server.fetched == ["manifest.json", "more.txt"]


def test_what_an_older_release_left_behind_goes():
    slots = fresh()
    for name in ("old.rom", "app.rom", "app.rom.new", "manifest.json"):
        replace("b/" + name, b"old")
    assert filled(slots, Server()) == 2
    assert sorted(os.listdir("b")) == ["app.rom", "manifest.json", "more.txt"]


def test_a_release_that_does_not_fit_is_refused():
    room, owner = (4096, 4096, 100, 4, 4, 0, 0, 0, 0, 255), update.os

    class Narrow:
        listdir, mkdir, remove, rename, stat = owner.listdir, owner.mkdir, owner.remove, owner.rename, owner.stat

        @staticmethod
        def statvfs(_path: str) -> tuple:
            return room

    update.os = Narrow
    try:
        assert refusal(Server()) == "no room: 3604 bytes are needed"
    finally:
        update.os = owner


def test_a_flash_that_keeps_something_else_is_noticed():
    before = update.sync

    def rots(file) -> None:
        file.seek(0)
        file.write(b"x")
        before(file)

    update.sync = rots
    try:
        assert refusal(Server()) == "app.rom: another SHA-256 than the manifest says"
    finally:
        update.sync = before
