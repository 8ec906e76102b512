"""What the arithmetic says of a battery: which plans hold what the city wants, and which don't."""

import pytest

from hil_tests import battery

TABLE = battery.load()
# The arithmetic says no: an hourly report by Wi-Fi, and a boot of the interpreter for every look at a magnetometer,
# cost more than the cell has. Who changes currents.toml so that one of these lasts takes it off this list.
TOO_SHORT = {
    "water, read and reported hourly",
    "parking, magnetometer every 10 s, 20 changes and 24 heartbeats a day",
    "parking, magnetometer every minute, 20 changes and 4 heartbeats a day",
    "parking, magnetometer every 5 minutes, 20 changes and 2 heartbeats a day",
}


def test_a_day_of_known_currents_adds_up() -> None:
    chip = battery.Chip(
        deep_sleep=0.1, quiescent=0.1, awake=36, radio=100, boot_ms=900, join_ms=1000, handshake_ms=500, exchange_ms=300
    )
    sensor = battery.Sensor(standby=0.3, on=72, sample_ms=100)
    cell = battery.Battery(capacity=1000, usable=0.5, self_discharge=0.36525)
    plan = battery.Plan(name="x", kind="x", sensors=("s",), wakes=3600, reports=2000, years=1)
    table = battery.Table(battery=cell, chip=chip, sensor={"s": sensor}, plan=[plan])
    found = battery.budget(plan, table)
    assert found == pytest.approx((0.5 * (86_400 - 3_600 - 3_600) / 3_600, 36.0, 100.0, 7.2))
    assert found.days(cell) == pytest.approx(500 / (11 + 36 + 100 + 7.2 + 1))


@pytest.mark.parametrize("plan", TABLE.plan, ids=[plan.name for plan in TABLE.plan])
def test_each_plan_lasts_as_long_as_the_city_wants_or_is_listed(plan: battery.Plan) -> None:
    years = battery.budget(plan, TABLE).days(TABLE.battery) / 365.25
    assert (years >= plan.years) == (plan.name not in TOO_SHORT), f"{years:.2f} years"


def test_there_is_a_plan_for_each_kind_that_sleeps_and_one_that_lasts_where_the_arithmetic_allows() -> None:
    lasting = {plan.kind for plan in TABLE.plan if plan.name not in TOO_SHORT}
    assert {plan.kind for plan in TABLE.plan} == {"water", "parking", "level"}
    assert lasting == {"water", "level"}


def test_the_report_has_a_line_for_each_plan(capsys: pytest.CaptureFixture[str]) -> None:
    assert battery.main() == 0
    said = capsys.readouterr().out
    assert all(plan.name in said for plan in TABLE.plan)
    assert "too short, 3 wanted" in said
