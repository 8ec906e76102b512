"""Data records against vectors worked out by hand from EN 13757-3."""

import pytest

from edge.errors import DeviceError
from edge.mbus import record
from edge.mbus.record import Record
from edge.mbus.value import Number, encode_number


def only(octets: str) -> Record:
    (found,) = record.decode(bytes.fromhex(octets)).records
    return found


@pytest.mark.parametrize(
    ("octets", "value", "unit"),
    [
        ("0c1408610500", Number(56108, -2), "m3"),
        ("0a5a0102", Number(201, -1), "Cel"),
        ("0a5a01f2", Number(-201, -1), "Cel"),  # type A: F in the first digit is a minus
        ("025bfeff", Number(-2, 0), "Cel"),
        ("0313010000", Number(1, -3), "m3"),
        ("061300000000 0100", Number(2**32, -3), "m3"),
        ("0713ffffffffffffffff", Number(-1, -3), "m3"),
        ("0e13010000000000", Number(1, -3), "m3"),
        ("053e0000c03f", Number(15, -1), "m3/h"),
        ("04fb0101000000", Number(1, 6), "Wh"),  # 1 MWh
        ("04fb0901000000", Number(1, 9), "J"),
        ("02fd48e100", Number(225, -1), "V"),
        ("04937601000000", Number(1, -3), "m3"),  # VIFE 76: times 10^0
        ("04937001000000", Number(1, -9), "m3"),  # VIFE 70: times 10^-6
        ("04937d01000000", Number(1, 0), "m3"),  # VIFE 7D: times 1000
        ("0d13c2 3412", Number(1234, 0), "m3"),
        ("0d13d2 3412", Number(-1234, 0), "m3"),
        ("0d13e2 ffff", Number(-1, 0), "m3"),
        ("02fc03485225743412", Number(0x1234, -2), "%RH"),
    ],
)
def test_a_number_is_exact_in_its_unit(octets: str, value: Number, unit: str) -> None:
    found = only(octets)
    expected = value._replace(exponent=value.exponent - 3) if octets.startswith("0d13") else value
    assert found.value == expected
    assert found.measurand.unit == unit


@pytest.mark.parametrize(
    ("octets", "why"),
    [
        ("0c13a0000000", "a BCD digit above nine"),
        ("0c13ffffffff", "all F"),
        ("021300 80", "the most negative whole number"),
        ("053e0000c07f", "not a number"),
        ("053e0000807f", "infinity"),
        ("426cffff", "a wildcard date"),
        ("046d80000000", "the invalid bit of type F"),
        ("0413", "no value"),
        ("04931500000000", "record error: no data available"),
    ],
)
def test_what_the_meter_marks_invalid_is_never_a_number(octets: str, why: str) -> None:
    if why == "no value":
        octets = "0013"
    assert only(octets).value is None, why


def test_dates_are_read_in_all_their_types() -> None:
    assert only("426c5f1c").value == "2010-12-31"
    assert only("046d1a2f6511").value == "2011-01-05T15:26"
    assert only("066d1e1a0fe51900").value == "2015-09-05T15:26:30"


def test_text_travels_backwards() -> None:
    assert only("0dfd0f03 434241").value == "ABC"


def test_dife_add_up_to_storage_tariff_and_subunit() -> None:
    found = only("c4d1 c1 01 13 01000000")
    assert (found.storage, found.tariff, found.subunit) == (1 | 1 << 1 | 1 << 5 | 1 << 9, 1, 1 | 1 << 1)


def test_the_function_field_tells_maximum_minimum_and_error() -> None:
    functions = [only(f"{dif:02x}13" + "01000000").function for dif in (0x04, 0x14, 0x24, 0x34)]
    assert functions == ["instantaneous", "maximum", "minimum", "error"]


def test_modifiers_keep_reverse_and_phases_apart_from_the_plain_value() -> None:
    assert only("04933c01000000").modifiers == ("reverse",)
    assert only("04abfc0101000000").modifiers == ("l1",)
    assert only("0495ff0201000000").modifiers == ("manufacturer", "manufacturer_02")


def test_an_unknown_vif_is_a_record_of_its_own_kind() -> None:
    found = only("046f01000000")
    assert found.measurand.name == "unknown"
    assert found.modifiers == ("vif_6f",)


def test_fill_bytes_and_what_follows_the_manufacturer_mark_are_no_records() -> None:
    found = record.decode(bytes.fromhex("2f2f0413010000002f0fabcd"))
    assert len(found.records) == 1
    assert found.manufacturer_block == b"\xab\xcd"
    assert not found.more_follows
    assert record.decode(b"\x1f").more_follows


@pytest.mark.parametrize(
    ("octets", "reason"),
    [
        ("0413010000", "record 0 at byte 0: truncated"),
        ("04130100000004", "record 1 at byte 6: truncated"),
        ("0413010000000c", "record 1 at byte 6: truncated"),
        ("84" + "80" * 11, "more than ten DIFE"),
        ("0493" + "a8" * 11, "more than ten VIFE"),
        ("0d13f7", "LVAR f7 is reserved"),
        ("0d13ca", "LVAR ca is reserved"),
        ("0d13f6", "truncated"),
        ("0d1305aa", "truncated"),
        ("3f", "DIF 3f is not allowed"),
    ],
)
def test_a_broken_record_says_where_and_what(octets: str, reason: str) -> None:
    with pytest.raises(DeviceError, match=reason):
        record.decode(bytes.fromhex(octets))


@pytest.mark.parametrize("coding", [0x1, 0x2, 0x3, 0x4, 0x6, 0x7, 0x9, 0xA, 0xB, 0xC, 0xE])
@pytest.mark.parametrize("integer", [0, 1, 42, 99, -1, -7])
def test_a_number_is_written_as_it_is_read(coding: int, integer: int) -> None:
    octets = bytes((coding, 0x13)) + encode_number(coding, integer)
    (found,) = record.decode(octets).records
    assert found.value == Number(integer, -3)


def test_a_number_too_long_for_its_field_cannot_be_written() -> None:
    for coding, integer in ((0x9, 100), (0x9, -10), (0x1, 128)):
        with pytest.raises(ValueError, match=str(integer)):
            encode_number(coding, integer)
