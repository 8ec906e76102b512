"""Application headers: whose telegram it is, and what is refused or hidden."""

import pytest

from edge.errors import DeviceError
from edge.mbus import telegram
from edge.mbus.frame import Frame
from edge.mbus.quantity import status_of

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
        (Frame(0x08, 1, 0x76, HEADER), "CI field 76 is not known"),
    ],
)
def test_what_is_no_telegram_is_refused_by_name(frame: Frame, reason: str) -> None:
    with pytest.raises(DeviceError, match=reason):
        telegram.decode(frame)


def test_the_status_byte_becomes_one_word_of_the_city() -> None:
    assert [status_of(status) for status in (0, 0x04, 0x10, 0x80, 0x03, 0x08, 0x0B)] == [
        "ok", "warning", "warning", "warning", "alarm", "fault", "fault",
    ]  # fmt: skip
