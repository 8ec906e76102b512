"""When a message is due: the rules of repeating, with the clock in hand."""

from edge.due import FIRST_REPETITION, LONGEST_WAIT, RESERVED, WINDOW, Due


def test_a_message_is_repeated_after_twenty_seconds_then_ever_later_up_to_an_hour() -> None:
    due, now, waits = Due(), 0.0, []
    due.published(1, now)
    for _ in range(10):
        step = 0.0
        while not due.repetitions(now + step):
            step += 5.0
        waits.append(step)
        now += step
        due.published(1, now)
    assert waits[:4] == [FIRST_REPETITION, 40.0, 80.0, 160.0]
    assert max(waits) == LONGEST_WAIT == waits[-1]


def test_a_receipt_ends_the_waiting_and_makes_room() -> None:
    due = Due()
    for seq in range(1, 11):
        due.published(seq, 0.0)
    due.received([[1, 4], [9, 9]])
    assert due.repetitions(FIRST_REPETITION) == [5, 6, 7, 8, 10]
    assert due.room(urgent=True) == WINDOW - 5


def test_at_most_64_messages_wait_and_eight_places_are_for_the_urgent() -> None:
    due = Due()
    seq = 0
    while due.room(urgent=False):
        seq += 1
        due.published(seq, 0.0)
    assert seq == WINDOW - RESERVED
    while due.room(urgent=True):
        seq += 1
        due.published(seq, 0.0)
    assert seq == WINDOW


def test_a_new_connection_makes_what_waits_due_once_and_then_the_timer_counts_again() -> None:
    due = Due()
    due.published(7, 0.0)
    due.published(7, 20.0)
    due.connected(25.0)
    assert due.repetitions(25.0) == [7]
    due.published(7, 25.0)
    assert due.repetitions(25.0 + FIRST_REPETITION - 1) == []
    assert due.repetitions(25.0 + FIRST_REPETITION) == [7]


def test_nothing_is_sent_while_the_collector_says_it_is_offline() -> None:
    due = Due()
    due.published(1, 0.0)
    due.collector_online(is_online=False)
    assert due.repetitions(1000.0) == []
    assert due.room(urgent=True) == 0
    due.collector_online(is_online=True)
    assert due.repetitions(1000.0) == [1]


def test_what_left_the_outbox_is_forgotten() -> None:
    due = Due()
    due.published(1, 0.0)
    due.forget(1)
    assert due.repetitions(1000.0) == []
