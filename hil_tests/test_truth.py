"""The promise, tried: kill everything twice while the sensors go on, and ask the public API for what they gave."""

import os
import random
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from hil_tests.cities.city import GATEWAY, Plan, VirtualCity
from hil_tests.instruments.process import free_ports, wait_until
from hil_tests.judging import verdict
from hil_tests.judging.events import Death
from provisioning.broker import Kind
from provisioning.quickstart import Ports

TRAFFIC = 60.0  # s
HEALING = 180.0  # s from the last restart
KILLED = ("broker", "collector", GATEWAY, "park-0002")


@pytest.fixture
def city(kind: Kind, tmp_path: Path) -> Iterator[VirtualCity]:
    city = VirtualCity(Plan(tmp_path / "city", Ports(*free_ports(2)), kind))
    city.start()
    yield city
    city.stop()


@pytest.mark.slow
@pytest.mark.timeout(400)
def test_every_value_is_stored_once_whatever_is_killed(city: VirtualCity) -> None:
    seed = int(os.environ.get("SENZORIKA_SEED", random.randrange(10**6)))
    print(f"seed {seed}")
    kill_each_twice(city, random.Random(seed))
    last_restart = max(one.restarted for one in city.events if isinstance(one, Death))
    wait_until(lambda: things_read_since(city, last_restart) == set(city.publishers), "every thing is read again")
    assert city.ended == [], city.programs[city.ended[0]].last_lines()
    until = time.time_ns() // 1_000_000
    accounts = verdict.wait_for_agreement(
        city.door, city.truth, city.publishers, city.events, until=until, seconds=HEALING
    )
    print(verdict.table(accounts))
    assert set(accounts) == set(city.devices)
    assert all(one.agrees for one in accounts.values()), verdict.table(accounts)
    for name, account in accounts.items():
        assert name in KILLED or account.excused == 0


def things_read_since(city: VirtualCity, begin: int) -> set[str]:
    """What was read after ``begin`` (ms UTC); supervises meanwhile."""
    city.supervise()
    truth = verdict.read_truth(city.truth, until=2**53)
    return {thing for (thing, _), given in truth.items() if given[-1].at > begin}


def kill_each_twice(city: VirtualCity, chance: random.Random) -> None:
    """At random moments of the traffic; what ends by itself is started again, too."""
    begun = time.monotonic()
    moments = sorted((chance.uniform(3, TRAFFIC - 2), name) for name in KILLED for _ in range(2))
    for moment, name in moments:
        while time.monotonic() - begun < moment:
            city.supervise()
            time.sleep(0.1)
        city.kill(name, pause=chance.uniform(0.2, 2))
    while time.monotonic() - begun < TRAFFIC:
        city.supervise()
        time.sleep(0.1)
