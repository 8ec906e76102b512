"""Who sent an application telegram, how is the meter, and what does it say (EN 13757-3 5)?"""

from dataclasses import dataclass
from typing import NamedTuple

from edge.errors import DeviceError
from edge.mbus import fixed, record
from edge.mbus.frame import RSP_UD, Frame
from edge.mbus.record import Record

# CI fields of answers
LONG_HEADER, FIXED, NO_HEADER, SHORT_HEADER, APPLICATION_ERROR, ALARM = 0x72, 0x73, 0x78, 0x7A, 0x70, 0x71
MOST_SIGNIFICANT_FIRST = 0x04  # 76 is 72, 77 is 73, 7E is 7A with bytes in the other order
HEADER_SIZES = {LONG_HEADER: 12, NO_HEADER: 0, SHORT_HEADER: 4, 0x76: 12, 0x7E: 4}  # bytes before the records
_ERROR_HEADERS = {APPLICATION_ERROR: 0, 0x6E: 4, 0x6F: 12}
_ALARM_HEADERS = {ALARM: 0, 0x74: 4, 0x75: 12}
APPLICATION_ERRORS = {
    0x00: "unspecified", 0x01: "CI field not implemented", 0x02: "buffer too long, truncated", 0x03: "too many records",
    0x04: "premature end of record", 0x05: "more than ten DIFE", 0x06: "more than ten VIFE", 0x07: "reserved",
    0x08: "application too busy", 0x09: "too many readouts", 0x10: "access denied", 0x11: "unknown application",
    0x12: "parameter error", 0x13: "out of sequence", 0xF0: "dynamic application error",
}  # fmt: skip
MEDIA = {
    0x00: "other", 0x01: "oil", 0x02: "electricity", 0x03: "gas", 0x04: "heat_outlet", 0x05: "steam",
    0x06: "warm_water", 0x07: "water", 0x08: "heat_cost_allocator", 0x09: "compressed_air", 0x0A: "cooling_outlet",
    0x0B: "cooling_inlet", 0x0C: "heat_inlet", 0x0D: "heat_cooling", 0x0E: "bus", 0x0F: "unknown",
    0x10: "irrigation_water", 0x11: "water_logger", 0x12: "gas_logger", 0x13: "gas_converter", 0x14: "calorific_value",
    0x15: "hot_water", 0x16: "cold_water", 0x17: "dual_water", 0x18: "pressure", 0x19: "analog_digital",
    0x1A: "smoke_detector", 0x1B: "room_sensor", 0x1C: "gas_detector", 0x20: "breaker", 0x21: "valve",
    0x25: "customer_unit", 0x28: "waste_water", 0x29: "garbage", 0x30: "service_tool", 0x31: "gateway",
    0x32: "repeater", 0x33: "repeater", 0x36: "radio_converter", 0x37: "radio_converter",
}  # fmt: skip
# Modes of the configuration field that hide the records (EN 13757-7). Old meters wrote a signature there.
_ENCRYPTED = {
    2: "DES-CBC", 3: "DES-CBC", 4: "AES-CBC", 5: "AES-CBC", 7: "AES-CBC with a key of its own", 8: "AES-CTR",
    9: "AES-GCM", 10: "AES-CCM", 13: "TLS",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Telegram:
    """One application telegram; a header that is not there leaves its fields empty."""

    identification: str
    manufacturer: str
    version: int | None
    medium: str
    access_number: int | None
    status: int  # EN 13757-3 table 5; 0 = nothing to report
    encrypted: str  # how its records are hidden, "" when they are not
    records: tuple[Record, ...]
    manufacturer_block: bytes
    more_follows: bool
    alarm: int | None = None  # bits of an alarm telegram, which has no records


class Header(NamedTuple):
    """What stands before the records, as far as the CI field says that it is there."""

    identification: str = ""
    manufacturer: str = ""
    version: int | None = None
    medium: str = ""
    access_number: int | None = None
    status: int = 0
    configuration: int = 0


def decode(frame: Frame) -> Telegram:
    """What this RSP_UD says; DeviceError when it is none, is broken, or reports an application error."""
    if frame.ci is None or frame.control & 0x4F != RSP_UD:
        raise DeviceError(f"telegram: C field {frame.control:02x} is no RSP_UD")
    ci = frame.ci
    if ci & ~MOST_SIGNIFICANT_FIRST == FIXED:
        return _fixed(frame.payload, is_reversed=bool(ci & MOST_SIGNIFICANT_FIRST))
    if ci in _ERROR_HEADERS:
        raise DeviceError(
            f"telegram: the meter reports application error {_error(frame.payload[_ERROR_HEADERS[ci] :])}"
        )
    if ci in _ALARM_HEADERS:
        return _alarm(frame.payload, _ALARM_HEADERS[ci])
    if ci not in HEADER_SIZES:
        raise DeviceError(f"telegram: CI field {ci:02x} is not known")
    size, is_reversed = HEADER_SIZES[ci], ci in (0x76, 0x7E)
    header, octets = header_of(frame.payload[:size], size, is_reversed=is_reversed), frame.payload[size:]
    hidden = encryption_of(header.configuration, octets)
    found = record.decode(b"" if hidden else octets, is_reversed=is_reversed)
    return Telegram(*header[:-1], hidden, found.records, found.manufacturer_block, found.more_follows)


def header_of(octets: bytes, size: int, *, is_reversed: bool = False) -> Header:
    """A header of 0, 4 or 12 bytes; DeviceError when it is truncated."""
    if len(octets) < size:
        raise DeviceError(f"telegram: header truncated, {len(octets)} of {size} bytes")
    if not size:
        return Header()
    order = slice(None, None, -1 if is_reversed else 1)
    access_number, status = octets[-4], octets[-3]
    configuration = int.from_bytes(octets[-2:][order], "little")
    if size == HEADER_SIZES[SHORT_HEADER]:
        return Header(access_number=access_number, status=status, configuration=configuration)
    return Header(
        octets[:4][order][::-1].hex(),
        manufacturer_name(int.from_bytes(octets[4:6][order], "little")),
        octets[6],
        medium_name(octets[7]),
        access_number,
        status,
        configuration,
    )


def medium_name(code: int) -> str:
    """The word for a device type (EN 13757-3 table 6)."""
    return MEDIA.get(code, f"medium_{code:02x}")


def manufacturer_name(code: int) -> str:
    """Three letters of the FLAG association, five bits each."""
    return "".join(chr(64 + (code >> shift & 0x1F)) for shift in (10, 5, 0))


def manufacturer_code(name: str) -> int:
    """The 16 bits of these three letters."""
    first, second, third = (ord(letter) - 64 & 0x1F for letter in name)
    return first << 10 | second << 5 | third


def encryption_of(configuration: int, octets: bytes) -> str:
    """Text for encrypted records; the check bytes 2F 2F at the start say that someone has decrypted them already."""
    mode, blocks = configuration >> 8 & 0x1F, configuration >> 4 & 0x0F
    if mode not in _ENCRYPTED or octets[:2] == b"\x2f\x2f" or not blocks:
        return ""
    return f"mode {mode}, {_ENCRYPTED[mode]}"


def _error(octets: bytes) -> str:
    code = octets[0] if octets else 0
    return f"{code:02x}, {APPLICATION_ERRORS.get(code, 'unknown')}"


def _alarm(payload: bytes, size: int) -> Telegram:
    header = header_of(payload[:size], size)
    if len(payload) == size:
        raise DeviceError("telegram: alarm without its state")
    return Telegram(*header[:-1], "", (), b"", more_follows=False, alarm=payload[size])


def _fixed(payload: bytes, *, is_reversed: bool) -> Telegram:
    found = fixed.decode(payload, is_reversed=is_reversed)
    return Telegram(
        found.identification,
        "",
        None,
        medium_name(found.medium),
        found.access_number,
        found.status,
        "",
        found.records,
        b"",
        more_follows=False,
    )
