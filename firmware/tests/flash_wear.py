"""How long does the flash last? Days of messages on a simulated 2 MiB partition, counted in erases of blocks.

A block of NOR flash is taken to bear 100,000 erases (the usual figure of datasheets, from memory). LittleFS levels wear
only dynamically, so two figures are given: with the wear spread evenly, and by the block that was erased most.
"""

from firmware.outbox import Outbox
from firmware.tests.flash import Flash, formatted, mounted, unmounted

BLOCKS = 512
ENDURANCE = 100000
NOW = 1795392000000
DAY_MS = 86400000
FOLDER = "/flash/outbox"


def year_of(days: int) -> str:
    return str(days // 365) + "." + str(days * 10 // 365 % 10)


def lived(name: str, days: int, a_day) -> tuple:
    """Run ``a_day(day)`` for some days on an empty partition; (years at even wear, years of the worst block)."""
    flash = Flash(formatted(BLOCKS))
    mounted(flash)
    Outbox(FOLDER)
    before, written = list(flash.erases), flash.written
    for day in range(days):
        a_day(day)
    unmounted()
    erases = [after - early for after, early in zip(flash.erases, before)]
    total = max(sum(erases) // days, 1)
    even = ENDURANCE * BLOCKS // total
    worst = ENDURANCE * days // max(*erases, 1)
    kilobytes = (flash.written - written) // days // 1024
    print(
        name
        + ": "
        + str(kilobytes)
        + " KiB and "
        + str(total)
        + " erases a day: "
        + year_of(even)
        + " years at even wear, "
        + year_of(worst)
        + " for the worst block of this run"
    )
    return even // 365, worst // 365


def awake(readings: list):
    """A node on the mains: each reading is published and receipted before the next."""

    opened = []

    def a_day(day: int) -> None:
        if not opened:
            opened.append(Outbox(FOLDER))
        outbox = opened[0]
        for number, reading in enumerate(readings):
            at = day * DAY_MS + number * (DAY_MS // len(readings))
            seq = outbox.append(reading, NOW + at, at, urgent="occupancy" in reading["values"], note=NOTE)
            outbox.take(True) or outbox.take(False)
            outbox.receipt([[seq, seq]])

    return a_day


def parking(changes: int, heartbeats: int) -> list:
    changed = {"thing": "spot-0001", "values": {"occupancy": "free", "distance": (2100, -3)}}
    beat = {"thing": "spot-0001", "values": {"distance": (2100, -3), "magnetic_field": (481, -1)}}
    return [changed] * changes + [beat] * heartbeats


def water(events: int) -> list:
    hour = {"thing": "wm-0001", "values": {"water_volume": (561080, -3), "water_flow": (120, -3), "water_flags": 0}}
    return [hour] * (24 + events)


def asleep(reading: dict, wakes: int, every: int):
    """A node that starts anew ``wakes`` times a day, with a message in each ``every``-th of them."""
    done = [("", 0)]

    def a_day(day: int) -> None:
        for wake in range(wakes):
            outbox = Outbox(FOLDER, done=done[0])
            if not wake % every:
                at = day * DAY_MS + wake * (DAY_MS // wakes)
                seq = outbox.append(reading, NOW + at, 100, urgent="occupancy" in reading["values"], note=NOTE)
                outbox.take(True) or outbox.take(False)
                outbox.receipt([[seq, seq]])
            done[0] = (outbox.id, outbox.oldest_seq())

    return a_day


NOTE = b"n" * 40


def test_a_parking_node_of_twenty_changes_and_a_heartbeat_each_quarter_of_an_hour_lasts_twenty_years():
    even, worst = lived("parking, 20 changes and 96 heartbeats", 4, awake(parking(20, 96)))
    assert even >= 1000, even
    assert worst >= 20, worst


def test_a_water_node_with_a_reading_an_hour_and_ten_events_lasts_twenty_years():
    even, worst = lived("water, hourly and 10 events", 8, awake(water(10)))
    assert even >= 1000, even
    assert worst >= 20, worst


def test_a_parking_node_that_starts_anew_every_ten_seconds_lasts_twenty_years():
    even, worst = lived("parking on a battery, 8640 wakes and 116 messages", 1, asleep(parking(1, 0)[0], 8640, 75))
    assert even >= 1000, even
    assert worst >= 20, worst
