"""Power fails at every single flash operation, cleanly and in the middle of a write: the outbox loses nothing.

The test that removes the flush must lose: it proves that this file can fail.
"""

import os

from firmware import outbox as owner
from firmware import segment
from firmware.outbox import Outbox
from firmware.tests.flash import Flash, cut_everywhere, formatted, mounted, unmounted

BLOCKS = 12
NOW = 1795392000000
FOLDER = "/flash/outbox"


def reading(number: int) -> dict:
    return {"thing": "s", "values": {"distance": number}}


def work(log: dict, _flash: Flash) -> None:
    """Two boots of a small life: readings and results in both lanes, notes and receipts, over several segments."""
    kept, receipted = log.setdefault("kept", {}), log.setdefault("receipted", [])
    for boot in range(2):
        outbox = Outbox(FOLDER, segment=400)
        for number in range(5):
            note, now = b"%d" % (boot * 10 + number), NOW + boot * 10 + number
            if number == 3:
                note = outbox.note
                seq = outbox.append_result({"id": "c", "status": "done"}, now, number)
            else:
                seq = outbox.append(reading(boot * 10 + number), now, number, urgent=number == 2, note=note)
            if seq:
                kept[seq] = note
            if number % 2:
                for urgent in (True, False):
                    if outbox.take(urgent) is not None:
                        outbox.take(urgent)
                outbox.take_newest()
                receipted += outbox.receipt([[1, 6]])


def judge(log: dict) -> list:
    """What a node finds after the cut: every message, the note, and whether it can go on."""
    kept, receipted = log.get("kept", {}), log.get("receipted", [])
    outbox = Outbox(FOLDER, segment=400)
    found, note = [], outbox.note
    for urgent in (True, False):
        taken = outbox.take(urgent)
        while taken is not None:
            found.append(taken[0])
            taken = outbox.take(urgent)
    missing = [one for one in kept if one not in found and one not in receipted]
    complaints = ["lost " + str(missing)] if missing else []
    if kept and (not note or int(note) < int(kept[max(kept)])):
        complaints.append("note " + str(note) + " after " + str(kept[max(kept)]))
    seq = outbox.append(reading(99), NOW + 1000, 99)
    if not seq or (kept and seq <= max(kept)):
        complaints.append("repeats number " + str(seq))
    return complaints


def test_no_clean_cut_loses_a_message_a_note_or_a_number():
    cuts, complaints = cut_everywhere(formatted(BLOCKS), work, judge, torn=False)
    assert cuts > 50, cuts
    assert complaints == [], complaints


def test_no_torn_cut_loses_a_message_a_note_or_a_number():
    cuts, complaints = cut_everywhere(formatted(BLOCKS), work, judge, torn=True)
    assert cuts > 50, cuts
    assert complaints == [], complaints


def test_a_write_that_stays_in_a_cache_is_seen_as_a_loss():
    cached = []

    def forgetful(path: str, record: bytes) -> None:
        """Returns at once; the record before reaches the flash."""
        cached.append((path, record))
        if len(cached) > 1:
            segment.append(*cached.pop(0))

    def working(log: dict, flash: Flash) -> None:
        cached.clear()
        work(log, flash)

    owner.append = forgetful
    try:
        _, complaints = cut_everywhere(formatted(BLOCKS), working, judge, False, range(20, 60, 5))
    finally:
        owner.append = segment.append
    assert len(complaints) > 3, complaints


def test_a_full_flash_keeps_what_it_has():
    mounted(Flash(formatted(BLOCKS)))
    outbox = Outbox(FOLDER, limit=10**6)
    kept = []
    for number in range(2000):
        seq = outbox.append(reading(number), NOW + number, number)
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
    assert outbox.append(reading(1), NOW + 5000, 5000)
    assert os.statvfs("/flash")[3] > 2
    unmounted()
