"""Every kind of node keeps the same rules: location is registration, and this is the interview."""

import importlib
from pathlib import Path

import pytest

from firmware.quantities import split_quantity

KINDS = sorted(file.stem for file in (Path(__file__).parents[1] / "nodes").glob("*.py") if file.stem != "__init__")


@pytest.fixture(params=KINDS)
def kind(request: pytest.FixtureRequest):
    return importlib.import_module(f"firmware.nodes.{request.param}")


def test_it_publishes_only_what_the_city_knows(kind) -> None:
    assert kind.QUANTITIES
    for quantity in kind.QUANTITIES:
        split_quantity(quantity)


def test_its_defaults_pass_its_own_checks_as_node_json_would_give_them(kind) -> None:
    for key, (check, default) in kind.OPTIONAL.items():
        given = list(default) if isinstance(default, tuple) else default
        if given not in (None, ""):
            assert check(key, given) in (default, given), key


def test_it_says_whether_it_may_sleep_and_can_be_made(kind) -> None:
    assert type(kind.BATTERY) is bool
    assert callable(kind.make)
    assert not set(kind.KEYS) & set(kind.OPTIONAL)


def test_only_the_hal_touches_the_chip() -> None:
    firmware = Path(__file__).parents[1]
    for file in firmware.rglob("*.py"):
        inside = file.relative_to(firmware)
        if inside.parts[0] in ("hal", "tests", "boot") or inside.stem == "partition":
            continue
        imported = {
            line.split()[1] for line in file.read_text("utf-8").splitlines() if line.startswith(("import ", "from "))
        }
        assert not imported & {"machine", "network", "esp32"}, inside
