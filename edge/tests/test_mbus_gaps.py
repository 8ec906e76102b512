"""Where other decoders are silently wrong: each case derived by hand from EN 13757-3, and right here."""

import pytest

from edge.errors import DeviceError
from edge.mbus import frame, record, telegram
from edge.mbus.frame import Frame
from edge.mbus.record import Record
from edge.mbus.value import Number

HEADER = bytes.fromhex("175885062d2c0807040000")


def only(octets: str) -> Record:
    (found,) = record.decode(bytes.fromhex(octets)).records
    return found


@pytest.mark.parametrize(
    ("octets", "value"),
    [
        ("049370 01000000", Number(1, -9)),  # 10^-3 m3 times 10^-6
        ("049371 01000000", Number(1, -8)),
        ("049376 01000000", Number(1, -3)),
        ("049377 01000000", Number(1, -2)),
        ("04937d 01000000", Number(1, 0)),
        ("0493fd70 01000000", Number(1, -6)),  # both: 1000 times 10^-6
        ("04db78 01000000", Number(1001, -3)),  # 1 degree + 10^-3 degree
        ("04da7b 01000000", Number(11, -1)),  # 0.1 degree + 1 degree
        ("04937b ffffffff", Number(999, -3)),  # -0.001 m3 + 1 m3
        ("0c1408610500", Number(56108, -2)),
    ],
)
def test_correction_factors_and_constants_count(octets: str, value: Number) -> None:
    assert only(octets).value == value


@pytest.mark.parametrize("mode", [2, 3, 4, 5, 7, 8, 9, 10, 13])
def test_hidden_records_without_a_key_are_a_status_and_no_records(mode: int) -> None:
    hidden = HEADER[:10] + bytes((0x10, mode)) + bytes(range(3, 19))
    found = telegram.decode(Frame(0x08, 1, 0x72, hidden))
    assert found.encrypted.startswith(f"mode {mode}, ")
    assert (found.records, found.manufacturer_block) == ((), b"")


@pytest.mark.parametrize(
    ("octets", "value"),
    [
        ("0d13c2 3412", Number(1234, -3)),
        ("0d13d2 3412", Number(-1234, -3)),
        ("0d13c1 a1", None),
        ("0d13e2 3412", Number(0x1234, -3)),
        ("0d13e2 feff", Number(-2, -3)),
        ("0d13e0", None),
        ("0d13c0", None),
        ("0dfd0f00", ""),
        ("0dfd0f03 434241", "ABC"),
        ("0dfd0f02 e861", "aè"),
        ("0dfd3bf0 " + "01" * 16, b"\x01" * 16),
        ("0dfd3af5 " + "01" * 48, b"\x01" * 48),
        ("0dfd3af6 " + "01" * 64, b"\x01" * 64),
        ("0d5bf8 000000000000f83f", Number(15, -1)),
        ("0d5bf8 000000000000f87f", None),
        ("0d5bf8 00000000000004c0", Number(-25, -1)),
    ],
)
def test_variable_length_in_all_its_forms(octets: str, value: object) -> None:
    assert only(octets).value == value


def test_a_selection_for_readout_is_a_record_without_a_value() -> None:
    found = record.decode(bytes.fromhex("08130413 01000000")).records
    assert [(row.measurand.name, row.value) for row in found] == [("volume", None), ("volume", Number(1, -3))]


@pytest.mark.parametrize(
    ("octets", "value"),
    [
        ("426c 5f1c", "2010-12-31"),
        ("426c ff2c", "2023-12-31"),
        ("426c ffff", None),
        ("426c fffc", "XXXX-12-31"),  # every year
        ("426c 4f1f", "2010-XX-15"),  # every month
        ("426c 401c", "2010-12-XX"),  # every day
        ("426c 5e12", None),  # the 30th of February
        ("426c 0000", None),
        ("426c 21a6", "1981-06-01"),  # year 81 and above: the last century
        ("046d 1a2f6511", "2011-01-05T15:26"),
        ("046d 9a2f6511", None),  # IV
        ("046d 3f3f6511", "2011-01-05TXX:XX"),
        ("046d 1a0f6511", "2011-01-05T15:26"),  # no hundreds: 2000 to 2080
        ("046d 1a4f6511", "2111-01-05T15:26"),
        ("046d 1a3e6511", None),  # hour 30
        ("066d 1e1a0fe51900", "2015-09-05T15:26:30"),
        ("066d 1e9a0fe51900", None),  # IV
        ("066d 3f3f1f000000", "2000-XX-XXTXX:XX:XX"),
        ("066d 1e1a0fe01f00", None),
        ("066d 1e1a0fe0f900", "XXXX-09-XXT15:26:30"),
        ("036d 1e1a0f", "15:26:30"),
        ("036d ffffff", None),
        ("036d 3f1a0f", "15:26:XX"),
        ("036d 3c1a0f", None),  # second 60
        ("0d6de5 20 10270000", "2013-01-01T02:46:40+00:00"),  # type M: 10,000 s after 2013
        ("0d6de5 22 10270000", "2013-01-01T04:46:40+02:00"),
        ("0d6de5 a0 10270000", "1970-01-01T02:46:40+00:00"),
        ("0d6de3 00 0100", "2013-01-01T00:00:02+00:00"),
        ("0d6de3 40 8000", "2013-01-01T00:00:00.500000+00:00"),
        ("0d6de3 30 0a00", Number(10, 0)),  # no offset but a duration
        ("0d6de3 50 8000", Number(128 * 390625, -8)),
        ("0d6de2 ffff", None),
        ("0d6de9 20 ffffffffffffff7f", None),
        ("04fd30 1a2f6511", "2011-01-05T15:26"),
        ("02fd70 5f1c", "2010-12-31"),
    ],
)
def test_dates_of_every_type_with_invalid_and_repeating_ones(octets: str, value: object) -> None:
    assert only(octets).value == value


def test_a_clock_on_summer_time_says_so() -> None:
    assert only("046d 1aaf6511").is_summer_time
    assert not only("046d 1a2f6511").is_summer_time
    assert only("066d 5e1a0fe51900").is_summer_time


@pytest.mark.parametrize(
    ("octets", "why"),
    [
        ("0c13 aaaaaaaa", "a BCD digit above nine"),
        ("0c13 000000fa", "F is a minus, A is none"),
        ("0c13 ffffffff", "all F"),
        ("0113 80", "the most negative 8-bit number"),
        ("0213 0080", "the most negative 16-bit number"),
        ("0413 00000080", "the most negative 32-bit number"),
        ("0713 0000000000000080", "the most negative 64-bit number"),
        ("0553 0000c07f", "not a number"),
        ("0553 000080ff", "minus infinity"),
    ],
)
def test_invalid_is_invalid_and_never_zero(octets: str, why: str) -> None:
    assert only(octets).value is None, why


@pytest.mark.parametrize(
    ("octets", "size"), [("0413010000", 5), ("0d1305414243", 6), ("84", 1), ("04fd", 2), ("047c05414243", 6), ("04", 1)]
)
def test_a_truncated_record_is_an_error_that_says_where(octets: str, size: int) -> None:
    whole = bytes.fromhex("041301000000")
    with pytest.raises(DeviceError, match=r"record 1 at byte 6: truncated"):
        record.decode(whole + bytes.fromhex(octets))
    assert len(bytes.fromhex(octets)) == size


@pytest.mark.parametrize(
    ("octets", "name", "unit"),
    [
        ("01bb50 05", "volume_flow_duration_of_first_lower_limit_exceed", "s"),
        ("01bb5e 05", "volume_flow_duration_of_last_upper_limit_exceed", "h"),
        ("01bb49 05", "volume_flow_upper_limit_exceeds", ""),
        ("01bb62 05", "volume_flow_duration_of_first", "h"),
    ],
)
def test_a_limit_exceed_is_named_and_not_read_as_a_flow(octets: str, name: str, unit: str) -> None:
    found = only(octets)
    assert (found.measurand.name, found.measurand.unit, found.value) == (name, unit, Number(5, 0))


@pytest.mark.parametrize(
    ("octets", "name"),
    [
        ("04bb42 1a2f6511", "volume_flow_begin_of_first_lower_limit_exceed_date"),
        ("04bb4f 1a2f6511", "volume_flow_end_of_last_upper_limit_exceed_date"),
        ("04ab6e 1a2f6511", "power_begin_of_last_date"),
        ("048639 1a2f6511", "energy_start_date"),
    ],
)
def test_a_date_of_something_is_a_date_and_not_a_number(octets: str, name: str) -> None:
    found = only(octets)
    assert (found.measurand.name, found.value) == (name, "2011-01-05T15:26")


@pytest.mark.parametrize(
    ("octets", "value", "unit"),
    [
        ("04fb0801000000", Number(1, 8), "J"),  # 0.1 GJ
        ("04fb0d01000000", Number(1, 6), "cal"),  # 1 Mcal
        ("02fd741000", Number(16, 0), "d"),  # battery
        ("02fdfd021000", Number(16, 0), "mo"),
        ("04fb0201000000", Number(1, 3), "varh"),
        ("02fb1ae803", Number(1000, -1), "%"),
        ("04fd5901000000", Number(1, -3), "A"),
        ("02fd17ffff", Number(65535, 0), ""),  # bits have no sign
        ("0493fc11 ffffffff", Number(2**32 - 1, -3), "m3"),  # VIFE FC 11: unsigned
        ("049322 01000000", Number(1, -3), "m3/h"),
        ("0413 ffffffff", Number(-1, -3), "m3"),
        ("0913 f7", Number(-7, -3), "m3"),
    ],
)
def test_units_are_not_lost(octets: str, value: Number, unit: str) -> None:
    found = only(octets)
    assert (found.value, found.measurand.unit) == (value, unit)


@pytest.mark.parametrize(("vife", "word"), [("15", "no data available"), ("18", "data error"), ("01", "too many DIFE")])
def test_a_record_error_takes_the_value_and_gives_its_reason(vife: str, word: str) -> None:
    found = only(f"0493{vife} 01000000")
    assert (found.value, found.error) == (None, word)


@pytest.mark.parametrize(
    ("vife", "word"), [("12", "average"), ("1d", "standard_conform"), ("3e", "at_base_conditions")]
)
def test_what_only_looks_like_an_error_is_a_modifier(vife: str, word: str) -> None:
    found = only(f"0493{vife} 01000000")
    assert (found.value, found.modifiers, found.error) == (Number(1, -3), (word,), "")


def test_an_application_error_keeps_its_code() -> None:
    with pytest.raises(DeviceError, match="application error 08, application too busy"):
        telegram.decode(frame.decode(bytes.fromhex("68040468080170088116")))


def test_data_behind_more_records_follow_is_kept_as_the_manufacturers() -> None:
    found = record.decode(bytes.fromhex("0413010000001f0102"))
    assert (found.more_follows, found.manufacturer_block) == (True, b"\x01\x02")


def test_no_two_records_share_a_key() -> None:
    octets = "041301000000 441301000000 84101301000000 141301000000 041302000000 04933c01000000 84401301000000"
    found = record.decode(bytes.fromhex(octets)).records
    assert record.keys_of(found) == [
        "volume", "volume.s1", "volume.t1", "volume.max", "volume#2", "volume.reverse", "volume.u1",
    ]  # fmt: skip
