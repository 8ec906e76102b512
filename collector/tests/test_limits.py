"""Limits are checked once at start; what cannot be used is refused by its key."""

from pathlib import Path

import pytest

from collector.entities.inventory import ConfigError
from collector.messages.limits import PLAUSIBLE, Limit, load_limits
from collector.observation import kind_of


def test_the_city_s_limits_can_be_used() -> None:
    limits = load_limits()
    assert {"temperature", "air_pressure", "laeq"} <= limits.keys()
    assert limits["temperature"] == Limit(most_per_hour=30, step=30, stuck_hours=168, resting=(0,))


def test_the_city_s_limits_lie_within_what_is_plausible_at_all() -> None:
    for name, limit in load_limits().items():
        kind = kind_of(name)
        assert kind.low is not None
        assert kind.high is not None
        assert limit.step < kind.high - kind.low
        assert all(kind.low <= value <= kind.high for value in limit.resting)


def test_each_row_says_why() -> None:
    """A comment stands before every table, behind an empty line."""
    for row in PLAUSIBLE.read_text("utf-8").split("\n\n"):
        assert row.startswith("#")


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("[phlogiston]\nstuck_hours = 1", "phlogiston: unknown quantity"),
        ('["laeq.max"]\nstuck_hours = 1', "laeq.max: expected a quantity without qualifiers, as in laeq"),
        ("[occupancy]\nstuck_hours = 1", "occupancy: expected a gauge, a counter or a sound level, not code"),
        ("[error_flags]\nstuck_hours = 1", "error_flags: expected a gauge, a counter or a sound level, not flags"),
        ("[laeq]", "laeq: expected most_per_hour or stuck_hours"),
        ("[laeq]\nresting = [0]\nmost_per_hour = 1", "laeq: resting: means nothing without stuck_hours"),
        ("[laeq]\nstep = 1\nstuck_hours = 1", "laeq: step: means nothing without most_per_hour"),
        ("[laeq]\nmost_per_hour = 0", "laeq.most_per_hour: Input should be greater than 0"),
        ("[laeq]\nmost_per_hour = inf", "laeq.most_per_hour: Input should be a finite number"),
        ("[laeq]\nmost_per_hour = 1\nstep = -1", "laeq.step: Input should be greater than or equal to 0"),
        ("[laeq]\nstuck_hours = true", "laeq.stuck_hours: Input should be a valid number"),
        ("[laeq]\nstuck_hours = -1", "laeq.stuck_hours: Input should be greater than 0"),
        ('[laeq]\nstuck_hours = 1\nresting = ["dry"]', "laeq.resting.0: Input should be a valid number"),
        ("[laeq]\nstuck_minutes = 1", "laeq.stuck_minutes: unknown key"),
        ("laeq = 1", "laeq: Input should be a valid dictionary or instance of Limit"),
        ("[laeq", "Expected ']'"),
    ],
)
def test_what_cannot_be_used_is_refused_by_its_key(tmp_path: Path, text: str, error: str) -> None:
    file = tmp_path / "plausible.toml"
    file.write_text(text)
    with pytest.raises(ConfigError) as refused:
        load_limits(file)
    assert str(refused.value).startswith(f"{file}: {error}")


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"plausible\.toml: No such file"):
        load_limits(tmp_path / "plausible.toml")
