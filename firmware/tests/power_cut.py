"""Power fails at every single flash operation, cleanly and in the middle of a write: the outbox loses nothing.

Real LittleFS on a block device in memory (MicroPython only). The last test removes the flush and must lose: it proves
that this file can fail.
"""

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

    def readblocks(self, number: int, buffer: bytearray, offset: int = 0) -> None:
        if self._dead:
            raise OSError(5)
        start = number * BLOCK + offset
        buffer[:] = self.image[start : start + len(buffer)]

    def _dies(self) -> bool:
        if self._dead:
            raise OSError(5)
        self.operations += 1
        self._dead = self.operations == self._cut
        return self._dead

    def writeblocks(self, number: int, buffer: bytes, offset: int = 0) -> None:
        dies = self._dies()
        size = len(buffer) if not dies else len(buffer) // 2 if self._torn else 0
        start = number * BLOCK + offset
        self.image[start : start + size] = buffer[:size]
        if dies:
            raise OSError(5)

    def ioctl(self, operation: int, argument: int) -> int | None:
        if operation == 4:
            return BLOCKS
        if operation == 5:
            return BLOCK
        if operation == 6:
            if self._dies():
                raise OSError(5)
            self.image[argument * BLOCK : (argument + 1) * BLOCK] = b"\xff" * BLOCK
        return 0


def formatted() -> bytearray:
    flash = Flash(bytearray(b"\xff" * (BLOCK * BLOCKS)))
    vfs.VfsLfs2.mkfs(flash, readsize=32, progsize=32, lookahead=32)
    return flash.image


def mounted(flash: Flash) -> None:
    vfs.mount(vfs.VfsLfs2(flash, readsize=32, progsize=32, lookahead=32), "/flash")


def unmounted() -> None:
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
            payloads[taken[0]] = taken[1]
            taken = outbox.take(urgent)
    seq = outbox.append({"thing": "s", "values": {"distance": 99}}, NOW + 1000, 99)
    unmounted()
    return payloads, note, seq


def losses(torn: bool) -> tuple:
    """(cuts tried, descriptions of what was lost)."""
    blank = formatted()
    whole = Flash(bytearray(blank))
    mounted(whole)
    work({}, [])
    unmounted()
    lost = []
    for cut in range(1, whole.operations + 1):
        flash, kept, receipted = Flash(bytearray(blank), cut, torn), {}, []
        try:
            mounted(flash)
            work(kept, receipted)
        except OSError:
            pass  # the power is gone
        unmounted()
        payloads, note, seq = found_after(flash.image)
        missing = [one for one in kept if one not in payloads and one not in receipted]
        if missing:
            lost.append("cut " + str(cut) + " lost " + str(missing))
        if kept and (not note or int(note) < int(kept[max(kept)])):
            lost.append("cut " + str(cut) + " note " + str(note) + " after " + str(kept[max(kept)]))
        if not seq or (kept and seq <= max(kept)):
            lost.append("cut " + str(cut) + " repeats number " + str(seq))
    return whole.operations, lost


def test_no_clean_cut_loses_a_reading_a_note_or_a_number():
    cuts, lost = losses(torn=False)
    assert cuts > 50, cuts
    assert lost == [], lost


def test_no_torn_cut_loses_a_reading_a_note_or_a_number():
    cuts, lost = losses(torn=True)
    assert cuts > 50, cuts
    assert lost == [], lost


def test_without_the_flush_this_test_would_see_losses():
    real, open_files = segment.append, []

    def forgetful(path: str, record: bytes) -> None:
        file = open(path, "ab")  # noqa: SIM115 - left open: that is the fault
        file.write(record)
        open_files.append(file)

    segment_append = _replace_append(forgetful)
    try:
        _, lost = losses(torn=False)
    finally:
        _replace_append(segment_append)
        open_files.clear()
    assert real is segment_append
    assert lost, "nothing was lost without a flush"


def _replace_append(function):
    import firmware.outbox as owner  # noqa: PLC0415 - the module whose name is replaced

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
