"""When a device is asked: aligned to the clock, by its battery, and a dead one costs the others next to nothing."""

import asyncio
import itertools
from dataclasses import dataclass

import pytest

from edge.config import Meter
from edge.errors import DeviceError
from edge.mbus.quantity import Values
from edge.modbus.register import Table
from edge.owner import Owner
from edge.schedule import FIRST_BACKOFF, LONGEST_BACKOFF, Schedule
from edge.tests.virtual_time import run_virtually

NOON = 1_795_392_000.0  # a full hour (s since 1970)


def device(thing: str = "a", **changes: int) -> Meter:
    return Meter(thing=thing, primary_address=1, **{"period": 60, **changes})


def times(schedule: Schedule, wall: float, seconds: float, steps: dict[float, float] | None = None) -> list[float]:
    """At which steady seconds the one device is read, when each readout takes a second; the clock may step."""
    read: list[float] = []
    now = 0.0
    steps = dict(steps or {})
    while now < seconds:
        for moment in [moment for moment in steps if moment <= now]:
            wall += steps.pop(moment)
        thing, pause = schedule.next(now, wall + now)
        if thing is None:
            now += pause
            continue
        read.append(now)
        now += 1
        schedule.answered(thing, now, wall + now)
    return read


def test_readings_stand_at_full_periods_of_the_clock() -> None:
    assert times(Schedule([device()], 0.0), NOON + 17, 200) == [0.0, 43.0, 103.0, 163.0]


def test_the_first_reading_counts_for_a_full_period_that_is_near() -> None:
    assert times(Schedule([device()], 0.0), NOON + 50, 100) == [0.0, 70.0]


def test_jitter_is_bounded_each_things_own_and_always_the_same() -> None:
    moments = {}
    for name in "abcdefgh":
        read = times(Schedule([device(name, jitter=20)], 0.0), NOON, 300)[1:]
        offsets = {round(moment % 60, 6) for moment in read}
        assert len(offsets) == 1
        moments[name] = offsets.pop()
    assert all(0 <= offset < 20 for offset in moments.values())
    assert len(set(moments.values())) == 8


@pytest.mark.parametrize("step", [3600.0, -3600.0, 1234.5, -1234.5])
def test_a_step_of_the_clock_costs_no_reading(step: float) -> None:
    read = times(Schedule([device()], 0.0), NOON, 600, {200.0: step})
    gaps = [later - earlier for earlier, later in itertools.pairwise(read)]
    assert max(gaps) <= 90
    assert len(read) >= 9


def test_a_battery_is_asked_so_often_a_day_and_again_after_midnight() -> None:
    schedule = Schedule([device(period=43200, readouts_per_day=2)], 0.0, {"a": 2})
    assert schedule.next(0.0, NOON)[0] is None
    until_midnight = 86400 - NOON % 86400
    assert schedule.next(until_midnight, NOON + until_midnight)[0] == "a"


def test_a_device_that_fails_is_asked_ever_more_rarely_and_an_answer_ends_it() -> None:
    schedule = Schedule([device()], 0.0)
    waits = [schedule.failed("a", 0.0) for _ in range(12)]
    assert waits[:3] == [FIRST_BACKOFF, 2 * FIRST_BACKOFF, 4 * FIRST_BACKOFF]
    assert waits[-1] == LONGEST_BACKOFF
    schedule.answered("a", 1000.0, NOON)
    assert schedule.failures() == {"a": 0}
    assert schedule.failed("a", 1000.0) == FIRST_BACKOFF


def test_who_answers_goes_before_a_suspect_but_a_suspect_is_not_forgotten() -> None:
    schedule = Schedule([device("good"), device("bad")], 0.0)
    schedule.answered("good", 0.0, NOON)
    schedule.failed("bad", 0.0)
    assert schedule.next(120.0, NOON)[0] == "good"
    assert schedule.next(400.0, NOON)[0] == "bad"


def test_a_suspect_is_not_probed_when_its_timeout_would_make_others_late() -> None:
    schedule = Schedule([device("good", period=10), device("bad", period=10)], 0.0)
    assert schedule.next(0.0, NOON)[0] == "good"
    schedule.answered("good", 0.0, NOON)
    assert schedule.next(0.0, NOON)[0] == "bad"
    schedule.failed("bad", 2.0)
    assert schedule.next(9.0, NOON + 9) == (None, 1.0)
    assert schedule.next(7.9, NOON + 7)[0] == "bad"


def test_only_what_changed_is_planned_anew() -> None:
    schedule = Schedule([device("a"), device("b")], 0.0)
    for thing in "ab":
        schedule.answered(thing, 0.0, NOON)
    assert schedule.replace([device("a"), device("b", period=30), device("c")], 10.0) == (["b", "c"], [])
    assert {schedule.next(10.0, NOON)[0]} == {"b"}
    assert schedule.replace([device("a")], 10.0) == ([], ["b", "c"])
    assert schedule.next(10.0, NOON)[0] is None


@dataclass
class Line:
    """50 meters, 60 ms each; ten of them never answer, which costs a timeout and the silence after it."""

    async def read(self, meter: Meter) -> Values:
        if meter.address % 5 == 0:
            await asyncio.sleep(2.25)
            raise DeviceError("no answer")
        await asyncio.sleep(0.06)
        return {"voltage": (230, 0)}

    async def write(self, meter: Meter, table: Table, address: int, words: list[int]) -> None:
        raise DeviceError("nothing is written here")

    def close(self) -> None:
        return


async def day_of_polling(period: int) -> dict[str, list[float]]:
    loop = asyncio.get_running_loop()
    read: dict[str, list[float]] = {}
    meters = [Meter(thing=f"em-{number}", unit_id=number, period=period) for number in range(1, 51)]
    owner = Owner(
        "hall", Line(), meters, lambda thing, _: read.setdefault(thing, []).append(loop.time()),
        wall=lambda: NOON + loop.time(),
    )  # fmt: skip
    try:
        async with asyncio.timeout(86400):
            await owner.run()
    except TimeoutError:
        return read


@pytest.mark.parametrize("period", [10, 60])
def test_with_10_of_50_dead_the_others_keep_their_period(period: int) -> None:
    read = run_virtually(day_of_polling(period))
    gaps = sorted(b - a for moments in read.values() for a, b in itertools.pairwise(moments))
    p99 = gaps[int(len(gaps) * 0.99)]
    print(f"period {period} s, 10 of 50 dead, a day: {len(gaps)} gaps, p99 {p99:.2f} s, longest {gaps[-1]:.2f} s")  # noqa: T201 - figures
    assert len(read) == 40
    assert len(gaps) > 40 * 86400 / period * 0.98
    assert p99 <= 1.2 * period
