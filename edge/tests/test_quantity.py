"""Records to quantities: keys that say everything, units converted exactly, nothing guessed."""

import pytest

from edge.mbus import frame, telegram
from edge.mbus.frame import Frame
from edge.mbus.quantity import Rule, source_of, state_of, values_of
from edge.mbus.vif import MEASURANDS
from firmware import contract

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
        ("04863c01000000", ELECTRICITY, {"active_energy_export": (1, 0)}),
        ("04863b01000000", ELECTRICITY, {"active_energy_import": (1, 0)}),
        ("04933b01000000", WATER, {"water_volume": (1, -3)}),
        ("041302000000 04933b01000000", WATER, {"water_volume": (2, -3)}),
        ("042005000000", WATER, {"on_time_s": (5, 0)}),
        ("042502000000", WATER, {"operating_time_s": (120, 0)}),
        ("02fd741000", WATER, {"battery_remaining": (16, 0)}),
        ("0c7808610500", WATER, {"fabrication_number": "00056108"}),
        ("0dfd0e03312e32", WATER, {"firmware_version": "2.1"}),
        ("426c5f1c", WATER, {"meter_date.s1": "2010-12-31"}),
        ("02ec7e5f1c", WATER, {"next_billing_date": "2010-12-31"}),
        ("046d1a2f6511", WATER, {"meter_time": "2011-01-05T15:26"}),
        ("01fd1b05", WATER, {"digital_input": 5}),
        ("0206e803", GAS, {"energy": (1000, 0)}),
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
        ("0dfd1103434241", "a customer's name"),
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


def test_a_profile_names_the_phase_that_only_the_manual_knows() -> None:
    octets = "02fd48e100 02fd48e200 02fdc8ff03e300"
    rules = (
        Rule("voltage.l1", "voltage", modifiers=(), nth=1),
        Rule("voltage.l2", "voltage", modifiers=(), nth=2),
        Rule("voltage.l3", "voltage", modifiers=("manufacturer", "manufacturer_03")),
    )
    assert values(octets, ELECTRICITY, rules) == {
        "voltage.l1": (225, -1), "voltage.l2": (226, -1), "voltage.l3": (227, -1),
    }  # fmt: skip


def test_a_value_that_two_telegrams_of_one_readout_repeat_is_kept_unless_they_differ() -> None:
    header = bytes.fromhex("175885062d2c0807 04000000")
    first, same, other = (
        telegram.decode(Frame(0x08, 1, 0x72, header + bytes.fromhex(octets)))
        for octets in ("041301000000", "041301000000 0c7808610500", "041302000000")
    )
    assert values_of([first, same]) == {"water_volume": (1, -3), "fabrication_number": "00056108"}
    assert values_of([first, other]) == {}


# Standard measurands that stay in the telegram, and why.
SECRET = {
    "password", "security_key", "access_code_user", "access_code_operator", "access_code_system_operator",
    "access_code_developer",
}  # fmt: skip
PERSONAL = {"customer", "customer_location", "credit", "debit"}
SERVICE = {
    "identification", "bus_address", "any", "manufacturer_specific", "access_number", "medium", "manufacturer",
    "parameter_set_identification", "model_version", "hardware_version", "software_version", "error_mask", "baud_rate",
    "response_delay", "retry", "remote_control", "first_storage_number", "last_storage_number", "storage_count",
    "tariff_and_subunit_descriptor", "storage_interval", "operator_data", "time_point_second", "tariff_start",
    "tariff_duration", "tariff_period", "wireless_container", "transmission_period", "since_readout",
    "cumulation_counter", "control_signal", "day_of_week", "week_number", "time_of_day_change",
    "parameter_activation", "special_supplier_information", "since_cumulation", "battery_change", "daylight_saving",
    "listening_window", "manufacturer_container", "selected_application",
}  # fmt: skip
INEXACT = {"[cft_i]", "[gal_us]", "[gal_us]/min", "[gal_us]/h", "[degF]", "mo", "a"}


@pytest.mark.parametrize(("extension", "code"), sorted(MEASURANDS))
def test_every_standard_measurand_is_a_quantity_or_stands_in_the_list_of_those_that_stay(
    extension: int, code: int
) -> None:
    measurand = MEASURANDS[extension, code]
    vif = {0: "", 0x7B: "fb", 0x7D: "fd", 0x7D7D: "fdfd"}[extension] + f"{code:02x}"
    given = values(f"02{vif}5f1c") if measurand.name in ("date", "date_time") else values(f"02{vif}0100")
    stays = measurand.name in SECRET | PERSONAL | SERVICE or measurand.unit in INEXACT
    assert bool(given) != stays, measurand
    if given:
        contract.check_reading({"thing": "meter", "at": 1, "values": given})


def test_the_state_of_a_readout_is_the_worst_of_its_telegrams_and_all_their_bits() -> None:
    header = bytes.fromhex("175885062d2c0807 04")
    found = [telegram.decode(Frame(0x08, 1, 0x72, header + bytes((status, 0, 0)))) for status in (0x00, 0x04, 0x08)]
    assert state_of(found[:1]) == {"status_code": "ok", "meter_status": 0}
    assert state_of(found) == {"status_code": "fault", "meter_status": 0x0C}
    assert state_of([telegram.decode(Frame(0x08, 1, 0x71, b"\x01"))])["status_code"] == "alarm"


def test_a_meter_exchange_shows_in_the_source() -> None:
    header = bytes.fromhex("175885062d2c0807 04000000")
    assert source_of(telegram.decode(Frame(0x08, 1, 0x72, header))) == "KAM-06855817-08"
