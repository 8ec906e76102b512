"""The newest message can leave before its turn, and nothing else notices."""

from firmware.outbox import Outbox
from firmware.tests.outbox_filling import NOW, fill, fresh, logs, numbers, reading


def test_the_newest_is_given_before_older_ones_and_not_again():
    outbox = Outbox(fresh("newest"))
    fill(outbox, 4)
    assert outbox.take(False)[0] == 1
    assert outbox.take_newest()[0] == 4
    assert outbox.take_newest() is None
    assert numbers(outbox) == [2, 3]
    assert (outbox.depth(), outbox.oldest_seq()) == (4, 1)
    assert outbox.read(4)[0] == 4


def test_a_receipt_of_the_newest_leaves_the_others_and_the_counts_right():
    path = fresh("newest_receipt")
    outbox = Outbox(path, segment=300)
    fill(outbox, 9)
    outbox.take_newest()
    assert outbox.receipt([[9, 9]]) == [9]
    assert (outbox.depth(), outbox.oldest_seq()) == (8, 1)
    fill(outbox, 1, 20)
    assert outbox.take_newest()[0] == 10
    assert numbers(outbox) == [1, 2, 3, 4, 5, 6, 7, 8]
    assert sorted(outbox.receipt([[1, 99]])) == [1, 2, 3, 4, 5, 6, 7, 8, 10]
    assert (outbox.depth(), outbox.oldest_seq()) == (0, 11)
    fill(outbox, 3, 30)
    assert numbers(outbox) == [11, 12, 13]
    outbox.receipt([[1, 99]])
    assert len(logs(path)) == 1


def test_nothing_is_newest_in_a_boot_that_kept_nothing_or_when_it_had_its_turn():
    path = fresh("newest_none")
    fill(Outbox(path), 2)
    outbox = Outbox(path)
    assert outbox.take_newest() is None
    fill(outbox, 1, 50)
    assert numbers(outbox) == [1, 2, 3]
    assert outbox.take_newest() is None
    outbox.receipt([[1, 3]])
    assert outbox.take_newest() is None


def test_the_newest_without_a_stamp_keeps_its_turn():
    outbox = Outbox(fresh("newest_pending"))
    outbox.append(reading(), None, 1000)
    assert outbox.take_newest() is None
    outbox.set_clock(NOW, 5000)
    assert outbox.take_newest()[0] == 1
    assert numbers(outbox) == []


def test_a_probing_node_does_not_remember_more_than_it_keeps():
    outbox = Outbox(fresh("probing"), segment=300)
    for number in range(60):
        fill(outbox, 1, number)
        outbox.take_newest()
        outbox.receipt([[number + 1, number + 1]])
    assert len(outbox._ahead) <= 3
    assert outbox.depth() == 0
