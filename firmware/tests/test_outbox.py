"""The outbox forgets nothing that append returned for, and publishes nothing twice under another content."""

import os

from firmware import passport, segment
from firmware.contract import ContractError
from firmware.outbox import Outbox
from firmware.tests.outbox_filling import NOW, drained, fill, fresh, logs, numbers, reading


def test_what_was_appended_is_there_after_a_restart():
    path = fresh("restart")
    first = Outbox(path)
    assert fill(first, 3) == [1, 2, 3]
    again = Outbox(path)
    assert again.id == first.id
    assert (again.boot, first.boot) == (2, 1)
    assert [message["readings"][0]["at"] for message in drained(again)] == [NOW, NOW + 1000, NOW + 2000]


def test_a_message_is_these_bytes_and_the_same_each_time():
    outbox = Outbox(fresh("bytes"))
    outbox.append(reading(), NOW, 5)
    seq, channel, payload = outbox.take(False)
    wanted = '{"outbox":"%s","readings":[{"at":1795392000000,"thing":"spot-0001","values":{"distance":0.412}}],"seq":1}'
    assert (seq, channel, payload) == (1, "reading", (wanted % outbox.id).encode())
    assert outbox.read(1) == (1, "reading", payload)
    assert outbox.take(False) is None


def test_urgent_readings_go_first():
    outbox = Outbox(fresh("lanes"))
    fill(outbox, 3)
    outbox.append(reading(), NOW + 9000, 9000, urgent=True)
    assert numbers(outbox) == [4, 1, 2, 3]


def test_only_a_receipt_deletes():
    outbox = Outbox(fresh("receipt"))
    fill(outbox, 4)
    drained(outbox)
    assert outbox.depth() == 4
    assert sorted(outbox.receipt([[2, 3], [9, 99]])) == [2, 3]
    assert outbox.depth() == 2
    assert outbox.read(2) is None
    assert outbox.read(4) is not None
    assert outbox.oldest_seq() == 1
    outbox.receipt([[1, 4]])
    assert outbox.oldest_seq() == outbox.next_seq == 5


def test_a_segment_is_deleted_when_all_its_records_have_receipts():
    path = fresh("segments")
    outbox = Outbox(path, segment=512)
    fill(outbox, 30)
    many = len(logs(path))
    assert many > 5
    drained(outbox)
    outbox.receipt([[1, 30]])
    assert len(logs(path)) == 1


def test_numbers_never_repeat_though_everything_was_deleted():
    path, seen = fresh("numbers"), []
    for boot in range(8):
        outbox = Outbox(path, segment=300)
        seen += fill(outbox, 5, boot * 10)
        drained(outbox)
        outbox.receipt([[1, 10**6]])
    assert seen == list(range(1, 41))


def test_after_a_restart_at_most_one_segment_is_published_again():
    path = fresh("again")
    outbox = Outbox(path, segment=1024)
    for number in range(50):
        fill(outbox, 1, number)
        drained(outbox)
        outbox.receipt([[number + 1, number + 1]])
    assert len(numbers(Outbox(path, segment=1024))) <= 8


def test_the_note_of_the_newest_reading_survives_its_deletion():
    path = fresh("note")
    outbox = Outbox(path, segment=300)
    for number in range(20):
        outbox.append(reading(), NOW + number, number, urgent=number % 3 == 0, note=b"total %d" % number)
        drained(outbox)
        outbox.receipt([[1, number + 1]])
        assert Outbox(path, segment=300).note == b"total %d" % number


def test_a_torn_tail_costs_nothing_that_was_kept():
    for cut in (1, 5, 13, 14, 20, 60):
        path = fresh("torn")
        fill(Outbox(path), 3)
        record = segment.pack(segment.FINAL, 4, b"x" * 80)
        with open(path + "/n00000001.log", "ab") as file:
            file.write(record[:cut])
        outbox = Outbox(path)
        assert outbox.lost_bytes == cut
        assert outbox.append(reading(), NOW + 9000, 9000) == 4
        assert numbers(Outbox(path)) == [1, 2, 3, 4], cut


def test_damage_in_the_middle_costs_the_record_it_hit():
    path = fresh("rot")
    fill(Outbox(path), 5)
    with open(path + "/n00000001.log", "r+b") as file:
        octets = bytearray(file.read())
        octets[len(octets) // 2] ^= 0x40
        file.seek(0)
        file.write(octets)
    found = numbers(Outbox(path))
    assert len(found) == 4
    assert set(found) < {1, 2, 3, 4, 5}


def test_a_file_of_noise_is_no_crash():
    path = fresh("noise")
    Outbox(path)
    for name in ("n00000001.log", "u00000001.log", "passport", "n1x.log", "readme"):
        with open(path + "/" + name, "wb") as file:
            file.write(b"\xa5\x02" + os.urandom(600))
    outbox = Outbox(path)
    assert outbox.append(reading(), NOW, 1) == 1
    assert numbers(Outbox(path)) == [1]


def test_a_lost_passport_keeps_the_id_that_the_segments_name():
    path = fresh("passport")
    outbox = Outbox(path)
    fill(outbox, 2)
    os.remove(path + "/passport")
    again = Outbox(path)
    assert (again.id, again.boot, again.next_seq) == (outbox.id, 2, 3)


def test_an_outbox_whose_segments_are_gone_is_a_new_outbox():
    path = fresh("gone")
    outbox = Outbox(path)
    fill(outbox, 2)
    os.remove(path + "/n00000001.log")
    again = Outbox(path)
    assert again.id != outbox.id
    assert again.next_seq == 1


def test_a_full_outbox_keeps_what_it_has_and_counts_what_it_can_not_keep():
    path = fresh("full")
    outbox = Outbox(path, limit=1500, segment=512)
    kept = [seq for seq in fill(outbox, 20) if seq]
    assert kept == list(range(1, len(kept) + 1))
    assert 5 < len(kept) < 15
    assert outbox.dropped == [[len(kept) + 1, 20]]
    again = Outbox(path, limit=1500, segment=512)
    assert again.dropped == [[len(kept) + 1, 20]]
    assert again.next_seq == 21
    assert numbers(again) == kept
    again.receipt([[1, 2]])
    assert again.append(reading(), NOW + 10**6, 10**6) == 0  # its segment still holds another
    again.receipt([[1, 20]])
    assert again.append(reading(), NOW + 10**6 + 1, 10**6 + 1) == 22


def test_an_urgent_reading_finds_room_where_others_do_not():
    outbox = Outbox(fresh("reserve"), limit=1500, segment=512)
    fill(outbox, 20)
    assert outbox.append(reading(), NOW + 10**6, 10**6, urgent=True) == 21


def test_a_note_is_not_taken_over_from_a_reading_that_was_not_kept():
    outbox = Outbox(fresh("unkept"), limit=400, segment=512)
    outbox.append(reading(), NOW, 1, note=b"kept")
    while outbox.append(reading(), NOW, 1, note=b"kept"):
        pass
    outbox.append(reading(), NOW, 1, note=b"lost")
    assert outbox.note == b"kept"


def test_a_disk_that_fails_loses_nothing_that_was_kept():
    path = fresh("failing")
    outbox = Outbox(path)
    fill(outbox, 3)
    real = segment.sync
    segment.sync = failing_sync
    try:
        assert outbox.append(reading(), NOW + 5000, 5000) == 0
        assert outbox.append(reading(), NOW + 6000, 6000) == 0
    finally:
        segment.sync = real
    assert outbox.append(reading(), NOW + 7000, 7000) == 6
    assert outbox.dropped == [[4, 5]]
    assert numbers(outbox) == [1, 2, 3, 6]
    assert numbers(Outbox(path)) == [1, 2, 3, 6]


def failing_sync(_file: object) -> None:
    raise OSError(28, "no space left on device")


def test_a_reading_without_a_clock_is_stamped_when_time_arrives():
    path = fresh("clockless")
    outbox = Outbox(path)
    outbox.append(reading(), None, 2000)
    outbox.append(reading(), None, 3000)
    assert numbers(outbox) == []
    outbox.set_clock(NOW, 10000)
    first, second = drained(outbox)
    assert first["readings"][0]["at"] == NOW - 8000
    assert second["readings"][0] == {"thing": "spot-0001", "at": NOW - 7000, "values": {"distance": 0.412}}


def test_a_stamp_given_late_is_the_same_after_a_restart():
    path = fresh("frozen")
    outbox = Outbox(path)
    outbox.append(reading(), None, 2000)
    outbox.append(reading(), NOW, 10000)
    before = drained(outbox)
    again = Outbox(path)
    again.set_clock(NOW + 500000, 3)
    assert drained(again) == before


def test_a_reading_of_an_earlier_boot_that_never_got_time_is_estimated():
    path = fresh("estimated")
    fill(Outbox(path), 1, -1000)
    for _ in range(2):
        outbox = Outbox(path)
        outbox.append(reading(), None, 1000)
        outbox.append(reading(), None, 4000)
    outbox = Outbox(path)
    outbox.append(reading(), NOW, 6000)
    found = [message["readings"][0] for message in drained(outbox)]
    times = [one["at"] for one in found]
    assert times == sorted(times)
    assert len(set(times)) == 6
    assert times[-2] == NOW - 6000 - 1  # the boot before ended when this one began
    assert times[-2] - times[-3] == 3000
    assert [one.get("quality") for one in found] == [None] + [{"distance": "estimated"}] * 4 + [None]


def test_a_clock_that_steps_back_yields_one_millisecond_more():
    path = fresh("step")
    outbox = Outbox(path)
    for now in (NOW, NOW - 60000, NOW):
        outbox.append(reading(), now, 1)
    outbox = Outbox(path)
    outbox.append(reading(), NOW - 60000, 1)
    assert [one["readings"][0]["at"] - NOW for one in drained(outbox)] == [0, 1, 2, 3]


def test_what_breaks_the_contract_never_enters():
    outbox = Outbox(fresh("door"))
    for values in ({"happiness": 1}, {"distance": float("nan")}, {"notice": "x" * 300}):
        try:
            outbox.append({"thing": "spot-0001", "values": values}, NOW, 1)
        except ContractError:
            continue
        raise AssertionError("it entered")
    assert outbox.append(reading(), NOW, 1) == 1
    assert outbox.depth() == 1


def test_an_average_keeps_its_period_and_its_marks_also_when_its_stamp_is_estimated():
    path = fresh("average")
    average = {"thing": "n", "values": {"laeq": 61, "lafmax": 70}, "period": 60000, "quality": {"lafmax": "suspect"}}
    Outbox(path).append(average, None, 5000)
    outbox = Outbox(path)
    outbox.append(average, NOW, 9000)
    earlier, now = [message["readings"][0] for message in drained(outbox)]
    assert now["period"] == earlier["period"] == 60000
    assert now["quality"] == {"lafmax": "suspect"}
    assert earlier["quality"] == {"laeq": "estimated", "lafmax": "suspect"}


def test_a_wake_wears_no_flash_until_it_keeps_something_and_its_boot_is_its_own():
    path, boots, saved = fresh("wakes"), [], []
    outbox = Outbox(path)
    outbox.append(reading(), NOW, 1)
    real = passport.replace
    passport.replace = lambda path, _octets: saved.append(path)
    try:
        for wake in range(6):
            outbox = Outbox(path, done=(outbox.id, outbox.oldest_seq()))
            if wake % 2:
                outbox.append(reading(), None, 100 + wake)
                boots.append(outbox.boot)
    finally:
        passport.replace = real
    assert saved == []
    assert boots == [2, 3, 4]
    assert Outbox(path).boot == 5
