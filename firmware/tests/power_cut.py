"""Power fails at every single flash operation, cleanly and in the middle of a write: the outbox loses nothing.

Real LittleFS on a block device in memory (MicroPython only). The last test removes the flush and must lose: it proves
that this file can fail.
"""

import gc
import os

import vfs  # MicroPython's

from firmware import segment
from firmware.outbox import Outbox

BLOCK, BLOCKS = 4096, 12
NOW = 1795392000000
FOLDER = "/flash/outbox"


class Flash:
    """Dies at operation ``cut``: then nothing is written (or half, when ``torn``) and everything fails."""

    def __init__(self, image: bytearray, cut: int = 0, torn: bool = False) -> None:
        self.image = image
        self.operations = 0
        self._cut = cut
        self._torn = torn
        self._dead = False

    def readblocks(self, number: int, buffer: bytearray, offset: int = 0) -> int:
        start = number * BLOCK + offset
        buffer[:] = self.image[start : start + len(buffer)]
        return -5 if self._dead else 0

    def _dies(self) -> bool:
        self.operations += 1
        self._dead = self._dead or self.operations == self._cut
        return self._dead

    def writeblocks(self, number: int, buffer: bytes, offset: int = 0) -> int:
        alive, dies = not self._dead, self._dies()
        size = len(buffer) if not dies else len(buffer) // 2 if self._torn and alive else 0
        start = number * BLOCK + offset
        self.image[start : start + size] = buffer[:size]
        return -5 if dies else 0

    def ioctl(self, operation: int, argument: int) -> int:
        if operation == 4:
            return BLOCKS
        if operation == 5:
            return BLOCK
        if operation == 6:
            if self._dies():
                return -5
            self.image[argument * BLOCK : (argument + 1) * BLOCK] = b"\xff" * BLOCK
        return 0


def formatted() -> bytearray:
    flash = Flash(bytearray(b"\xff" * (BLOCK * BLOCKS)))
    vfs.VfsLfs2.mkfs(flash, readsize=32, progsize=32, lookahead=32)
    return flash.image


def mounted(flash: Flash) -> None:
    vfs.mount(vfs.VfsLfs2(flash, readsize=32, progsize=32, lookahead=32), "/flash")


def unmounted() -> None:
    gc.collect()  # a file that died while it was open is finalised while its file system still exists
    try:
        vfs.umount("/flash")
    except OSError:
        return  # it was never mounted, or it died


def work(kept: dict, receipted: list) -> None:
    """Two boots of a small life: readings in both lanes, with notes and receipts, over several segments."""
    for boot in range(2):
        outbox = Outbox(FOLDER, segment=400)
        for number in range(5):
            note = b"%d" % (boot * 10 + number)
            reading = {"thing": "s", "values": {"distance": boot * 10 + number}}
            seq = outbox.append(reading, NOW + boot * 10 + number, number, urgent=number == 2, note=note)
            if seq:
                kept[seq] = note
            if number % 2:
                for urgent in (True, False):
                    if outbox.take(urgent) is not None:
                        outbox.take(urgent)
                receipted += outbox.receipt([[1, 6]])


def found_after(image: bytearray) -> tuple:
    """What a node finds after the cut: {seq: payload}, the note, and whether it can go on."""
    mounted(Flash(image))
    outbox = Outbox(FOLDER, segment=400)
    payloads, note = {}, outbox.note
    for urgent in (True, False):
        taken = outbox.take(urgent)
        while taken is not None:
            payloads[taken[0]] = taken[2]
            taken = outbox.take(urgent)
    seq = outbox.append({"thing": "s", "values": {"distance": 99}}, NOW + 1000, 99)
    unmounted()
    return payloads, note, seq


def losses(torn: bool) -> tuple:
    """(cuts tried, what was lost)."""
    whole = Flash(formatted())
    mounted(whole)
    work({}, [])
    unmounted()
    lost = []
    for cut in range(1, whole.operations + 1):
        lost += _lost_at(cut, torn)
    return whole.operations, lost


def _lost_at(cut: int, torn: bool) -> list:
    flash, kept, receipted = Flash(formatted(), cut, torn), {}, []
    try:
        mounted(flash)
        work(kept, receipted)
    except OSError:
        pass  # the power is gone
    unmounted()
    payloads, note, seq = found_after(flash.image)
    missing = [one for one in kept if one not in payloads and one not in receipted]
    lost = ["cut " + str(cut) + " lost " + str(missing)] if missing else []
    if kept and (not note or int(note) < int(kept[max(kept)])):
        lost.append("cut " + str(cut) + " note " + str(note) + " after " + str(kept[max(kept)]))
    if not seq or (kept and seq <= max(kept)):
        lost.append("cut " + str(cut) + " repeats number " + str(seq))
    return lost


def test_no_clean_cut_loses_a_reading_a_note_or_a_number():
    cuts, lost = losses(torn=False)
    assert cuts > 50, cuts
    assert lost == [], lost


def test_no_torn_cut_loses_a_reading_a_note_or_a_number():
    cuts, lost = losses(torn=True)
    assert cuts > 50, cuts
    assert lost == [], lost


def test_a_write_that_stays_in_a_cache_is_seen_as_a_loss():
    cached = []

    def forgetful(path: str, record: bytes) -> None:
        """Returns at once; the record before reaches the flash."""
        cached.append((path, record))
        if len(cached) > 1:
            segment.append(*cached.pop(0))

    before = _replace_append(forgetful)
    try:
        lost = []
        for cut in range(20, 60, 5):
            cached.clear()
            lost += _lost_at(cut, torn=False)
    finally:
        _replace_append(before)
    assert len(lost) > 3, lost


def _replace_append(function):
    import firmware.outbox as owner

    before, owner.append = owner.append, function
    return before


def test_a_full_flash_keeps_what_it_has():
    mounted(Flash(formatted()))
    outbox = Outbox(FOLDER, limit=10**6)
    kept = []
    for number in range(2000):
        seq = outbox.append({"thing": "s", "values": {"distance": number}}, NOW + number, number)
        if not seq:
            break
        kept.append(seq)
    assert 100 < len(kept) < 2000
    assert outbox.dropped[0][0] == len(kept) + 1
    found = 0
    taken = outbox.take(False)
    while taken is not None:
        found += 1
        outbox.receipt([[taken[0], taken[0]]])
        taken = outbox.take(False)
    assert found == len(kept)
    assert outbox.append({"thing": "s", "values": {"distance": 1}}, NOW + 5000, 5000)
    assert os.statvfs("/flash")[3] > 2
    unmounted()
