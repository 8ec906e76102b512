"""The tests bite: without a protection the matrix fails, and says where; with it, the same fault costs nothing."""

from pathlib import Path

import pytest

from hil_tests import matrix
from hil_tests.harm.bites import BITES
from hil_tests.harm.faults import FAULTS
from hil_tests.instruments.protections import OFF

pytestmark = [pytest.mark.slow, pytest.mark.timeout(700)]


def test_every_protection_that_can_be_switched_off_has_its_fault() -> None:
    assert set(BITES) == set(OFF)
    assert {one.fault for one in BITES.values()} <= set(FAULTS)


@pytest.mark.parametrize("protection", BITES)
def test_without_it_the_matrix_fails_and_says_where(protection: str, tmp_path: Path) -> None:
    bite = BITES[protection]
    cells = list(matrix.run_without(protection, tmp_path))
    print(matrix.table(cells))
    last = [one for one in cells if one.device == bite.device][-1]
    assert not last.agrees
    assert any(getattr(last, column) for column in bite.columns)


def test_with_it_a_sensor_without_receipts_loses_nothing(tmp_path: Path) -> None:
    """Of the others, the matrix itself is the control."""
    cells = list(matrix.run_without("puback-after-commit", tmp_path, is_on=True, limit=90))
    print(matrix.table(cells))
    assert all(one.agrees for one in cells)
