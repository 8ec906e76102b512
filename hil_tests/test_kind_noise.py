"""A street's sound through the real stack: microphone, node in MicroPython, broker, collector, API, against numpy."""

import csv
import io
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from hil_tests.cities.city import Plan, VirtualCity
from hil_tests.cities.koper import NodePlan, thing
from hil_tests.instruments.process import BenchError, find, free_ports, wait_until
from provisioning.quickstart import Ports

RATE = 48_000
PERIOD = 60  # s
PERIODS = 4
CALIBRATION_DB = 1.5
START = RATE * 3 // 10  # is thrown away
LEVELS = ("laeq", "lafmax", "lafmin", "la10", "la50", "la90")
Signal = NDArray[np.float64]

try:
    find("micropython")
except BenchError as missing:
    pytest.skip(str(missing), allow_module_level=True)


def street() -> Signal:
    """Traffic that swells and fades, a horn each 40 s, and in the third minute a crack louder than full scale."""
    chance = np.random.default_rng(4)
    size = START + PERIOD * PERIODS * RATE
    spectrum = np.fft.rfft(chance.standard_normal(size))
    frequencies = np.fft.rfftfreq(size, 1 / RATE)
    frequencies[0] = np.inf
    traffic = np.fft.irfft(spectrum / np.sqrt(frequencies), size)
    time = np.arange(size) / RATE
    swell = 10 ** (10 * np.sin(2 * np.pi * time / 23) * np.sin(2 * np.pi * time / 171) / 20)
    horn = 0.05 * np.sin(2 * np.pi * 440 * time) * (time % 40 > 39)
    crack = np.zeros(size)
    first = START + int(2.5 * PERIOD * RATE)
    crack[first : first + RATE // 10] = 2.0 * np.sign(chance.standard_normal(RATE // 10))
    return np.asarray(np.clip(traffic / traffic.std() * 0.004 * swell + horn + crack, -1, 1 - 2**-23))


def reference(samples: Signal) -> list[dict[str, float]]:
    """Of each period, in double precision: the analytic curve (IEC 61672-1, annex E), Fast, energy means."""
    size = 1 << (len(samples) + RATE).bit_length()
    square = np.fft.rfftfreq(size, 1 / RATE) ** 2
    high = np.sqrt((square + 107.65265**2) * (square + 737.86223**2))
    curve = 12194.217**2 * square**2 / ((square + 20.598997**2) * high * (square + 12194.217**2)) * 10 ** (1.9997 / 20)
    power = np.fft.irfft(np.fft.rfft(samples, size) * curve, size)[: len(samples)] ** 2
    factor, weighted, fast = 1 - np.exp(-1 / (0.125 * RATE)), float(power[:START].mean()), []
    for value in power.tolist():
        weighted += (value - weighted) * factor
        fast.append(weighted)
    return [
        _levels(power[first : first + PERIOD * RATE], np.array(fast[first : first + PERIOD * RATE]))
        for first in range(START, len(samples), PERIOD * RATE)
    ]


def _levels(power: Signal, fast: Signal) -> dict[str, float]:
    full_scale = 120 + CALIBRATION_DB + 10 * np.log10(2)
    levels = 10 * np.log10(fast) + full_scale
    percentiles = np.percentile(levels[RATE // 8 - 1 :: RATE // 8], (90, 50, 10))
    laeq = 10 * np.log10(power.mean()) + full_scale
    return dict(zip(LEVELS, map(float, (laeq, levels.max(), levels.min(), *percentiles)), strict=True))


@pytest.fixture
def samples() -> Signal:
    return street()


@pytest.fixture
def city(samples: Signal, tmp_path: Path) -> Iterator[VirtualCity]:
    sound = tmp_path / "sound"
    sound.write_bytes((np.round(samples * 2**23).astype(np.int32) << 8).astype("<i4").tobytes())
    market = thing("noise-0001", ("Tržnica", "Mercato", "Market"), (13.7300, 45.5470), "environment")
    settings = {"calibration_db": [15, -1], "period_ms": PERIOD * 1000, "seconds": True}
    node = NodePlan("mic-0001", "noise", market, {"sound": str(sound)}, settings)
    city = VirtualCity(Plan(tmp_path / "city", Ports(*free_ports(2)), nodes=(node,), with_meters=False))
    city.start()
    yield city
    city.stop()


def observations(city: VirtualCity) -> dict[int, list[dict[str, str]]]:
    """What the API has of the market: rows by period, in the order of time."""
    found: dict[int, list[dict[str, str]]] = {PERIOD * 1000: [], 1000: []}
    answer = city.door.get("/api/series.csv", thing="noise-0001")
    if answer.is_success:  # before the first reading there is no such series
        for row in csv.DictReader(io.StringIO(answer.text)):
            found[int(row["period"])].append(row)
    return {period: sorted(rows, key=lambda row: int(row["at"])) for period, rows in found.items()}


def series(rows: list[dict[str, str]], quantity: str) -> list[float]:
    return [float(row["value"]) for row in rows if row["quantity"] == quantity]


@pytest.mark.slow
@pytest.mark.timeout(500)
def test_four_minutes_of_a_street_arrive_with_the_levels_that_numpy_finds(city: VirtualCity, samples: Signal) -> None:
    expected = reference(samples)

    def has_arrived() -> bool:
        assert city.supervise() == [], city.programs["mic-0001"].last_lines()
        rows = observations(city)
        return len(series(rows[60_000], "la90")) >= PERIODS and len(series(rows[1000], "laeq")) >= PERIOD * PERIODS

    wait_until(has_arrived, "four periods and all their seconds are at the API", PERIOD * PERIODS + 120)
    rows = observations(city)
    for name in LEVELS:
        found = series(rows[60_000], name)
        errors = [level - want[name] for level, want in zip(found, expected, strict=True)]
        print(f"{name:7}", " ".join(f"{level:6.1f} {error:+.2f}" for level, error in zip(found, errors, strict=True)))
        assert max(map(abs, errors)) < 0.2, (name, errors)
    assert series(rows[60_000], "measured_time") == [60.0] * PERIODS
    assert series(rows[60_000], "lost_samples") == [0.0] * PERIODS
    too_loud = int((np.abs(np.round(samples * 2**23)) >= 989_923 * 8).sum())  # -0.5 dBFS
    assert too_loud > 4000
    assert series(rows[60_000], "overload_count") == [0.0, 0.0, too_loud, 0.0]
    assert [row["quality"] for row in rows[60_000] if row["quantity"] == "lafmax"] == [
        "valid",
        "valid",
        "suspect",
        "valid",
    ]
    assert [row["quality"] for row in rows[60_000] if row["quantity"] == "lafmin"] == ["valid"] * PERIODS
    seconds = np.array(series(rows[1000], "laeq"))
    assert len(seconds) == PERIOD * PERIODS
    whole = 10 * np.log10(np.mean(10 ** (seconds[:PERIOD] / 10)))
    assert abs(whole - expected[0]["laeq"]) < 0.2  # the minute is the energy mean of its seconds
