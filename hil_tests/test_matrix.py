"""A slice of the matrix, another by each seed: no fault costs a value, and each is recovered from in time."""

import os
import random
from pathlib import Path

import pytest

from hil_tests import matrix
from hil_tests.city import Plan, VirtualCity
from hil_tests.faults import FAULTS, killed
from hil_tests.instruments.broker import KINDS
from hil_tests.instruments.process import Program, free_ports
from hil_tests.targets import TARGETS
from provisioning.broker import Kind
from provisioning.quickstart import Ports

SEED = int(os.environ.get("SENZORIKA_SEED", random.randrange(10**6)))
FAULTS_EACH = 3


def test_a_slice_has_so_many_faults_for_each_broker_and_is_the_same_by_its_seed() -> None:
    for seed in range(20):
        rows = matrix.slices(seed, FAULTS_EACH)
        assert rows == matrix.slices(seed, FAULTS_EACH)
        assert [len(set(several)) for several in rows.values()] == [FAULTS_EACH] * len(KINDS)
    every = matrix.possible(list(FAULTS))
    assert all(set(several) == set(every) for several in matrix.slices(1, len(every)).values())


def test_what_does_not_agree_is_marked_and_counts() -> None:
    counts = {
        "given": 10,
        "waited": 0,
        "missing": 0,
        "excused": 0,
        "repeated": 0,
        "wrong": 0,
        "holes": 0,
        "recovery": 3.0,
    }

    def cell(**more: float) -> matrix.Cell:
        return matrix.Cell("nats", "broker killed", "water node", **{**counts, **more})  # type: ignore[arg-type]

    well, lost = cell(excused=1), cell(missing=1)
    ill = [lost, cell(repeated=1), cell(wrong=1), cell(holes=1), cell(given=0), cell(recovery=matrix.LIMIT)]
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
    cells = matrix.run(kind, matrix.slices(SEED, FAULTS_EACH)[kind], tmp_path)
    print(matrix.table(cells))
    assert {one.device for one in cells} == {one.name for one in TARGETS}
    assert all(one.agrees for one in cells), matrix.table(cells)


def test_a_fault_ends_whatever_happens_meanwhile(tmp_path: Path) -> None:
    sleeper = Program("sleeper", ["sleep", "60"], tmp_path / "log")
    city = VirtualCity(Plan(tmp_path, Ports(*free_ports(2)), nodes=(), with_meters=False), {"sleeper": sleeper})

    def fail() -> None:
        with killed(city, "sleeper"):
            assert city.supervise() == []
            assert not sleeper.is_running
            raise KeyError

    sleeper.start()
    try:
        with pytest.raises(KeyError):
            fail()
        assert sleeper.is_running
        assert len(city.events) == 1
    finally:
        sleeper.stop()
