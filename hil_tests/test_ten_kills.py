"""Ten times kill -9, at random: what the public API knows is what the sensors gave, once."""

import os
import random
import time
from pathlib import Path

import pytest

from hil_tests.cities import strained_city
from hil_tests.cities.city import VirtualCity
from hil_tests.instruments.process import wait_until
from hil_tests.judging.events import Death
from provisioning.broker import Kind

TRAFFIC = 40.0  # s in which the kills fall
KILLS = 10
HEALED = 150.0  # s: what a broker forgot is repeated after 20 s, then after 40
PAUSE = 0.04  # s between two messages of three readings


@pytest.mark.slow
@pytest.mark.timeout(400)
@pytest.mark.parametrize(
    ("kind", "store"), [("nats", "duckdb"), ("mosquitto", "duckdb"), ("mosquitto", "influx")], indirect=["kind"]
)
def test_ten_kills_lose_nothing_and_double_nothing(kind: Kind, store: str, tmp_path: Path) -> None:
    seed = int(os.environ.get("SENZORIKA_SEED", random.randrange(10**6)))
    print(f"seed {seed}")
    with strained_city.running(tmp_path / "city", kind, store) as city:
        with strained_city.busy_gateways(city, PAUSE) as gateways:
            wait_until(lambda: strained_city.metric(city, "receipts_total") > 100, "receipts are given")
            kill_at_random(city, random.Random(seed))
            wait_until(lambda: runs(city), "everything runs", 120)
            began = time.monotonic()
            strained_city.let_them_finish(gateways, HEALED)
            print(f"every receipt was there {time.monotonic() - began:.0f} s after the end")
        wait_until(lambda: strained_city.health(city) == {}, "all is well")
        strained_city.assert_truth_is_stored_once(city)


def kill_at_random(city: VirtualCity, chance: random.Random) -> None:
    """Broker, collector and InfluxDB where there is one, each several times."""
    killed = (sorted(city.programs) * KILLS)[:KILLS]
    chance.shuffle(killed)
    begun = time.monotonic()
    for moment, name in zip(sorted(chance.uniform(0, TRAFFIC) for _ in killed), killed, strict=True):
        wait_until(lambda moment=moment: runs(city) and time.monotonic() - begun > moment, "the moment", 2 * TRAFFIC)  # type: ignore[misc]
        city.kill(name, pause=chance.uniform(0.1, 2))
    deaths = [one for one in city.events if isinstance(one, Death)]
    print(", ".join(f"{one.publisher} for {one.restarted - one.killed} ms" for one in deaths))


def runs(city: VirtualCity) -> bool:
    """Nothing ended by itself, but a collector that finds no InfluxDB at its start: that one is started again."""
    revived = city.supervise()
    assert revived == [] or (revived, city.plan.store) == (["collector"], "influx"), city.ended
    return not revived and strained_city.serves(city)
