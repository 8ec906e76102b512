"""One line's owner: commands before reads, a silent meter costs nobody else, a broken line is opened again."""

import asyncio
from collections.abc import Callable

import pytest

from edge import owner as owners
from edge.config import Meter
from edge.errors import DeviceError, LineError
from edge.mbus.quantity import Values
from edge.modbus.register import Table
from edge.owner import COMMAND, SCAN, Owner


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
        await asyncio.sleep(0)
        answer = self.answers[meter.thing]
        if isinstance(answer, Exception):
            raise answer
        return answer

    async def write(self, meter: Meter, table: Table, address: int, words: list[int]) -> None:
        raise DeviceError("nothing is written here")

    def source(self, _thing: str) -> str:
        return ""

    def close(self) -> None:
        self.closed += 1


def meter(thing: str, period: int = 3600) -> Meter:
    return Meter(thing=thing, primary_address=1, period=period)


VOLTAGE: Values = {"voltage": (230, 0)}


async def run_until(polling: asyncio.Task[None], is_true: Callable[[], bool]) -> None:
    async with asyncio.timeout(120):
        while not is_true():  # noqa: ASYNC110 - one turn of the loop at a time, no time passes
            await asyncio.sleep(0)
    polling.cancel()


async def test_every_meter_is_read_at_start_and_a_silent_one_is_left_behind() -> None:
    bus = FakeBus({"a": VOLTAGE, "b": DeviceError("no answer"), "c": {"voltage": (231, 0)}})
    kept: dict[str, Values] = {}
    line = Owner("cellar", bus, [meter("a"), meter("b"), meter("c")], kept.__setitem__)
    await run_until(asyncio.create_task(line.run()), lambda: len(kept) == 2)
    assert bus.asked == ["a", "b", "c"]
    assert kept == {"a": VOLTAGE, "c": {"voltage": (231, 0)}}
    assert bus.closed == 0
    assert (line.health["b"].failures, line.health["b"].reason) == (1, "no answer")
    assert line.health["a"].readouts == 1


async def test_a_broken_line_is_closed_and_the_same_meter_asked_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(owners, "_FIRST_WAIT", 0.01)
    bus = FakeBus({"a": LineError("gone")})
    kept: dict[str, Values] = {}

    def mend_at_the_third_time() -> None:
        if len(bus.asked) == 3:
            bus.answers["a"] = VOLTAGE

    bus.after = mend_at_the_third_time
    line = Owner("cellar", bus, [meter("a")], kept.__setitem__)
    await run_until(asyncio.create_task(line.run()), lambda: "a" in kept)
    assert (bus.asked, bus.closed) == (["a", "a", "a"], 2)
    assert line.line_error == ""


async def test_a_refused_reading_is_this_meters_trouble_alone() -> None:
    bus = FakeBus({"a": VOLTAGE, "b": VOLTAGE})
    kept: list[str] = []

    def keep(thing: str, _values: Values) -> None:
        if thing == "a":
            raise DeviceError("values.voltage: more than 15 digits")
        kept.append(thing)

    line = Owner("cellar", bus, [meter("a"), meter("b")], keep)
    await run_until(asyncio.create_task(line.run()), lambda: kept == ["b"])


async def test_a_command_goes_before_reads_and_a_search_after_them() -> None:
    bus = FakeBus({"a": VOLTAGE, "b": VOLTAGE})
    line = Owner("cellar", bus, [meter("a"), meter("b")], lambda _thing, _values: None)

    async def job(name: str) -> str:
        bus.asked.append(name)
        return name

    search = asyncio.create_task(line.ask(SCAN, lambda _bus: job("search")))
    command = asyncio.create_task(line.ask(COMMAND, lambda _bus: job("command")))
    await asyncio.sleep(0)
    await run_until(asyncio.create_task(line.run()), lambda: len(bus.asked) == 4)
    assert bus.asked == ["command", "a", "b", "search"]
    assert (await search, await command) == ("search", "command")


async def test_what_goes_wrong_in_a_job_is_told_to_whoever_asked_and_the_line_goes_on() -> None:
    bus = FakeBus({"a": VOLTAGE})
    kept: list[str] = []
    line = Owner("cellar", bus, [meter("a")], lambda thing, _values: kept.append(thing))

    async def job(_bus: object) -> None:
        raise DeviceError("illegal data value")

    asked = asyncio.create_task(line.ask(COMMAND, job))
    await asyncio.sleep(0)
    await run_until(asyncio.create_task(line.run()), lambda: kept == ["a"])
    with pytest.raises(DeviceError, match="illegal data value"):
        await asked


async def test_a_meter_is_read_when_asked_and_in_its_rhythm_after_that() -> None:
    bus = FakeBus({"a": VOLTAGE})
    kept: list[str] = []
    line = Owner("cellar", bus, [meter("a")], lambda thing, _values: kept.append(thing))
    asked = asyncio.create_task(line.read_now("a"))
    await asyncio.sleep(0)
    polling = asyncio.create_task(line.run())
    assert await asked == VOLTAGE
    await asyncio.sleep(0.01)
    polling.cancel()
    assert kept == ["a"]  # the readout at the start was this one


async def test_new_meters_change_nothing_for_those_that_stay() -> None:
    bus = FakeBus({"a": VOLTAGE, "b": VOLTAGE, "c": VOLTAGE})
    line = Owner("cellar", bus, [meter("a"), meter("b")], lambda _thing, _values: None)
    polling = asyncio.create_task(line.run())
    while len(bus.asked) < 2:  # noqa: ASYNC110 - one turn of the loop at a time, no time passes
        await asyncio.sleep(0)
    assert line.replace([meter("a"), meter("c")]) == ["c", "b"]
    await run_until(polling, lambda: len(bus.asked) == 3)
    assert bus.asked == ["a", "b", "c"]
    assert set(line.health) == {"a", "c"}


async def test_read_now_does_not_go_beyond_what_a_battery_allows() -> None:
    bus = FakeBus({"a": VOLTAGE})
    weak = Meter(thing="a", primary_address=1, period=86400, readouts_per_day=1)
    line = Owner("cellar", bus, [weak], lambda _thing, _values: None, readouts={"a": 1})
    asked = asyncio.create_task(line.read_now("a"))
    await asyncio.sleep(0)
    polling = asyncio.create_task(line.run())
    with pytest.raises(DeviceError, match="as often today as its battery allows"):
        await asked
    polling.cancel()
    assert bus.asked == []
