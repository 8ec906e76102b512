"""The disk under collector, store or broker is full: what is acknowledged then, and what becomes of it with room?"""

import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from collector.stores.duckdb import RESERVE
from hil_tests.cities import strained_city
from hil_tests.cities.city import VirtualCity
from hil_tests.cities.strained_city import PUBLISHERS
from hil_tests.instruments.flood import thing_of
from hil_tests.instruments.process import Program, wait_until
from hil_tests.instruments.small_disk import SmallDisk, small_disk
from hil_tests.judging.verdict import fetch
from provisioning.broker import Kind

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="a small disk can be mounted by root alone")
DAY_MS = 86_400_000
DISK = 220  # MB
EACH = 30_000  # messages per publisher: some 4 MB in DuckDB's log
MOST = 400  # MB
Place = tuple[VirtualCity, SmallDisk]


@pytest.fixture
def embedded(kind: Kind, tmp_path: Path) -> Iterator[Place]:
    """DuckDB and the ledger on a small disk."""
    folder = tmp_path / "city"
    with small_disk(folder / "data", DISK) as disk, strained_city.running(folder, kind) as city:
        yield city, disk


def ails(city: VirtualCity, *words: str) -> bool:
    """Does /health name the store, in one of these words?"""
    reason = strained_city.health(city).get("store", "")
    return any(word in reason for word in words)


def stored(city: VirtualCity) -> int:
    things = map(thing_of, PUBLISHERS)
    return sum(len(several) for several in fetch(city.door, things).values())


def assert_nothing_is_acknowledged_that_is_not_stored(city: VirtualCity) -> None:
    """And nothing at all any more."""
    acknowledged = strained_city.metric(city, "messages_acknowledged_total")
    assert stored(city) >= acknowledged
    time.sleep(3)  # several attempts
    assert strained_city.metric(city, "messages_acknowledged_total") == acknowledged


def assert_goes_on_by_itself(city: VirtualCity, flood: Program, begin: int) -> None:
    strained_city.wait_for_end(flood, 60)
    strained_city.wait_until_stored(city, EACH, 120)
    wait_until(lambda: strained_city.health(city) == {}, "it is well again")
    peak = strained_city.peak_memory(city.programs["collector"])
    print(f"peak of the collector {peak} MB")
    assert peak < MOST
    strained_city.assert_stored_once(city, EACH, begin)
    assert city.supervise() == []


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_disk_that_its_own_readings_fill_stops_the_collector_before_it_is_full(embedded: Place) -> None:
    city, disk = embedded
    begin = time.time_ns() // 1_000_000 - DAY_MS
    disk.fill(leave=RESERVE + (1 << 20))
    flood = strained_city.flooding(city, EACH, begin)
    wait_until(lambda: ails(city, "the disk is full"), "/health tells", 120)
    print(strained_city.health(city))
    assert_nothing_is_acknowledged_that_is_not_stored(city)
    city.kill("collector")
    wait_until(lambda: strained_city.serves(city), "it starts on what was kept free", 120)
    wait_until(lambda: ails(city, "the disk is full"), "and tells again")
    disk.fill()
    assert_nothing_is_acknowledged_that_is_not_stored(city)
    disk.make_room()
    assert_goes_on_by_itself(city, flood, begin)


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_disk_that_others_fill_in_the_midst_of_it_costs_nothing(embedded: Place) -> None:
    """To the last byte, so that nothing is kept free."""
    fill_in_the_midst(*embedded)


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_full_disk_of_the_ledger_beside_influxdb_costs_nothing(tmp_path: Path) -> None:
    folder = tmp_path / "city"
    with small_disk(folder / "data", DISK) as disk, strained_city.running(folder, "nats", "influx") as city:
        fill_in_the_midst(city, disk)


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_full_disk_under_influxdb_costs_nothing_once_influxdb_is_started_again(tmp_path: Path) -> None:
    """InfluxDB 1.6 remembers that a write to its log failed, and refuses all that follow, whatever room there is."""
    folder = tmp_path / "city"
    with small_disk(folder / "influxdb", DISK) as disk, strained_city.running(folder, "nats", "influx") as city:
        fill_in_the_midst(city, disk, lambda: city.kill("influxdb"))


def fill_in_the_midst(city: VirtualCity, disk: SmallDisk, mend: Callable[[], None] = lambda: None) -> None:
    begin = time.time_ns() // 1_000_000 - DAY_MS
    flood = strained_city.flooding(city, EACH // 2, begin)
    wait_until(lambda: strained_city.metric(city, "messages_acknowledged_total") > EACH, "it is at it", step=0.01)
    disk.fill()
    strained_city.wait_for_end(flood, 120)
    flood = strained_city.flooding(city, EACH, begin, EACH // 2 + 1)  # or all may have been stored before it was full
    wait_until(lambda: ails(city, "disk is full", "o space left"), "/health tells")
    print(strained_city.health(city))
    assert_nothing_is_acknowledged_that_is_not_stored(city)
    disk.make_room()
    mend()
    assert_goes_on_by_itself(city, flood, begin)


@pytest.fixture
def under_the_broker(tmp_path: Path) -> Iterator[Place]:
    """What nats-server keeps is on a small disk; the collector starts it and watches over it."""
    folder = tmp_path / "city"
    with small_disk(folder / "broker" / "jetstream", DISK) as disk, strained_city.running(folder, "nats") as city:
        city.programs["collector"].stop()
        city.programs.pop("broker").stop()
        file = folder / "collector.toml"
        file.write_text(file.read_text().replace('kind = "external"', 'kind = "nats"'))
        strained_city.start_collector(city)
        yield city, disk


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_broker_whose_disk_was_full_works_again_once_there_is_room(under_the_broker: Place) -> None:
    """By itself it would refuse every message until somebody starts it again."""
    city, disk = under_the_broker
    with strained_city.busy_gateways(city, pause=0.05) as gateways:
        wait_until(lambda: strained_city.metric(city, "receipts_total") > 100, "receipts are given")
        disk.fill()
        wait_until(lambda: "the broker has no room" in strained_city.health(city).get("disk", ""), "/health tells", 120)
        disk.make_room()
        wait_until(lambda: strained_city.health(city) == {}, "it is well again", 120)
        strained_city.let_them_finish(gateways, 120)
    strained_city.assert_truth_is_stored_once(city)
    assert city.supervise() == []
