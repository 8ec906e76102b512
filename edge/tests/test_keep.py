"""What becomes of a readout: its stamp, its lane, its place in the outbox."""

from pathlib import Path

import pytest

from edge.config import Alarm
from edge.errors import DeviceError
from edge.keep import Keeper, Stamps, Urgency
from edge.mbus.quantity import Values
from edge.outbox import NORMAL, URGENT, open_outbox


def test_a_clock_that_steps_back_never_gives_one_thing_the_same_instant_twice() -> None:
    times = iter([1000, 1000, 500, 2000, 400])
    stamps = Stamps(lambda: next(times))
    assert [stamps.stamp(thing) for thing in ("a", "a", "a", "a", "b")] == [1000, 1001, 1002, 2000, 400]


@pytest.mark.parametrize("hour", [3_600_000, -3_600_000])
def test_a_clock_that_steps_an_hour_while_the_gateway_is_off_gives_no_instant_twice(tmp_path: Path, hour: int) -> None:
    given: list[int] = []
    for start in (10_000_000, 10_000_000 + hour):
        outbox = open_outbox(tmp_path / "outbox.sqlite", 2**20)
        stamps = Stamps(lambda: start, {thing: one.at for thing, one in outbox.last(start).items()})  # noqa: B023 - used within its turn
        keeper = Keeper(outbox, lambda: None, stamps)
        for _ in range(3):
            keeper.keep("wm-1", {"water_volume": (1, 0)})
        given.append(outbox.last(start)["wm-1"].at)
        outbox.close()
    assert len(set(given)) == 2
    assert given[1] >= given[0] + 3


STATUS: list[tuple[str, int]] = [
    ("ok", NORMAL), ("alarm", URGENT), ("alarm", NORMAL), ("ok", URGENT), ("ok", NORMAL),
]  # fmt: skip


def test_a_status_that_changes_is_urgent_and_one_that_lasts_is_not() -> None:
    urgency = Urgency()
    assert [urgency.lane("a", {"status_code": code}) for code, _ in STATUS] == [lane for _, lane in STATUS]


def test_a_flood_is_urgent_when_it_comes_and_when_it_goes() -> None:
    urgency = Urgency({"sea": [Alarm(quantity="level", above="1.2")]})
    levels: list[tuple[Values, int]] = [
        ({"level": (11, -1)}, NORMAL), ({"level": (121, -2)}, URGENT), ({"level": (2, 0)}, NORMAL),
        ({"temperature": (20, 0)}, NORMAL), ({"level": (12, -1)}, URGENT), ({"level": (1, 0)}, NORMAL),
    ]  # fmt: skip
    assert [urgency.lane("sea", values) for values, _ in levels] == [lane for _, lane in levels]
    assert urgency.lane("river", {"level": (5, 0)}) == NORMAL
    urgency.replace({})
    assert urgency.lane("sea", {"level": (5, 0)}) == NORMAL


def test_an_alarm_needs_a_side() -> None:
    with pytest.raises(ValueError, match="above: either it or below"):
        Alarm(quantity="level")


def test_what_no_collector_would_take_is_the_meters_fault(tmp_path: Path) -> None:
    keeper = Keeper(open_outbox(tmp_path / "outbox.sqlite", 2**20), lambda: None, Stamps())
    with pytest.raises(DeviceError, match="more than 15 digits"):
        keeper.keep("wm-1", {"water_volume": (10**15, 0)})
