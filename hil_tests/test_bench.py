"""The same test on a laptop and on a soldered bench: do nodes speak, and do they come back after a power cut?"""

import time
from collections.abc import Callable

import pytest

from hil_tests import battery
from hil_tests.bench.devices import Bench
from hil_tests.bench.nouns import StimulusEntry
from hil_tests.instruments.process import BenchError, wait_until
from hil_tests.judging import verdict
from hil_tests.reports.measuring import Measure

SPEAKS = 60.0  # s
RETURNS = 60.0  # s from power on
READ = 90.0  # s for a readout of every meter of a gateway
DARK = 2.0  # s
PULSES = 25
SKEW = 2_000  # ms that the clocks of a bench may differ

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("bench"), pytest.mark.timeout(300)]


def now() -> int:
    return time.time_ns() // 1_000_000


def boots_of(bench: Bench, name: str) -> int:
    """As often as the node says that it was started; said by the time it was last seen, or soon after."""
    wait_until(lambda: bench.last(name, "boot_count") is not None, f"{name} says how often it started", SPEAKS)
    found = bench.last(name, "boot_count")
    assert found is not None
    return int(found[1])


def test_every_node_speaks(bench: Bench, measure: Measure) -> None:
    for node in bench.rig.node:
        measure(f"{node.name} is heard after", bench.wait_for_news(node, now(), SPEAKS), "s", high=SPEAKS)


@pytest.mark.needs("power")
def test_a_node_comes_back_after_a_power_cut(bench: Bench, measure: Measure) -> None:
    for node in bench.rig.node:
        bench.wait_for_news(node, now() - SKEW, SPEAKS)
        before = boots_of(bench, node.name)
        bench.power[node.name].off()
        try:
            time.sleep(DARK)
        finally:
            bench.power[node.name].on()
        measure(f"{node.name} is back after", bench.wait_for_news(node, now(), RETURNS), "s", high=RETURNS)
        wait_until(lambda: boots_of(bench, node.name) != before, f"{node.name} says that it started again", SPEAKS)  # noqa: B023
        often = None if node.battery else 1  # one that sleeps starts with every wake
        measure(f"{node.name} boots", boots_of(bench, node.name) - before, "1", low=1, high=often)


@pytest.mark.needs("faults")
def test_what_is_measured_while_nobody_can_be_reached_arrives_afterwards(bench: Bench, measure: Measure) -> None:
    node = next(one for one in bench.rig.node if not one.battery)
    for fault in ("network cut", "broker killed"):
        bench.wait_for_news(node, now() - SKEW, SPEAKS)
        with bench.befallen(fault):
            time.sleep(2 * DARK)
            before = bench.last(node.thing, node.quantity)
            time.sleep(2 * DARK)
            assert bench.last(node.thing, node.quantity) == before
        measure(f"{node.name} is heard after {fault}", bench.wait_for_news(node, now(), RETURNS), "s", high=RETURNS)


@pytest.mark.needs("faults")
def test_a_fault_that_a_rig_does_not_have_is_refused(bench: Bench) -> None:
    node = bench.rig.node[0]
    for fault, named in (("flood", None), ("power cut", None), ("broker killed", node), ("flash full", node)):
        with pytest.raises(BenchError, match=fault), bench.befallen(fault, named):
            pass


@pytest.mark.needs("gateway")
def test_every_meter_is_read(bench: Bench, measure: Measure) -> None:
    for thing in bench.metered:
        measure(f"{thing} is read after", bench.wait_for(thing, "", now(), READ), "s", high=READ)


@pytest.mark.needs("gateway:power")
def test_a_gateway_comes_back_after_a_power_cut(bench: Bench, measure: Measure) -> None:
    for gateway in bench.rig.gateway:
        bench.power[gateway.name].off()
        time.sleep(DARK)
        bench.power[gateway.name].on()
        began = now()
        for thing in bench.metered:
            bench.wait_for(thing, "", began, READ)
        measure(f"{gateway.name} has read all after", (now() - began) / 1000, "s", high=READ)


@pytest.mark.needs("truth")
def test_what_the_sensors_gave_is_stored_once(bench: Bench) -> None:
    """A power cut may cost the one value that was being taken."""
    city = bench.city
    for node in bench.rig.node:  # this test may be the first on a fresh bench
        bench.wait_for_news(node, now(), SPEAKS)
    for thing in bench.metered:
        bench.wait_for(thing, "", 0, READ)
    accounts = verdict.wait_for_agreement(city.door, city.truth, city.publishers, city.events, until=now(), seconds=60)
    assert set(accounts) == set(city.devices)
    assert all(one.agrees for one in accounts.values()), verdict.table(accounts)


@pytest.mark.needs("current")
def test_a_node_on_a_battery_draws_no_more_than_its_ledger_may_count(bench: Bench, measure: Measure) -> None:
    """Asleep it draws what a chip draws asleep; the most is what the arithmetic of its plan says, or the rig."""
    table = battery.load()
    for node in bench.rig.node:
        if node.battery and node.name in bench.current:
            most = node.battery.most or battery.mean(node.battery.plan(node.kind), table)
            found = bench.current[node.name].mean(2 * node.battery.report_ms / 1000)
            measure(f"{node.name} draws", found, "mA", low=battery.standby(node.kind, table), high=most)


@pytest.mark.needs("stimulus")
def test_what_a_sensor_is_shown_is_stored(bench: Bench, measure: Measure) -> None:
    for one in bench.rig.stimulus:
        for shown, stored in one.shows:
            began = now()
            bench.stimulus(one.key).show(shown)
            wait_until(stores(bench, one, stored), f"{one.key} shows {shown:g}, so {stored} is stored", SPEAKS)
            measure(f"{one.key} shows {shown:g}: stored after", (now() - began) / 1000, "s", high=SPEAKS)


def stores(bench: Bench, one: StimulusEntry, expected: float | str) -> Callable[[], bool]:
    def does() -> bool:
        found = bench.last(bench.node(one.node).thing, one.quantity)
        if found is None or isinstance(expected, str) or isinstance(found[1], str):
            return found is not None and found[1] == expected
        return abs(found[1] - expected) <= one.within

    return does


@pytest.mark.needs("pulses")
def test_every_pulse_is_counted_once(bench: Bench, measure: Measure) -> None:
    for one in (each for each in bench.rig.stimulus if each.each):
        node = bench.node(one.node)
        bench.wait_for_news(node, now(), SPEAKS)
        expected = index(bench, one) + PULSES * one.each
        bench.stimulus(one.key).pulse(PULSES)
        wait_until(has_reached(bench, one, expected), f"{PULSES} pulses of {one.key} are stored", SPEAKS)
        bench.wait_for_news(node, now() + SKEW, SPEAKS)  # what comes late, or twice, is here by now
        counted = PULSES + (index(bench, one) - expected) / one.each
        measure(f"{one.key} counts", round(counted, 3), "1", low=PULSES, high=PULSES)


def index(bench: Bench, one: StimulusEntry) -> float:
    found = bench.last(bench.node(one.node).thing, one.quantity)
    assert found is not None
    return float(found[1])


def has_reached(bench: Bench, one: StimulusEntry, expected: float) -> Callable[[], bool]:
    return lambda: index(bench, one) > expected - one.each / 2
