"""What stands in meters.toml is checked once with its key,."""

from fractions import Fraction
from pathlib import Path

import pytest

from collector.analysis.counters import Exchange, Meter
from collector.entities.inventory import ConfigError
from collector.entities.meters import UNKNOWN, Meters, load_meters
from collector.observation import Series

WATER = Series("water-1", "water_volume")
NOON = "{ at = 2026-11-23T12:00:00Z, final = 1, initial = 0 }"
ENTRY = '[[meter]]\nthing = "water-1"\nquantity = "water_volume"\n'


def written(folder: Path, text: str) -> Path:
    file = folder / "meters.toml"
    file.write_text(text)
    return file


def test_numbers_are_the_decimals_that_stand_there(tmp_path: Path) -> None:
    more = "most_per_hour = 5.1\nmodulus = 100000\nmost_back_per_hour = 0.3\ninterval_minutes = 1440\n"
    exchange = "[[meter.exchange]]\nat = 2026-11-23T12:30:00+01:00\nfinal = 1234.567\ninitial = 0.1\n"
    known = Meters(load_meters(written(tmp_path, ENTRY + more + exchange))).of(WATER)
    assert known.meter == Meter(Fraction("5.1"), Fraction(100000), Fraction("0.3"), 86_400_000)
    assert known.exchanges == (Exchange(1_795_433_400_000, Fraction("1234.567"), Fraction("0.1")),)


def test_of_what_stands_in_no_file_nothing_is_known(tmp_path: Path) -> None:
    assert Meters().of(WATER) == UNKNOWN
    meters = Meters(load_meters(written(tmp_path, ENTRY + "interval_minutes = 15\n")))
    assert meters.of(WATER) != UNKNOWN
    for other in (Series("water-1", "water_volume.s1"), Series("water-1", "water_volume", 3_600_000)):
        assert meters.of(other) == UNKNOWN


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("meter = 1\n", "meters.toml: meter: "),
        ("[[meter]]\n", "meters.toml: meter.0.thing: "),
        ('[[meter]]\nthing = "Water 1"\nquantity = "water_volume"\n', "meters.toml: meter.0.thing: "),
        ('[[meter]]\nthing = "a"\nquantity = "temperature"\n', "meter.0.quantity: expected a counter, as water_volume"),
        ('[[meter]]\nthing = "a"\nquantity = "watr"\n', "meters.toml: meter.0.quantity: "),
        (ENTRY + "colour = 1\n", "meters.toml: meter.0.colour: unknown key"),
        (ENTRY + "most_per_hour = 0\n", "meters.toml: meter.0.most_per_hour: "),
        (ENTRY + "modulus = -1\n", "meters.toml: meter.0.modulus: "),
        (ENTRY + "modulus = inf\n", "meters.toml: meter.0.modulus: "),
        (ENTRY + "interval_minutes = 0\n", "meters.toml: meter.0.interval_minutes: "),
        (ENTRY + ENTRY, "meters.toml: meter.1: the same thing and quantity as meter.0"),
        (ENTRY + "modulus = 100000\n", "meter.0: modulus: means nothing without most_per_hour"),
        (ENTRY + 'most_per_hour = "1e9999999"\n', "meter.0.most_per_hour: expected a number"),
        (ENTRY + "most_per_hour = true\n", "meter.0.most_per_hour: expected a number"),
        (ENTRY + "most_per_hour = 1e60\n", "meter.0.most_per_hour: "),
        (ENTRY + "interval_minutes = true\n", "meter.0.interval_minutes: "),
        (ENTRY + "exchange = [{ at = 1795433400, final = 1, initial = 0 }]", "meter.0.exchange.0.at: "),
        (ENTRY + f"exchange = [{NOON}, {NOON}]", "meter.0: exchange: two at the same time"),
        ("meter = " + "[" * 5000, "meters.toml: nested too deeply"),
        (ENTRY + "exchange = [{ at = 2026-11-23T12:30:00, final = 1, initial = 0 }]", "meter.0.exchange.0.at: "),
        (ENTRY + "exchange = [{ at = 1969-11-23T12:30:00Z, final = 1, initial = 0 }]", "expected a time from 1970 on"),
        (ENTRY + "exchange = [{ at = 2026-11-23T12:30:00Z, final = 1 }]", "meter.0.exchange.0.initial: "),
        ("[[meter]\n", "meters.toml: "),
    ],
)
def test_what_is_wrong_is_named_by_its_key(text: str, said: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as refused:
        load_meters(written(tmp_path, text))
    assert said in str(refused.value)


def test_a_file_that_is_not_there_stops_the_start(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"meters\.toml: No such file"):
        load_meters(tmp_path / "meters.toml")


def test_the_file_that_the_readme_shows_is_one(tmp_path: Path) -> None:
    text = (Path(__file__).parent.parent / "README.md").read_text("utf-8")
    (block,) = (one for one in text.split("```toml\n")[1:] if one.startswith("[[meter]]"))
    known = Meters(load_meters(written(tmp_path, block.partition("```")[0]))).of(Series("wm-06855817", "water_volume"))
    assert (known.meter.modulus, len(known.exchanges)) == (100_000, 1)
