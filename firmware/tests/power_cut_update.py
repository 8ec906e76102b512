"""Power fails at every flash operation of three updates: the board always starts one whole version, old or new.

The second release is confirmed, the third crashes at every start; then another can still come.
"""

import binascii
import hashlib
import json

from firmware import update as owner
from firmware.boot.slots import ATTEMPTS, MANIFEST, Slots
from firmware.tests.fake_board import finish
from firmware.tests.flash import ROOT, Flash, cut_everywhere, formatted, mounted, unmounted
from firmware.update import UpdateError, Updater

BLOCKS = 24
CRASHING = 3
COMMON = b"the same in every release " * 20


def files_of(number: int) -> dict:
    return {"app.rom": bytes([number]) * 5000 + b"end", "small.txt": b"release %d" % number, "common.txt": COMMON}


def manifest_of(number: int) -> bytes:
    files = [
        {"path": path, "size": len(octets), "sha256": str(binascii.hexlify(hashlib.sha256(octets).digest()), "ascii")}
        for path, octets in sorted(files_of(number).items())
    ]
    return json.dumps({"release": number, "version": str(number), "files": files, "by": "releases"}).encode()


async def fetch(url: str, _context: object, _largest: int, take) -> int:
    """In place of the network: ``url`` is a number and a file."""
    number, name = url.split("/")
    octets = manifest_of(int(number)) if name == MANIFEST else files_of(int(number))[name]
    for start in range(0, len(octets), 700):
        take(memoryview(octets)[start : start + 700])
    return len(octets)


owner.fetch = fetch


class Signatures:
    async def signed(self, _message: dict) -> bool:
        return True


def fill(slots: Slots, number: int, flash: Flash | None = None) -> None:
    try:
        finish(Paused(slots, Signatures(), {"releases": ["update"]}, None).fill(str(number)))
    except UpdateError:
        if flash:
            flash.must_be_alive()
        raise


class Paused(Updater):
    """Nobody else runs here to be let through."""

    async def _has(self, slot: str, file: dict) -> bool:
        return self._slots.has(slot, file)


def released() -> bytearray:
    """A board that runs release 1."""
    flash = Flash(formatted(BLOCKS))
    mounted(flash)
    slots = Slots(ROOT)
    slots.active = "b"
    fill(slots, 1)
    slots.try_idle()
    slots.confirm()
    unmounted()
    return flash.image


def started(log: dict) -> Slots:
    """A start of the board; a crash is another."""
    while True:
        slots = Slots(ROOT)
        slot = slots.start()
        complaint = damage(slots, slot)
        if complaint:
            log["damage"] = complaint
            return slots
        if slots.release(slot) != CRASHING:
            return slots
        log["crashes"] = log.get("crashes", 0) + 1


def damage(slots: Slots, slot: str) -> str:
    """What is wrong with the version in this slot."""
    number = slots.release(slot)
    for path, octets in files_of(number).items():
        try:
            with open(slots.path(slot) + "/" + path, "rb") as file:
                if file.read() != octets:
                    return "release " + str(number) + " with another " + path
        except OSError:
            return "release " + str(number) + " without " + path
    return ""


def work(log: dict, flash: Flash) -> None:
    for number in (2, CRASHING, 4):
        slots = started(log)
        fill(slots, number, flash)
        slots.try_idle()
        slots = started(log)
        slots.confirm()
        log["confirmed"] = slots.release(slots.active)


def judge(log: dict) -> list:
    slots = started(log)
    release, complaints = slots.release(slots.active), []
    if "damage" in log:
        return [log["damage"]]
    if release < log.get("confirmed", 1):
        complaints.append("release " + str(release) + " after " + str(log["confirmed"]))
    if log.get("crashes", 0) > ATTEMPTS:
        complaints.append(str(log["crashes"]) + " starts of what crashes")
    slots.confirm()
    fill(slots, 9)
    slots.try_idle()
    slots = started(log)
    if slots.release(slots.active) != 9 or "damage" in log:
        complaints.append("the next release does not come")
    return complaints


def test_no_clean_cut_starts_anything_but_a_whole_version():
    cuts, complaints = cut_everywhere(released(), work, judge, torn=False)
    print(str(cuts) + " cuts")
    assert cuts > 100, cuts
    assert complaints == [], complaints


def test_no_torn_cut_starts_anything_but_a_whole_version():
    cuts, complaints = cut_everywhere(released(), work, judge, torn=True)
    assert cuts > 100, cuts
    assert complaints == [], complaints


def test_without_a_cut_the_crashing_release_has_its_three_starts_and_the_next_one_stays():
    log = {}
    flash = Flash(released())
    mounted(flash)
    work(log, flash)
    slots = Slots(ROOT)
    assert (slots.release(slots.start()), slots.failed, log["crashes"]) == (4, [CRASHING], ATTEMPTS)
    unmounted()


def test_a_swap_before_the_files_without_a_look_at_them_is_seen():
    """The negative control: manifest and pointer first, then the files, and a start that believes the manifest."""

    def believe(slots: Slots, slot: str) -> bool:
        return bool(slots.manifest(slot))

    def hasty(log: dict, _flash: Flash) -> None:
        slots = started(log)
        folder = slots.path(slots.idle())
        owner.os.mkdir(folder)
        owner.replace(folder + "/" + MANIFEST, manifest_of(2))
        slots.try_idle()
        for path, octets in files_of(2).items():
            with open(folder + "/" + path, "wb") as file:
                file.write(octets)

    real, Slots.is_whole = Slots.is_whole, believe
    try:
        _, complaints = cut_everywhere(released(), hasty, judge, torn=False)
    finally:
        Slots.is_whole = real
    assert len(complaints) > 3, complaints
