"""Who sent an application telegram, how is the meter, and what does it say (EN 13757-3 5)?"""

from dataclasses import dataclass
from typing import NamedTuple

from edge.errors import DeviceError
from edge.mbus import record
from edge.mbus.frame import RSP_UD, Frame
from edge.mbus.record import Record
from edge.mbus.value import Number, decode_bcd
from edge.mbus.vif import Measurand

LONG_HEADER, FIXED, NO_HEADER, SHORT_HEADER, APPLICATION_ERROR = 0x72, 0x73, 0x78, 0x7A, 0x70  # CI fields
HEADER_SIZES = {LONG_HEADER: 12, NO_HEADER: 0, SHORT_HEADER: 4}  # bytes before the records
MEDIA = {
    0x00: "other", 0x01: "oil", 0x02: "electricity", 0x03: "gas", 0x04: "heat_outlet", 0x05: "steam",
    0x06: "warm_water", 0x07: "water", 0x08: "heat_cost_allocator", 0x09: "compressed_air", 0x0A: "cooling_outlet",
    0x0B: "cooling_inlet", 0x0C: "heat_inlet", 0x0D: "heat_cooling", 0x0E: "bus", 0x0F: "unknown",
    0x15: "hot_water", 0x16: "cold_water", 0x17: "dual_water", 0x18: "pressure", 0x19: "analog_digital",
    0x1B: "room_sensor",
}  # fmt: skip
# Modes of the configuration field that hide the records (EN 13757-7). Old meters wrote a signature there.
_ENCRYPTED = {5: "AES-CBC", 7: "AES-CBC with a key of its own", 8: "AES-CTR", 9: "AES-GCM", 10: "AES-CCM", 13: "TLS"}


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


class _Header(NamedTuple):
    identification: str = ""
    manufacturer: str = ""
    version: int | None = None
    medium: str = ""
    access_number: int | None = None
    status: int = 0
    configuration: int = 0


def decode(frame: Frame) -> Telegram:
    """What this RSP_UD says; DeviceError when it is not one or its bytes are not a telegram."""
    if frame.ci is None or frame.control & 0x4F != RSP_UD:
        raise DeviceError(f"telegram: C field {frame.control:02x} is no RSP_UD")
    if frame.ci == APPLICATION_ERROR:
        raise DeviceError(f"telegram: the meter reports application error {frame.payload[:1].hex() or 'unspecified'}")
    if frame.ci == FIXED:
        return _fixed(frame.payload)
    size = HEADER_SIZES.get(frame.ci)
    if size is None:
        raise DeviceError(f"telegram: CI field {frame.ci:02x} is not known")
    if len(frame.payload) < size:
        raise DeviceError("telegram: header truncated")
    header, octets = _header(frame.payload[:size]), frame.payload[size:]
    hidden = _encryption(header.configuration, octets)
    found = record.decode(b"" if hidden else octets)
    return Telegram(*header[:-1], hidden, found.records, found.manufacturer_block, found.more_follows)


def _header(octets: bytes) -> _Header:
    if not octets:
        return _Header()
    access_number, status, configuration = octets[-4], octets[-3], int.from_bytes(octets[-2:], "little")
    if len(octets) == HEADER_SIZES[SHORT_HEADER]:
        return _Header(access_number=access_number, status=status, configuration=configuration)
    return _Header(
        octets[3::-1].hex(),
        manufacturer_name(int.from_bytes(octets[4:6], "little")),
        octets[6],
        MEDIA.get(octets[7], f"medium_{octets[7]:02x}"),
        access_number,
        status,
        configuration,
    )


def manufacturer_name(code: int) -> str:
    """Three letters of the FLAG association, five bits each."""
    return "".join(chr(64 + (code >> shift & 0x1F)) for shift in (10, 5, 0))


def _encryption(configuration: int, octets: bytes) -> str:
    """Text for encrypted records; the check bytes 2F 2F at the start say that someone has decrypted them already."""
    mode, blocks = configuration >> 8 & 0x1F, configuration >> 4 & 0x0F
    if mode not in _ENCRYPTED or octets[:2] == b"\x2f\x2f" or 16 * blocks > len(octets) or not blocks:
        return ""
    return f"mode {mode}, {_ENCRYPTED[mode]}"


# Unit codes of the fixed data structure (EN 1434-3): first code, measurand, unit, power of ten of the first code.
_FIXED_UNITS = (
    (0x02, 9, "energy", "Wh", 0),
    (0x0B, 9, "energy", "J", 3),
    (0x14, 9, "power", "W", 0),
    (0x1D, 9, "power", "J/h", 3),
    (0x26, 9, "volume", "m3", -6),
    (0x2F, 9, "volume_flow", "m3/h", -6),
    (0x38, 1, "temperature", "Cel", -3),
    (0x39, 1, "heat_cost_units", "", 0),
    (0x3F, 1, "dimensionless", "", 0),
)
_HISTORIC = 0x3E


def _fixed(payload: bytes) -> Telegram:
    if len(payload) != 16:
        raise DeviceError(f"telegram: fixed data structure of {len(payload)} bytes, expected 16")
    status, binary = payload[5], payload[5] & 1
    units = (payload[6] & 0x3F, payload[7] & 0x3F)
    medium = payload[6] >> 6 | payload[7] >> 6 << 2
    records = []
    for counter, unit in enumerate(units):
        historic = unit == _HISTORIC
        measurand = _fixed_unit(units[0] if historic else unit)
        octets = payload[8 + 4 * counter : 12 + 4 * counter]
        number = Number(int.from_bytes(octets, "little"), 0) if binary else decode_bcd(octets)
        value = None if number is None else Number(number.integer, measurand.exponent)
        storage = int(historic or bool(counter and status & 2))
        records.append(Record(measurand, value, "instantaneous", storage, 0, 0, (), 0xC, 8 + 4 * counter, 4))
    # Bits 2 to 4 of this status mean what they mean in the variable structure; the lowest two say how to read it.
    return Telegram(
        payload[3::-1].hex(),
        "",
        None,
        MEDIA[medium],
        payload[4],
        status & 0x1C,
        "",
        tuple(records),
        b"",
        more_follows=False,
    )


def _fixed_unit(code: int) -> Measurand:
    for first, length, name, unit, exponent in _FIXED_UNITS:
        if first <= code < first + length:
            return Measurand(name, unit, exponent + code - first)
    return Measurand("unknown")
