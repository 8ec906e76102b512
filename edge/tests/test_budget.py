"""Whether a line can carry its plan."""

import logging

import pytest

from edge import budget, gateway
from edge.config import LineConfig


def line(meters: int, period: int, **changes: object) -> LineConfig:
    meter = [{"thing": f"wm-{number}", "primary_address": number, "period": period} for number in range(meters)]
    return LineConfig.model_validate({"name": "cellar", "kind": "mbus", "port": "/dev/x", "meter": meter, **changes})


def test_250_meters_at_2400_baud_take_minutes() -> None:
    found = budget.of(line(250, 3600))
    assert 2.4 * 60 <= found.round <= 4.0 * 60
    assert found.is_met


def test_a_plan_that_cannot_be_met_is_said(caplog: pytest.LogCaptureFixture) -> None:
    impossible = line(250, 60)
    assert not budget.of(impossible).is_met
    with caplog.at_level(logging.WARNING):
        gateway._say_budget(impossible)
    assert "the plan can not be met: 250 meters take" in caplog.text


def test_a_faster_line_carries_more() -> None:
    assert budget.of(line(250, 60, baud=38400)).is_met


@pytest.mark.parametrize("profile", ["eastron_sdm630", "sunspec_inverter"])
def test_modbus_registers_take_their_time(profile: str) -> None:
    meter = [{"thing": "em-1", "unit_id": 1, "period": 1, "profile": profile}]
    slow = LineConfig.model_validate(
        {"name": "x", "kind": "modbus-rtu", "port": "/dev/x", "baud": 9600, "meter": meter}
    )
    fast = slow.model_copy(update={"kind": "modbus-tcp", "port": "tcp:127.0.0.1:502"})
    assert budget.of(slow).round > budget.of(fast).round > 0.05
