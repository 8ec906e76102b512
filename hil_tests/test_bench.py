"""The same test on a laptop and on a soldered bench: do nodes speak, and do they come back after a power cut?"""

import time

import pytest

from hil_tests import verdict
from hil_tests.bench import Bench
from hil_tests.measuring import Measure

SPEAKS = 60.0  # s
RETURNS = 60.0  # s from power on
DARK = 2.0  # s
SKEW = 2_000  # ms that the clocks of a bench may differ

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]


def now() -> int:
    return time.time_ns() // 1_000_000


def test_every_node_speaks(bench: Bench, measure: Measure) -> None:
    for node in bench.rig.node:
        measure(f"{node.name} is heard after", bench.wait_for_news(node, now(), SPEAKS), "s", high=SPEAKS)


@pytest.mark.needs("power")
def test_a_node_comes_back_after_a_power_cut(bench: Bench, measure: Measure) -> None:
    for node in bench.rig.node:
        bench.wait_for_news(node, now() - SKEW, SPEAKS)
        before = bench.last(node.name, "boot_count")
        bench.power[node.name].off()
        try:
            time.sleep(DARK)
        finally:
            bench.power[node.name].on()
        measure(f"{node.name} is back after", bench.wait_for_news(node, now(), RETURNS), "s", high=RETURNS)
        deadline = time.monotonic() + 30
        while (after := bench.last(node.name, "boot_count")) == before and time.monotonic() < deadline:
            time.sleep(0.5)
        assert before is not None
        assert after is not None
        measure(f"{node.name} boots", float(after[1]) - float(before[1]), "1", low=1, high=1)


@pytest.mark.needs("truth")
def test_what_the_sensors_gave_is_stored_once(bench: Bench) -> None:
    """A power cut may cost the one value that was being taken."""
    city = bench.city
    accounts = verdict.wait_for_agreement(city.door, city.truth, city.publishers, city.deaths, until=now(), seconds=60)
    assert set(accounts) == set(city.devices)
    assert all(one.agrees for one in accounts.values()), verdict.table(accounts)
