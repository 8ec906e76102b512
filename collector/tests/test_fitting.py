"""A fitter writes down an exchange: it counts without a restart, and a mistake leaves what was known."""

from pathlib import Path

import pytest

from collector.city import City, open_city
from collector.entities.inventory import ConfigError
from collector.observation import Series
from collector.running.fitting import Fitting
from collector.tests.koper import INVENTORY

WATER = Series("shaft-0001", "water_volume")


def written(folder: Path, modulus: float) -> Path:
    file = folder / "meters.toml"
    new = file.with_suffix(".new")
    known = f"most_per_hour = 5\nmodulus = {modulus}\n"
    new.write_text(f'[[meter]]\nthing = "shaft-0001"\nquantity = "water_volume"\n{known}')
    new.replace(file)  # another file, so that it has changed whatever the clock says
    return file


@pytest.fixture
def city(tmp_path: Path) -> City:
    return open_city(INVENTORY, tmp_path, "memory:")


async def test_a_changed_file_counts_once_it_has_settled_and_a_wrong_one_leaves_the_one_before(
    city: City, tmp_path: Path
) -> None:
    fitting = Fitting(city, written(tmp_path, 1000))
    assert city.meters.of(WATER).meter.modulus == 1000
    written(tmp_path, 10_000)
    await fitting.look()
    assert city.meters.of(WATER).meter.modulus == 1000, "who writes may be at it still"
    await fitting.look()
    assert city.meters.of(WATER).meter.modulus == 10_000
    written(tmp_path, 0)
    for _ in range(3):
        await fitting.look()
    assert city.meters.of(WATER).meter.modulus == 10_000
    assert "meter.0.modulus" in city.health.reasons["meters"]
    assert "shaft-0001" not in city.health.reasons["meters"], "whose meter it is, not everyone may know"
    written(tmp_path, 100_000)
    for _ in range(2):
        await fitting.look()
    assert city.meters.of(WATER).meter.modulus == 100_000
    assert city.health.reasons == {}


def test_a_file_that_is_wrong_at_the_start_is_refused(city: City, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"meters\.toml: meter\.0\.modulus"):
        Fitting(city, written(tmp_path, -1))
