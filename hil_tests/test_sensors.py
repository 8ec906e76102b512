"""The virtual sensors tell the truth: what they write down is what a right driver reads from their bytes."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from firmware.drivers import DriverError
from firmware.drivers.jsn_sr04t import distance_mm
from firmware.drivers.reed_contact import count_pulses
from hil_tests.instruments.parking_spot import ParkingSpot, frame
from hil_tests.instruments.scenario import ScenarioError
from hil_tests.instruments.sensors import load
from hil_tests.instruments.water_meter import WaterMeter


def test_each_answer_of_a_parking_spot_reads_as_the_values_it_gave() -> None:
    spot, seen = ParkingSpot(seed=3, mean=5), set()
    for second in range(600):
        answer, values = spot.answer(second)
        millimetres = distance_mm(answer)
        occupancy = "occupied" if millimetres < 1200 else "free"
        seen.add(occupancy)
        assert values == {"distance": millimetres / 1000, "occupancy": occupancy}
    assert seen == {"free", "occupied"}


def test_a_faulty_answer_gives_no_value() -> None:
    spot, silent = ParkingSpot(seed=3, faults=0.5), 0
    for second in range(200):
        answer, values = spot.answer(second)
        try:
            distance_mm(answer)
        except DriverError:
            silent += 1
            assert values == {}
        else:
            assert values
    assert 60 < silent < 140


def test_cars_come_and_go_at_the_listed_times() -> None:
    spot = ParkingSpot(seed=1, changes=[(12.5, "occupied"), (0, "free"), (20, "free")])
    assert [spot.occupancy(second) for second in (0, 12.4, 12.5, 19.9, 20)] == [
        "free",
        "free",
        "occupied",
        "occupied",
        "free",
    ]


def test_a_frame_carries_its_sum() -> None:
    assert frame(412) == b"\xff\x01\x9c\x9c"


@pytest.mark.parametrize("flow", [0.5, 3.6, 18.0])
@pytest.mark.parametrize("step_us", [150_000, 1_000_000, 47_000_000])
def test_a_right_driver_counts_the_volume_that_a_water_meter_writes_down(flow: float, step_us: int) -> None:
    meter, cursor, total, low, now = WaterMeter(5, "1", flow), 0, 0, False, 0
    for _ in range(200):
        now += step_us
        answer, values = meter.since(cursor, now)
        pulses, consumed, low = count_pulses(answer["edges"], answer["now"], low)
        total += pulses
        cursor += consumed
        assert values == {"water_volume": total / 1000}
    assert total > 0


def test_edges_are_kept_until_a_later_one_is_asked_for() -> None:
    meter = WaterMeter(5, "1", 3.6)
    first, _ = meter.since(0, 10_000_000)
    again, _ = meter.since(0, 10_000_000)
    later, _ = meter.since(7, 10_000_000)
    assert again == first
    assert later["first"] == 7


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("truth =", "Invalid value"),
        ('truth = "t"\nsensor = []', "sensor: List should have at least 1 item"),
        ('truth = "t"\n[[sensor]]\nthing = "a"\nkind = "water"', "sensor.0.flow: Field required"),
        ('truth = "t"\n[[sensor]]\nthing = "a"\nkind = "parking"\nmena = 2', "sensor.0.mena: Extra inputs"),
        ('truth = "t"\n[[sensor]]\nthing = "a"\nkind = "volcano"', "sensor.0.kind: there is no virtual volcano"),
    ],
)
def test_a_wrong_scenario_names_its_key(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "scenario.toml"
    path.write_text(text, "utf-8")
    with pytest.raises(ScenarioError) as refused:
        load(path)
    assert said in str(refused.value)


def test_a_missing_scenario_is_one_line(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "hil_tests.instruments.sensors", str(tmp_path / "none.toml")]
    ran = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert ran.returncode == 2
    assert ran.stderr == f"sensors: {tmp_path / 'none.toml'}: No such file or directory\n"


def test_the_program_prints_the_port_of_each_sensor(tmp_path: Path) -> None:
    path = tmp_path / "scenario.toml"
    path.write_text('truth = "t.jsonl"\n[[sensor]]\nthing = "spot-0001"\nkind = "parking"\n', "utf-8")
    command = [sys.executable, "-m", "hil_tests.instruments.sensors", str(path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        line = json.loads(process.stdout.readline())
        process.kill()
    assert line["thing"] == "spot-0001"
    assert line["ports"]["sensor"] > 1024
