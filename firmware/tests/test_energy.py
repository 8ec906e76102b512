"""The ledger counts what the battery was spent on, over any number of sleeps."""

from firmware.energy import AWAKE, RADIO, SENSOR, Ledger


def test_a_wake_counts_what_was_on_and_how_long():
    ledger = Ledger(0)
    ledger.on(SENSOR, 10)
    ledger.off(SENSOR, 30)
    ledger.on(RADIO, 40)
    assert (ledger.spent(AWAKE, 100), ledger.spent(RADIO, 100), ledger.spent(SENSOR, 100)) == (100, 60, 20)
    ledger.off(RADIO, 100)
    ledger.off(RADIO, 200)
    assert ledger.spent(RADIO, 300) == 60, "switched off is off"


def test_what_was_never_on_cost_nothing():
    ledger = Ledger(0)
    ledger.off(SENSOR, 50)
    assert ledger.totals(50) == [50, 0, 0, 1]


def test_the_next_wake_goes_on_counting():
    ledger = Ledger(0)
    ledger.on(RADIO, 10)
    following = Ledger(5, ledger.totals(100))
    assert following.totals(25) == [120, 90, 0, 2]
    assert following.wakes == 2
