"""Records to quantities: keys that say everything, units converted exactly, nothing guessed."""

import pytest

from edge.mbus import frame, telegram
from edge.mbus.frame import Frame
from edge.mbus.quantity import Rule, values_of

WATER, HEAT, ELECTRICITY, GAS = 0x07, 0x04, 0x02, 0x03


def values(octets: str, medium: int = WATER, rules: tuple[Rule, ...] = ()) -> dict[str, object]:
    header = bytes.fromhex("175885062d2c08") + bytes((medium, 4, 0, 0, 0))
    answer = frame.decode(frame.encode(Frame(0x08, 1, 0x72, header + bytes.fromhex(octets))))
    return dict(values_of([telegram.decode(answer)], rules))


@pytest.mark.parametrize(
    ("octets", "medium", "expected"),
    [
        ("0c1408610500", WATER, {"water_volume": (56108, -2)}),
        ("0c1408610500", GAS, {"gas_volume": (56108, -2)}),
        ("0c1408610500", HEAT, {"volume": (56108, -2)}),
        ("0406e7910000", HEAT, {"heat_energy": (37351, 0)}),
        ("040ee7910000", HEAT, {"heat_energy_gj": (37351, -3)}),
        ("042b01000000", ELECTRICITY, {"active_power": (1, 0)}),
        ("042d01000000", HEAT, {"heat_power": (1, -1)}),
        ("044301000000", WATER, {"water_flow": (60, -4)}),
        ("022702 00", WATER, {"operating_time": (48, 0)}),
        ("02fd171000", WATER, {"error_flags": 16}),
        ("4c1367452301", WATER, {"water_volume.s1": (1234567, -3)}),
        ("8410061a000000", HEAT, {"heat_energy.t1": (26, 0)}),
        ("84401301000000", WATER, {"water_volume.u1": (1, -3)}),
        ("141301000000", WATER, {"water_volume.max": (1, -3)}),
        ("04933c01000000", WATER, {"water_volume.reverse": (1, -3)}),
        ("04abfc0101000000", ELECTRICITY, {"active_power.l1": (1, 0)}),
    ],
)
def test_a_record_travels_under_a_key_that_says_all_of_it(
    octets: str, medium: int, expected: dict[str, object]
) -> None:
    assert values(octets, medium) == expected


@pytest.mark.parametrize(
    ("octets", "why"),
    [
        ("341301000000", "a value during the error state"),
        ("04957f01000000", "a manufacturer's own meaning"),
        ("0c13ffffffff", "invalid"),
        ("0c7808610500", "a number that measures nothing"),
        ("0713ffffffffffffff7f", "more than fifteen digits"),
        ("041301000000041302000000", "two records that only the manual tells apart"),
    ],
)
def test_what_no_key_can_say_is_not_published(octets: str, why: str) -> None:
    assert values(octets) == {}, why


def test_a_profile_replaces_the_table_and_keeps_the_qualifiers() -> None:
    rules = (Rule("water_volume", "volume", storage=0), Rule("volume", "volume"))
    assert values("0413010000004413020000000406e7910000", HEAT, rules) == {
        "water_volume": (1, -3),
        "volume.s1": (2, -3),
    }
