"""Application headers: whose telegram it is, and what is refused or hidden."""

import pytest

from edge.errors import DeviceError
from edge.mbus import telegram
from edge.mbus.frame import Frame
from edge.mbus.quantity import status_of
from edge.mbus.value import Number

HEADER = bytes.fromhex("175885062d2c0804040000" + "00")


def test_the_long_header_says_who_and_what() -> None:
    found = telegram.decode(Frame(0x08, 1, 0x72, HEADER))
    assert (found.identification, found.manufacturer, found.version) == ("06855817", "KAM", 8)
    assert (found.medium, found.access_number, found.status) == ("heat_outlet", 4, 0)


def test_short_and_absent_headers_leave_the_meter_unnamed() -> None:
    for ci, header in ((0x7A, "04000000"), (0x78, "")):
        found = telegram.decode(Frame(0x08, 1, ci, bytes.fromhex(header + "041301000000")))
        assert (found.manufacturer, len(found.records)) == ("", 1)


@pytest.mark.parametrize("mode", [5, 7, 13])
def test_an_encrypted_payload_gives_a_status_and_no_records(mode: int) -> None:
    hidden = HEADER[:10] + bytes((0x10, mode)) + bytes(range(16))
    found = telegram.decode(Frame(0x08, 1, 0x72, hidden))
    assert found.encrypted.startswith(f"mode {mode}")
    assert found.records == ()


def test_a_payload_that_someone_decrypted_already_is_read() -> None:
    plain = HEADER[:10] + b"\x10\x05" + b"\x2f\x2f" + bytes.fromhex("041301000000") + b"\x2f" * 8
    assert len(telegram.decode(Frame(0x08, 1, 0x72, plain)).records) == 1


@pytest.mark.parametrize(
    ("frame", "reason"),
    [
        (Frame(0x53, 1, 0x51), "C field 53 is no RSP_UD"),
        (Frame(0x08, 1), "no RSP_UD"),
        (Frame(0x08, 1, 0x70, b"\x08"), "application error 08"),
        (Frame(0x08, 1, 0x72, HEADER[:11]), "header truncated"),
        (Frame(0x08, 1, 0x7A, b"\x00"), "header truncated"),
        (Frame(0x08, 1, 0x73, bytes(15)), "fixed data structure of 15 bytes"),
        (Frame(0x08, 1, 0x79, HEADER), "CI field 79 is not known"),
        (Frame(0x08, 1, 0x70), "application error 00, unspecified"),
        (Frame(0x08, 1, 0x6E, b"\x00\x00\x00\x00\x09"), "application error 09, too many readouts"),
        (Frame(0x08, 1, 0x71), "alarm without its state"),
    ],
)
def test_what_is_no_telegram_is_refused_by_name(frame: Frame, reason: str) -> None:
    with pytest.raises(DeviceError, match=reason):
        telegram.decode(frame)


def test_the_status_byte_becomes_one_word_of_the_city() -> None:
    assert [status_of(status) for status in (0, 0x04, 0x10, 0x80, 0x03, 0x08, 0x0B)] == [
        "ok", "warning", "warning", "warning", "alarm", "fault", "fault",
    ]  # fmt: skip


def test_the_other_byte_order_says_the_same() -> None:
    header = bytes.fromhex("06855817" + "2c2d" + "0807" + "0400" + "0000")
    records = bytes.fromhex("0413 00000102 0dfd0f03 414243 046d 11650f1e")
    found = telegram.decode(Frame(0x08, 1, 0x76, header + records))
    assert (found.identification, found.manufacturer, found.medium) == ("06855817", "KAM", "water")
    assert [record.value for record in found.records] == [Number(258, -3), "ABC", "2011-01-05T15:30"]


def test_an_alarm_is_its_bits_and_no_records() -> None:
    for ci, header in ((0x71, ""), (0x74, "04000000"), (0x75, HEADER.hex())):
        found = telegram.decode(Frame(0x08, 1, ci, bytes.fromhex(header + "05")))
        assert (found.alarm, found.records) == (5, ())


@pytest.mark.parametrize(
    ("payload", "ci", "expected"),
    [
        # Two counters of a water meter: 1 l now and 135 l at the fixed date (unit 3E).
        ("78563412 0a 00 e97e 01000000 35010000", 0x73, [("volume", Number(1, -3), 0), ("volume", Number(135, -3), 1)]),
        ("12345678 0a 00 e97e 00000001 00000135", 0x77, [("volume", Number(1, -3), 0), ("volume", Number(135, -3), 1)]),
        ("78563412 0a 03 c57e feffffff 35010000", 0x73, [("energy", Number(-2, 3), 1), ("energy", Number(309, 3), 1)]),
        ("78563412 0a 00 e97e aa000000 35010000", 0x73, [("volume", None, 0), ("volume", Number(135, -3), 1)]),
    ],
)
def test_the_fixed_structure_has_two_counters(payload: str, ci: int, expected: list[object]) -> None:
    found = telegram.decode(Frame(0x08, 1, ci, bytes.fromhex(payload)))
    assert found.identification == "12345678"
    assert [(record.measurand.name, record.value, record.storage) for record in found.records] == expected
    assert found.medium == "water"


def test_a_manufacturer_is_three_letters_of_five_bits_both_ways() -> None:
    assert telegram.manufacturer_name(0x2C2D) == "KAM"
    assert telegram.manufacturer_code("KAM") == 0x2C2D
