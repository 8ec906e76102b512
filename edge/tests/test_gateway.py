"""One line's schedule: every meter at its period, a silent one costs nobody else, a broken line is opened again."""

import asyncio
from collections.abc import Callable

import pytest

from edge import gateway
from edge.config import Meter
from edge.errors import DeviceError, LineError
from edge.gateway import Stamps, next_due, poll
from edge.mbus.quantity import Values


class FakeBus:
    """Answers by thing, or raises what it was given; notes what was asked."""

    def __init__(self, answers: dict[str, Values | Exception]) -> None:
        self.answers = answers
        self.asked: list[str] = []
        self.closed = 0
        self.after: Callable[[], None] = lambda: None

    async def read(self, meter: Meter) -> Values:
        self.asked.append(meter.thing)
        self.after()
        answer = self.answers[meter.thing]
        if isinstance(answer, Exception):
            raise answer
        return answer

    def close(self) -> None:
        self.closed += 1


def meter(thing: str, period: int = 3600) -> Meter:
    return Meter(thing=thing, primary_address=1, period=period)


async def run_until(polling: asyncio.Task[None], is_true: Callable[[], bool]) -> None:
    async with asyncio.timeout(5):
        while not is_true():  # noqa: ASYNC110 - one turn of the loop at a time, no time passes
            await asyncio.sleep(0)
    polling.cancel()


async def test_every_meter_is_read_at_start_and_a_silent_one_is_left_behind() -> None:
    bus = FakeBus({"a": {"voltage": (230, 0)}, "b": DeviceError("no answer"), "c": {"voltage": (231, 0)}})
    kept: dict[str, Values] = {}
    polling = asyncio.create_task(poll("cellar", bus, [meter("a"), meter("b"), meter("c")], kept.__setitem__))
    await run_until(polling, lambda: len(kept) == 2)
    assert bus.asked == ["a", "b", "c"]
    assert kept == {"a": {"voltage": (230, 0)}, "c": {"voltage": (231, 0)}}
    assert bus.closed == 0


async def test_a_broken_line_is_closed_and_the_same_meter_asked_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gateway, "_FIRST_WAIT", 0.01)
    bus = FakeBus({"a": LineError("gone")})
    kept: dict[str, Values] = {}

    def mend_at_the_third_time() -> None:
        if len(bus.asked) == 3:
            bus.answers["a"] = {"voltage": (230, 0)}

    bus.after = mend_at_the_third_time
    polling = asyncio.create_task(poll("cellar", bus, [meter("a")], kept.__setitem__))
    await run_until(polling, lambda: "a" in kept)
    assert (bus.asked, bus.closed) == (["a", "a", "a"], 2)


async def test_a_refused_reading_is_this_meters_trouble_alone() -> None:
    bus = FakeBus({"a": {"voltage": (1, 0)}, "b": {"voltage": (2, 0)}})
    kept: list[str] = []

    def keep(thing: str, _values: Values) -> None:
        if thing == "a":
            raise DeviceError("values.voltage: more than 15 digits")
        kept.append(thing)

    polling = asyncio.create_task(poll("cellar", bus, [meter("a"), meter("b")], keep))
    await run_until(polling, lambda: kept == ["b"])


@pytest.mark.parametrize(
    ("now", "expected"),
    [(100.0, 110.0), (103.0, 110.0), (110.0, 120.0), (137.5, 140.0)],
)
def test_missed_periods_are_not_made_up_for_and_the_rhythm_is_kept(now: float, expected: float) -> None:
    assert next_due(100.0, now, 10.0) == expected


def test_a_clock_that_steps_back_never_gives_one_thing_the_same_instant_twice() -> None:
    times = iter([1000, 1000, 500, 2000, 400])
    stamps = Stamps(lambda: next(times))
    assert [stamps.stamp(thing) for thing in ("a", "a", "a", "a", "b")] == [1000, 1001, 1002, 2000, 400]
