"""When is a message published again? The clock is a number here."""

from firmware.due import FIRST_MS, LONGEST_MS, SIZE, URGENT_SHARE, Due


def repeat(due: Due, seq: int, now: int) -> None:
    assert due.next(now) == seq
    due.published(seq, now)


def test_a_message_is_due_again_after_twice_the_redelivery_time_of_the_broker():
    due = Due()
    due.published(1, 0)
    assert FIRST_MS == 20000
    assert due.next(FIRST_MS - 1) is None
    assert due.next(FIRST_MS) == 1


def test_the_wait_doubles_up_to_an_hour():
    due, now, waits = Due(), 0, []
    due.published(1, now)
    for _ in range(10):
        begun = now
        while due.next(now) is None:
            now += 1000
        waits.append(now - begun)
        repeat(due, 1, now)
    assert waits[:4] == [20000, 40000, 80000, 160000]
    assert waits[-1] == LONGEST_MS == 3600000


def test_a_receipt_ends_it():
    due = Due()
    due.published(1, 0)
    due.receipted(1)
    due.receipted(2)
    assert due.next(10**9) is None
    assert len(due) == 0


def test_at_most_64_wait_for_a_receipt_and_the_last_places_are_for_urgent_ones():
    due = Due()
    for seq in range(SIZE - URGENT_SHARE):
        assert due.room(False)
        due.published(seq, 0)
    assert not due.room(False)
    for seq in range(SIZE - URGENT_SHARE, SIZE):
        assert due.room(True)
        due.published(seq, 0)
    assert not due.room(True)
    assert len(due) == 64


def test_a_new_connection_makes_all_due_once_and_the_timers_begin_anew():
    due = Due()
    for seq in (1, 2):
        due.published(seq, 0)
    due.connected(5000)
    repeat(due, 1, 5000)
    repeat(due, 2, 5000)
    assert due.next(5000) is None
    assert due.next(5000 + FIRST_MS) == 1


def test_nothing_is_repeated_while_the_collector_is_offline():
    due = Due()
    due.published(1, 0)
    due.collector(False, 5000)
    assert due.next(10**8) is None
    due.connected(10**8)
    assert due.next(10**8) is None


def test_when_the_collector_returns_a_message_waits_what_was_left_of_its_time():
    due = Due()
    due.published(1, 0)
    due.collector(False, 5000)
    due.collector(False, 7000)
    due.collector(True, 100000)
    assert due.next(114999) is None
    assert due.next(115000) == 1


def test_when_the_collector_returns_no_message_waits_longer_than_the_first_time():
    due, now = Due(), 0
    due.published(1, now)
    for _ in range(8):
        now += LONGEST_MS
        repeat(due, 1, now)
    due.collector(False, now)
    due.collector(True, now + 1000)
    assert due.next(now + 1000 + FIRST_MS) == 1
