"""What became of a command waits in the outbox like a reading, and goes first."""

from firmware import record
from firmware.contract import ContractError
from firmware.outbox import Outbox
from firmware.tests.outbox_filling import NOW, drained, fill, fresh, numbers, reading


def answer(status: str = "done") -> dict:
    return {"id": "c-1", "status": status, "values": {"valve_position": 0}}


def test_a_result_is_urgent_and_says_its_channel():
    outbox = Outbox(fresh("result"))
    fill(outbox, 2)
    assert outbox.append_result(answer(), NOW + 5000, 5000) == 3
    taken = outbox.take(True)
    wanted = '{"at":1795392005000,"id":"c-1","outbox":"%s","seq":3,"status":"done","values":{"valve_position":0}}'
    assert taken == (3, "result", (wanted % outbox.id).encode())
    assert outbox.read(3) == taken
    assert outbox.receipt([[3, 3]]) == [3]
    assert numbers(outbox) == [1, 2]


def test_a_result_survives_a_restart_and_leaves_the_note_alone():
    path = fresh("result_restart")
    outbox = Outbox(path)
    outbox.append(reading(), NOW, 1, note=b"total 7")
    outbox.append_result(answer("accepted"), NOW + 1, 2)
    again = Outbox(path)
    assert again.note == b"total 7"
    assert again.take(True)[1] == "result"


def test_a_result_without_a_clock_is_stamped_later_or_has_no_stamp():
    path = fresh("result_clockless")
    Outbox(path).append_result(answer("failed"), None, 1000)
    outbox = Outbox(path)
    outbox.append_result(answer(), None, 2000)
    outbox.set_clock(NOW, 4000)
    earlier, now = drained(outbox)
    assert "at" not in earlier
    assert now["at"] == NOW - 2000


def test_a_result_that_breaks_the_contract_never_enters():
    outbox = Outbox(fresh("result_door"))
    for wrong in ({"id": "C 1", "status": "done"}, {"id": "c-1", "status": "maybe"}):
        for now in (NOW, None):
            try:
                outbox.append_result(wrong, now, 1)
            except ContractError:
                continue
            raise AssertionError("it entered")
    assert outbox.next_seq == 1


def test_a_result_that_fits_only_without_its_stamp_never_enters():
    outbox = Outbox(fresh("result_stamp"))
    limit, record.NODE_LIMIT = record.NODE_LIMIT, 300
    try:
        said, sizes = sizes_that_enter(outbox)
    finally:
        record.NODE_LIMIT = limit
    assert said == "message: 285 bytes, at most 284 fit", said
    assert max(sizes) <= 300, sizes
    assert max(sizes) > 290, sizes


def sizes_that_enter(outbox: Outbox) -> tuple:
    """Ever longer results, until one is refused: (the refusal, the sizes with their stamps)."""
    sizes = []
    for size in range(256):
        try:
            seq = outbox.append_result({"id": "c-1", "status": "failed", "reason": "x" * size}, None, 1)
        except ContractError as error:
            return str(error), sizes
        outbox.set_clock(NOW, 1)
        sizes.append(len(outbox.take(True)[2]))
        outbox.receipt([[seq, seq]])
    raise AssertionError("all entered")
