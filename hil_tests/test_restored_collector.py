"""A collector that is restored from a backup is made whole: its gateways send again what it has forgotten."""

import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from hil_tests.cities.city import GATEWAY, Plan, VirtualCity
from hil_tests.instruments.process import answers, free_ports, wait_until
from hil_tests.judging import verdict
from provisioning.quickstart import Ports

TRAFFIC = 12.0  # s before the backup, which is made while readings flow, and after it
WHOLE = 150.0  # s: the collector's patience, and two questions


@pytest.fixture
def city(tmp_path: Path) -> Iterator[VirtualCity]:
    city = VirtualCity(Plan(tmp_path / "city", Ports(*free_ports(2)), nodes=()))
    city.start()
    yield city
    city.stop()


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_a_collector_restored_from_a_backup_is_made_whole_by_replay(city: VirtualCity) -> None:
    data, backup = city.plan.directory / "data", city.plan.directory / "backup"
    collector = city.programs["collector"]
    time.sleep(TRAFFIC)
    config = str(city.plan.directory / "collector.toml")
    command = [sys.executable, "-m", "collector", "backup", str(backup), "--config", config]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    assert done.stdout.startswith(f"{backup}: ")
    assert city.supervise() == []
    time.sleep(TRAFFIC)
    collector.stop()
    shutil.rmtree(data)
    backup.rename(data)
    collector.start()
    wait_until(lambda: answers(city.plan.ports.http), "the restored collector serves", 120)
    until = time.time_ns() // 1_000_000
    before = stored(city)
    accounts = verdict.wait_for_agreement(
        city.door, city.truth, city.publishers, city.events, until=until, seconds=WHOLE
    )
    print(f"{before} values in the backup\n{verdict.table(accounts)}")
    assert accounts[GATEWAY].agrees, verdict.table(accounts)
    assert before < accounts[GATEWAY].measured
    assert "asking gw-0001 for messages" in collector.log.read_text()


def stored(city: VirtualCity) -> int:
    try:
        return sum(map(len, verdict.fetch(city.door, city.publishers).values()))
    except OSError:
        return 0
