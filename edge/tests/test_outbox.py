"""The outbox: nothing leaves it but by receipt or, counted, for want of room."""

import json
import sqlite3
from pathlib import Path
from typing import Any

import pytest

from edge.errors import ConfigError
from edge.outbox import NORMAL, URGENT, Message, Outbox, open_outbox
from firmware.contract import ContractError, decode_reading


def reading(number: int = 1) -> list[dict[str, Any]]:
    return [{"thing": "wm-1", "at": number, "values": {"water_volume": (number, -3)}}]


def seqs(outbox: Outbox, lane: int = NORMAL) -> list[int]:
    return [message.seq for message in outbox.unreceived(lane, 0, 10**6)]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "outbox.sqlite"


def test_messages_are_numbered_from_one_and_carry_their_number(path: Path) -> None:
    outbox = open_outbox(path, 2**20)
    assert [outbox.append(reading(number)) for number in (1, 2)] == [1, 2]
    message = decode_reading(outbox.unreceived(NORMAL, 0, 9)[1].payload)
    assert (message["outbox"], message["seq"]) == (outbox.id, 2)
    assert b"0.002" in outbox.unreceived(NORMAL, 0, 9)[1].payload


def test_the_numbers_go_on_after_reopening_even_when_nothing_is_left(path: Path) -> None:
    outbox = open_outbox(path, 2**20)
    outbox.append(reading())
    outbox.received([[1, 1]])
    name = outbox.id
    outbox.close()
    again = open_outbox(path, 2**20)
    assert (again.id, again.append(reading())) == (name, 2)


def test_only_a_receipt_ends_the_wait_and_the_message_stays_until_room_is_needed(path: Path) -> None:
    outbox = open_outbox(path, 2**20)
    for number in range(1, 6):
        outbox.append(reading(number))
    assert outbox.received([[1, 2], [4, 4]]) == [1, 2, 4]
    assert seqs(outbox) == [3, 5]
    assert outbox.message(4) is None
    outbox.close()
    assert sqlite3.connect(path).execute("SELECT count(*) FROM message").fetchone() == (5,)


def test_the_urgent_lane_is_apart_and_dropped_last(path: Path) -> None:
    size = len(json.dumps(reading())) + 60
    outbox = open_outbox(path, 3 * size)
    outbox.append(reading(), URGENT)
    for number in range(2, 9):
        outbox.append(reading(number))
    assert seqs(outbox, URGENT) == [1]
    assert outbox.counts().dropped[0][0] == 2


def test_at_the_bound_the_receipted_go_first_and_what_has_no_receipt_is_counted(path: Path) -> None:
    outbox = open_outbox(path, 1000)
    for number in range(1, 8):
        outbox.append(reading(number))
    outbox.received([[3, 4]])
    before = outbox.counts().dropped
    while seqs(outbox)[0] == 1 and len(seqs(outbox)) < 50:
        outbox.append(reading(1))
        if outbox.counts().dropped != before:
            break
    dropped = outbox.counts().dropped
    assert dropped[0][0] == 1
    kept = seqs(outbox)
    assert not set(kept) & {seq for first, last in dropped for seq in range(first, last + 1)}
    assert outbox.message(3) is None


def test_neighbouring_drops_are_one_range(path: Path) -> None:
    outbox = open_outbox(path, 400)
    for number in range(1, 21):
        outbox.append(reading(number))
    ((first, last),) = outbox.counts().dropped
    assert first == 1
    assert last + 1 == outbox.counts().oldest_seq
    assert outbox.counts().next_seq == 21


def test_a_full_disk_keeps_what_it_has_and_counts_what_it_cannot_keep(path: Path) -> None:
    outbox = open_outbox(path, 2**30)
    outbox._connection.execute("PRAGMA max_page_count = 20").fetchall()
    kept = []
    while (seq := outbox.append(reading(len(kept) + 1))) is not None:
        kept.append(seq)
    assert len(kept) > 20
    assert outbox.append(reading()) is None
    assert seqs(outbox) == kept
    assert outbox.counts().dropped == [[len(kept) + 1, len(kept) + 2]]
    outbox._connection.execute("PRAGMA max_page_count = 1000").fetchall()
    assert outbox.append(reading()) == len(kept) + 3
    outbox.close()
    again = open_outbox(path, 2**30)
    assert again.counts().dropped == [[len(kept) + 1, len(kept) + 2]]
    assert seqs(again) == [*kept, len(kept) + 3]


def test_a_full_disk_gives_the_room_of_receipted_messages(path: Path) -> None:
    outbox = open_outbox(path, 2**30)
    outbox._connection.execute("PRAGMA max_page_count = 20").fetchall()
    count = 0
    while count < 60:
        outbox.append(reading())
        count += 1
    outbox.received([[1, 60]])
    for _ in range(500):
        seq = outbox.append(reading())
        if seq is None:
            break
        outbox.received([[seq, seq]])
    assert outbox.counts().dropped == []


def test_a_reading_that_no_collector_would_take_is_refused_and_takes_no_number(path: Path) -> None:
    outbox = open_outbox(path, 2**20)
    with pytest.raises(ContractError, match="unknown quantity"):
        outbox.append([{"thing": "wm-1", "at": 1, "values": {"wather": 1}}])
    assert outbox.append(reading()) == 1


def test_a_second_gateway_on_the_same_outbox_is_refused(path: Path) -> None:
    outbox = open_outbox(path, 2**20)
    with pytest.raises(ConfigError, match="another gateway has it open"):
        open_outbox(path, 2**20)
    outbox.close()


def test_a_place_that_cannot_be_written_and_a_file_that_is_no_outbox_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="unable to open"):
        open_outbox(tmp_path / "absent" / "outbox.sqlite", 2**20)
    (tmp_path / "other").write_text("not a database, but long enough to be looked at" * 20)
    with pytest.raises(ConfigError, match="not a database"):
        open_outbox(tmp_path / "other", 2**20)


def test_what_was_received_can_be_asked_for_again(path: Path) -> None:
    outbox = open_outbox(path, 2**20)
    for number in range(1, 6):
        outbox.append(reading(number))
    outbox.received([[1, 4]])
    assert outbox.replay(2, 9) == [2, 3, 4]
    assert seqs(outbox) == [2, 3, 4, 5]
    assert outbox.counts().unreceived == 4


def test_the_last_instant_and_the_readouts_of_the_day_are_remembered(path: Path) -> None:
    outbox = open_outbox(path, 2**20)
    day = 86_400_000
    for at in (5, 6, day + 1, day + 9):
        outbox.append(reading(at))
    outbox.close()
    again = open_outbox(path, 2**20)
    assert again.last(day + 10) == {"wm-1": (day + 9, 2)}
    assert again.last(2 * day) == {"wm-1": (day + 9, 0)}


def test_at_the_bound_of_a_full_outbox_an_append_stays_quick(path: Path) -> None:
    outbox = open_outbox(path, 2**20)
    number = 0
    while not outbox.dropped():
        number += 1
        outbox._insert(Message(number, NORMAL, "reading", b"x" * 20), 0, lambda: None)
        outbox._next_seq = number + 1
    plan = outbox._connection.execute(
        "EXPLAIN QUERY PLAN SELECT seq FROM message WHERE NOT received ORDER BY lane, seq LIMIT 1"
    ).fetchall()
    assert "unreceived" in str(plan)
    assert "TEMP B-TREE" not in str(plan)  # no sorting of a million messages for each one that goes
