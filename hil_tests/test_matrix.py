"""A slice of the matrix, another by each seed: no fault costs a value, and each is recovered from in time."""

import json
import os
import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from hil_tests import matrix
from hil_tests.cities.city import Plan, VirtualCity
from hil_tests.harm.faults import FAULTS
from hil_tests.instruments.broker import KINDS
from hil_tests.instruments.process import Program, free_ports
from provisioning.broker import Kind
from provisioning.quickstart import Ports

SEED = int(os.environ.get("SENZORIKA_SEED", random.randrange(10**6)))
FAULTS_EACH = 5


def test_a_slice_has_so_many_faults_for_each_broker_and_is_the_same_by_its_seed() -> None:
    for seed in range(20):
        rows = matrix.slices(seed, FAULTS_EACH)
        assert rows == matrix.slices(seed, FAULTS_EACH)
        assert [len(set(several)) for several in rows.values()] == [FAULTS_EACH] * len(KINDS)
    every = matrix.possible(list(FAULTS))
    assert all(set(several) == set(every) for several in matrix.slices(1, len(every)).values())


def test_what_does_not_agree_is_marked_and_counts() -> None:
    zeros = dict.fromkeys(("waited", "missing", "excused", "repeated", "wrong", "holes"), 0)
    counts = {"felt": True, "given": 10, **zeros, "recovery": 3.0, "limit": 90.0}

    def cell(**more: float) -> matrix.Cell:
        return matrix.Cell("nats", "broker killed", "water node", **{**counts, **more})  # type: ignore[arg-type]

    well, lost = cell(excused=1), cell(missing=1)
    ill = [lost, cell(repeated=1), cell(wrong=1), cell(holes=1), cell(felt=False), cell(recovery=90.0)]
    assert well.agrees
    assert not any(one.agrees for one in ill)
    shown = matrix.table([well, lost]).splitlines()
    assert "NOT" not in shown[1]
    assert "NOT" in shown[2]


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("kind", KINDS)
def test_no_fault_of_the_slice_costs_a_value(kind: Kind, tmp_path: Path) -> None:
    print(f"seed {SEED}")
    names = matrix.slices(SEED, FAULTS_EACH)[kind]
    cells = list(matrix.run(kind, names, tmp_path))
    print(matrix.table(cells))
    assert {one.fault for one in cells} == set(names)
    assert all(one.agrees for one in cells), matrix.table(cells)


@pytest.fixture(scope="module")
def faulty(tmp_path_factory: pytest.TempPathFactory) -> Iterator[VirtualCity]:
    """A city that anything can befall but the loss of a store of its own."""
    folder = tmp_path_factory.mktemp("faulty") / "city"
    disks = matrix.SMALL_DISKS if matrix.can_fill_disks() else ()
    city = VirtualCity(Plan(folder, Ports(*free_ports(2)), can_fail=True, small_disks=disks))
    try:
        city.start()
        yield city
    finally:
        city.stop()


def told(city: VirtualCity) -> dict[str, object]:
    """Everything that a fault changes: files, disks, and whether each program runs."""
    folder = city.plan.directory
    found = [*(folder / "ca").rglob("*.*"), *(folder / "certificates").glob("*.*"), *(folder / "broker").glob("*.*")]
    files = [file for file in found if file.is_file()]
    kept = {file: file.read_bytes() for file in files if file.suffix not in (".pid", ".db")}
    nodes = {file: file.read_text() for file in folder.glob("*/node.json")}
    disturbed = json.loads(city.disturbances.read_text()) if city.disturbances.exists() else {}
    return {
        "files": {**kept, **nodes},
        "disturbed": disturbed,
        "clocks": [city.clock_of(name) for name in city.programs if city.clock_of(name).exists()],
        "full": [name for name, disk in city.disks.items() if disk.free < 1 << 16],
        "network": city.network.is_well,
        "stopped": [name for name, one in city.programs.items() if not one.is_running or is_stopped(one)],
    }


def is_stopped(program: Program) -> bool:
    return "\nState:\tT" in Path(f"/proc/{program.pid}/status").read_text()


@pytest.mark.slow
@pytest.mark.timeout(120)
@pytest.mark.xdist_group("faulty")
@pytest.mark.parametrize("name", [name for name in matrix.possible(list(FAULTS)) if FAULTS[name].needs != "influx"])
def test_whatever_happens_in_the_midst_of_a_fault_it_is_undone(name: str, faulty: VirtualCity) -> None:
    before = told(faulty)
    assert before["network"]
    assert not before["disturbed"]
    fault = FAULTS[name]

    def crash() -> None:
        with fault.befall(faulty, fault.targets):
            if name != "brown-out":  # is over when it says so
                assert told(faulty) != before
            raise KeyError(name)

    with pytest.raises(KeyError, match=name):
        crash()
    assert told(faulty) == before
    assert faulty.supervise() == []
