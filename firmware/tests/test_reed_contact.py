"""Every pulse of a contact that bounces counts once, and nothing else does. Runs on both interpreters."""

import random

from firmware.drivers.reed_contact import count_pulses, settle

MS = 1000


def test_a_clean_pulse_counts_once():
    edges = [(100 * MS, 0), (160 * MS, 1)]
    assert count_pulses(edges, 200 * MS, False) == (1, 2, False)


def test_bounces_do_not_count():
    edges = [(0, 0), (300, 1), (5 * MS, 0), (65 * MS, 1), (66 * MS, 0), (70 * MS, 1)]
    assert count_pulses(edges, 100 * MS, False) == (1, 6, False)


def test_a_closure_that_is_briefly_broken_counts_once():
    edges = [(0, 0), (50 * MS, 1), (52 * MS, 0), (110 * MS, 1)]
    assert count_pulses(edges, 200 * MS, False) == (1, 4, False)


def test_a_spark_is_no_pulse():
    assert count_pulses([(0, 0), (10 * MS, 1)], 100 * MS, False) == (0, 2, False)


def test_an_edge_that_has_not_settled_is_given_again():
    assert count_pulses([(0, 0)], 19 * MS, False) == (0, 0, False)
    assert count_pulses([(0, 0)], 20 * MS, False) == (1, 1, True)
    assert count_pulses([], 10**9, True) == (0, 0, True)


def test_each_settled_change_has_its_own_time():
    edges = [(0, 0), (300, 1), (5 * MS, 0), (65 * MS, 1)]
    assert settle(edges, 90 * MS, False) == ([(5 * MS, True, 3), (65 * MS, False, 4)], 4)


def bounce(now: int, level: int) -> tuple:
    """Up to four bounces of 0.1 to 8 ms, then the level; return (edges, when it is quiet)."""
    edges = []
    for _ in range(random.randrange(5)):
        edges += [(now, level), (now + random.randrange(100, 8000), 1 - level)]
        now = edges[-1][0] + random.randrange(100, 8000)
    return edges + [(now, level)], now


def test_ten_thousand_bouncing_pulses_are_counted_exactly_however_they_are_cut():
    random.seed(11)
    total, low, now, waiting, expected = 0, False, 0, [], 0
    while expected < 10000:
        for level in (0, 1):
            edges, now = bounce(now, level)
            waiting += edges
            now += random.randrange(21 * MS, 90 * MS)  # the level stands
        expected += 1
        if random.randrange(3) and expected < 10000:
            continue
        cut = now if expected == 10000 else waiting[-1][0] - random.randrange(-21 * MS, 130 * MS)
        given = [edge for edge in waiting if edge[0] <= cut]
        pulses, consumed, low = count_pulses(given, cut, low)
        total += pulses
        waiting = waiting[consumed:]
    pulses, consumed, low = count_pulses(waiting, now, low)
    assert total + pulses == 10000
