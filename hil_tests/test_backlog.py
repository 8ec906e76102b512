"""A million messages wait for a collector that was away: it takes them all, once, in bounded memory."""

import time
from pathlib import Path
from typing import NamedTuple

import pytest

from firmware import contract
from hil_tests.cities import strained_city
from hil_tests.cities.city import VirtualCity
from hil_tests.cities.strained_city import PUBLISHERS
from hil_tests.instruments import flood
from hil_tests.instruments.process import wait_until
from provisioning.broker import Kind

MOST = 400  # MB
GROWTH = 1.5  # times the memory that a fifth of the backlog took: DuckDB's log grows to its bound
BACKLOGS = (200_000, 1_000_000)


class Drain(NamedTuple):
    """How a backlog was drained."""

    messages: int
    published: float  # s
    drained: float  # s
    peak: int  # MB

    def __str__(self) -> str:
        rates = f"published in {self.published:.0f} s, drained in {self.drained:.0f} s"
        return f"{self.messages:9,} messages {rates} ({self.messages / self.drained:,.0f}/s), peak {self.peak} MB"


def test_the_flood_says_what_the_contract_would() -> None:
    at, value = flood.reading(4211, 1_795_392_000_000)
    readings = [{"thing": flood.thing_of("gw-0001"), "at": at, "values": {"distance": (round(value * 1000), -3)}}]
    said = flood.payload("gw-0001", 4211, 1_795_392_000_000)
    assert contract.decode_reading(said) == contract.decode_reading(contract.encode_reading("f100d", 4211, readings))


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_backlog_of_a_million_drains_in_memory_that_does_not_grow_with_it(kind: Kind, tmp_path: Path) -> None:
    with strained_city.running(tmp_path / "city", kind) as city:
        begin = time.time_ns() // 1_000_000 - 40 * 86_400_000
        drains: list[Drain] = []
        last = 0
        for backlog in BACKLOGS:
            first, last = last + 1, last + backlog // len(PUBLISHERS)
            drains.append(drain(city, first, last, begin))
            print(drains[-1], flush=True)
        few, many = drains
        assert many.peak < MOST
        assert many.peak < few.peak * GROWTH, "memory grows with the backlog"
        strained_city.assert_stored_once(city, last, begin)
        assert strained_city.health(city) == {}


def drain(city: VirtualCity, first: int, last: int, begin: int) -> Drain:
    """Publish while the collector is away; start it, and wait until it has acknowledged everything."""
    collector = city.programs["collector"]
    collector.stop()
    count, started = (last - first + 1) * len(PUBLISHERS), time.monotonic()
    strained_city.wait_for_end(strained_city.flooding(city, last, begin, first), 240)
    published = time.monotonic()
    strained_city.start_collector(city)
    wait_until(
        lambda: strained_city.metric(city, "messages_acknowledged_total") >= count, "the backlog is drained", 300, 0.2
    )
    return Drain(count, published - started, time.monotonic() - published, strained_city.peak_memory(collector))
