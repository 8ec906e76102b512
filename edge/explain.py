"""What does every byte of a recorded frame mean? A table for the technician, for wired M-Bus in both directions."""

from collections.abc import Callable, Iterable, Iterator
from decimal import Decimal
from typing import NamedTuple

from edge.errors import DeviceError
from edge.mbus import address, fixed, frame, record, telegram
from edge.mbus.frame import FCB, REQ_UD2, RSP_UD, SND_NKE, SND_UD, Frame
from edge.mbus.record import EXTENSION, FILLER, MANUFACTURER_BLOCK, MORE_FOLLOWS, Record
from edge.mbus.session import BAUD_RATES
from edge.mbus.telegram import APPLICATION_ERRORS, FIXED, HEADER_SIZES, MOST_SIGNIFICANT_FIRST
from edge.mbus.value import LVAR, Number
from edge.mbus.vif import FIRST_EXTENSION, PLAIN_TEXT, SECOND_EXTENSION


class Row(NamedTuple):
    """Some bytes that belong together; ``at`` counts from the start of the frame."""

    at: int
    octets: bytes
    field: str
    meaning: str


Explainer = Callable[[bytes], list[Row]]

_CONTROLS = {SND_NKE: "SND_NKE, reset the link", SND_UD: "SND_UD, data to the meter", REQ_UD2: "REQ_UD2, ask for data",
             0x5A: "REQ_UD1, ask for alarms", RSP_UD: "RSP_UD, data from the meter"}  # fmt: skip
_GLOBAL_READOUT = 0x7F  # DIF
_COMMANDS = {
    0x50: "application reset", 0x51: "data to the meter", 0x52: "selection", 0x54: "synchronise",
    0x55: "data to the meter", 0x56: "selection, most significant byte first", 0x5C: "synchronise",
    **{ci: f"speak at {baud} baud" for ci, baud in BAUD_RATES.items()},
}  # fmt: skip
_CODINGS = ("no data", "8-bit integer", "16-bit integer", "24-bit integer", "32-bit integer", "32-bit real",
            "48-bit integer", "64-bit integer", "selection for readout", "2-digit BCD", "4-digit BCD", "6-digit BCD",
            "8-digit BCD", "variable length", "12-digit BCD", "special")  # fmt: skip


def explain(octets: bytes, others: Iterable[Explainer] = ()) -> list[Row]:
    """One row for each field, in order and without a gap; what can't be read is a last row that says why.

    ``others`` are explainers of further protocols, asked in turn when these bytes are no wired M-Bus frame.
    """
    try:
        if octets == frame.ACK:
            return [Row(0, octets, "acknowledgement", "E5")]
        content = frame.decode(octets)
    except DeviceError as error:
        for other in others:
            rows = other(octets)
            if rows:
                return rows
        return [Row(0, octets, "error", str(error))]
    rows = list(_start(octets, content))
    rows += _application(content, rows[-1].at + len(rows[-1].octets))
    rows.append(Row(len(octets) - 2, octets[-2:-1], "checksum", "right"))
    rows.append(Row(len(octets) - 1, octets[-1:], "stop", ""))
    return rows


def as_text(rows: Iterable[Row]) -> str:
    """A table, one line for each row."""
    cells = [(f"{row.at:4}", row.octets.hex(" "), row.field, row.meaning) for row in rows]
    width = min(36, max((len(cell[1]) for cell in cells), default=0))
    name = max((len(cell[2]) for cell in cells), default=0)
    lines = []
    for at, octets, field, meaning in cells:
        first, *rest = [octets[cut : cut + 36].rstrip() for cut in range(0, max(len(octets), 1), 36)]
        lines.append(f"{at}  {first:{width}}  {field:{name}}  {meaning}".rstrip())
        lines += [f"      {more}" for more in rest]
    return "\n".join(lines)


def as_json(rows: Iterable[Row]) -> list[dict[str, object]]:
    """The same for programs."""
    return [{"at": row.at, "octets": row.octets.hex(), "field": row.field, "meaning": row.meaning} for row in rows]


def records(octets: bytes, at: int, *, is_reversed: bool = False) -> list[Row]:
    """Rows of an application layer's records; ``at`` is where they stand in the frame. Radio telegrams use it too."""
    try:
        found = record.decode(octets, is_reversed=is_reversed)
    except DeviceError as error:
        return [Row(at, octets, "error", str(error))] if octets else []
    rows: list[Row] = []
    done = 0
    for key, one in zip(record.keys_of(found.records), found.records, strict=True):
        rows += _fill(octets, done, one.start, at)
        rows += _record(octets, one, key, at)
        done = one.offset + one.size
    end = len(octets) - len(found.manufacturer_block)
    if end > done and octets[end - 1] in (MANUFACTURER_BLOCK, MORE_FOLLOWS):
        rows += _fill(octets, done, end - 1, at)
        more = "more records follow in the next telegram" if found.more_follows else ""
        rows.append(Row(at + end - 1, octets[end - 1 : end], "DIF", f"manufacturer's own data begins {more}".strip()))
        done = end
        if found.manufacturer_block:
            rows.append(Row(at + end, found.manufacturer_block, "manufacturer data", ""))
            done = len(octets)
    return rows + _fill(octets, done, len(octets), at)


def _fill(octets: bytes, start: int, end: int, at: int) -> list[Row]:
    return [Row(at + start, octets[start:end], "filler", f"{FILLER:02x} says nothing")] if end > start else []


def _start(octets: bytes, content: Frame) -> Iterator[Row]:
    control = content.control & ~FCB if content.control & 0x40 else content.control & 0x4F
    meaning = _CONTROLS.get(control, "unknown")
    if content.control & 0x40 and control != SND_NKE:
        meaning += f", FCB {content.control >> 5 & 1}"
    at = 1
    if content.ci is None:
        yield Row(0, octets[:1], "start", "short frame")
    else:
        yield Row(0, octets[:4], "start", f"long frame, {octets[1]} bytes counted")
        at = 4
    yield Row(at, octets[at : at + 1], "C field", meaning)
    yield Row(at + 1, octets[at + 1 : at + 2], "address", _address(content.primary_address))
    if content.ci is not None:
        yield Row(at + 2, octets[at + 2 : at + 3], "CI field", _ci(content))


def _address(number: int) -> str:
    return {253: "whoever is selected", 254: "every meter, all answer", 255: "every meter, none answers"}.get(
        number, f"primary address {number}"
    )


def _ci(content: Frame) -> str:
    if content.control & 0x40:
        return _COMMANDS.get(content.ci or 0, "unknown")
    names = {0x72: "long header", 0x7A: "short header", 0x78: "no header", 0x70: "application error", 0x71: "alarm",
             0x73: "fixed data structure", 0x76: "long header, most significant byte first",
             0x77: "fixed data structure, most significant byte first"}  # fmt: skip
    return names.get(content.ci or 0, "unknown")


def _application(content: Frame, at: int) -> list[Row]:
    payload, ci = content.payload, content.ci
    if not payload or ci is None:
        return []
    if content.control & 0x40:
        return _command(ci, payload, at)
    if ci in (telegram.APPLICATION_ERROR, telegram.ALARM):
        word = APPLICATION_ERRORS.get(payload[0], "unknown") if ci == telegram.APPLICATION_ERROR else "alarm bits"
        return [Row(at, payload, "state", word)]
    if ci & ~MOST_SIGNIFICANT_FIRST == FIXED:
        return _fixed(payload, at, is_reversed=ci != FIXED)
    if ci not in HEADER_SIZES:
        return [Row(at, payload, "error", f"CI field {ci:02x} is not known")]
    return _variable(ci, payload, at)


def _command(ci: int, payload: bytes, at: int) -> list[Row]:
    if ci in (address.SELECT, address.SELECT_REVERSED) and len(payload) >= 8:
        wanted = address.of_selection(payload, is_reversed=ci == address.SELECT_REVERSED)
        rows = [
            Row(at, payload[:4], "identification", f"{wanted.identification}, f fits every digit"),
            Row(at + 4, payload[4:6], "manufacturer", _wild(wanted.manufacturer, 0xFFFF, telegram.manufacturer_name)),
            Row(at + 6, payload[6:7], "version", _wild(wanted.version, 0xFF, str)),
            Row(at + 7, payload[7:8], "medium", _wild(wanted.medium, 0xFF, telegram.medium_name)),
        ]
        return rows + records(payload[8:], at + 8)
    if payload == bytes((_GLOBAL_READOUT,)):
        return [Row(at, payload, "DIF", "every record is asked for")]
    if ci in (0x51, 0x55):
        return records(payload, at, is_reversed=ci == 0x55)
    return [Row(at, payload, "data", "")]


def _wild(number: int, wildcard: int, name: Callable[[int], str]) -> str:
    return "any" if number == wildcard else name(number)


def _variable(ci: int, payload: bytes, at: int) -> list[Row]:
    size, is_reversed = HEADER_SIZES[ci], ci in (0x76, 0x7E)
    try:
        header = telegram.header_of(payload[:size], size, is_reversed=is_reversed)
    except DeviceError as error:
        return [Row(at, payload, "error", str(error))]
    rows = []
    if size == 12:
        rows += [
            Row(at, payload[:4], "identification", header.identification),
            Row(at + 4, payload[4:6], "manufacturer", header.manufacturer),
            Row(at + 6, payload[6:7], "version", str(header.version)),
            Row(at + 7, payload[7:8], "medium", header.medium),
        ]
    if size:
        rows += [
            Row(at + size - 4, payload[size - 4 : size - 3], "access number", str(header.access_number)),
            Row(at + size - 3, payload[size - 3 : size - 2], "status", _status(header.status)),
            Row(at + size - 2, payload[size - 2 : size], "configuration", f"{header.configuration:04x}"),
        ]
    hidden = telegram.encryption_of(header.configuration, payload[size:])
    if hidden:
        return [*rows, Row(at + size, payload[size:], "encrypted", hidden)]
    return rows + records(payload[size:], at + size, is_reversed=is_reversed)


def _status(status: int) -> str:
    words = [("no error", "application busy", "application error", "alarm")[status & 3]]
    words += [
        word
        for bit, word in (
            (4, "power low"),
            (8, "permanent error"),
            (16, "temporary error"),
            (0xE0, "manufacturer's bits"),
        )
        if status & bit
    ]
    return ", ".join(words)


def _fixed(payload: bytes, at: int, *, is_reversed: bool) -> list[Row]:
    try:
        found = fixed.decode(payload, is_reversed=is_reversed)
    except DeviceError as error:
        return [Row(at, payload, "error", str(error))]
    rows = [
        Row(at, payload[:4], "identification", found.identification),
        Row(at + 4, payload[4:5], "access number", str(found.access_number)),
        Row(at + 5, payload[5:6], "status", _status(found.status)),
        Row(at + 6, payload[6:8], "medium and units", telegram.medium_name(found.medium)),
    ]
    for one in found.records:
        name = f"{one.measurand.name}{'.s1' if one.storage else ''}"
        rows.append(Row(at + one.offset, payload[one.offset : one.offset + 4], "counter", f"{name} = {_value(one)}"))
    return rows


def _record(octets: bytes, one: Record, key: str, base: int) -> Iterator[Row]:
    at = one.start
    storage = [f"storage {one.storage}"] if one.storage else []
    coding = ", ".join((_CODINGS[one.coding], one.function, *storage))
    yield Row(base + at, octets[at : at + 1], "DIF", coding)
    if octets[at] & EXTENSION:
        end = _chain_end(octets, at + 1)
        said = f"storage {one.storage}, tariff {one.tariff}, subunit {one.subunit}"
        yield Row(base + at + 1, octets[at + 1 : end], "DIFE", said)
        at = end - 1
    at += 1
    end = one.offset - (one.coding == LVAR)
    size = _vif_size(octets, at)
    unit = f" in {one.measurand.unit}" if one.measurand.unit else ""
    power = f" times 10^{one.measurand.exponent}" if one.measurand.exponent else ""
    yield Row(base + at, octets[at : at + size], "VIF", f"{one.measurand.name}{unit}{power}")
    if end > at + size:
        yield Row(
            base + at + size, octets[at + size : end], "VIFE", ", ".join(one.modifiers) or one.error or "correction"
        )
    if one.coding == LVAR:
        yield Row(base + end, octets[end : end + 1], "LVAR", f"{one.size} bytes")
    if one.size:
        value = octets[one.offset : one.offset + one.size]
        yield Row(base + one.offset, value, "value", f"{key} = {_value(one)}")


def _chain_end(octets: bytes, at: int) -> int:
    while octets[at] & EXTENSION:
        at += 1
    return at + 1


def _vif_size(octets: bytes, at: int) -> int:
    """Bytes of the VIF: with its true code behind FB or FD, with its text behind 7C."""
    if octets[at] & 0x7F == PLAIN_TEXT:
        return 2 + octets[at + 1]
    size = 1
    if octets[at] in (EXTENSION | FIRST_EXTENSION, EXTENSION | SECOND_EXTENSION):
        size = 2
        if octets[at : at + 2] == bytes((EXTENSION | SECOND_EXTENSION,)) * 2:
            size = 3
    return size


def _value(one: Record) -> str:
    unit = f" {one.measurand.unit}" if one.measurand.unit else ""
    if one.value is None:
        return f"invalid ({one.error})" if one.error else "invalid"
    if isinstance(one.value, Number):
        return f"{Decimal(f'{one.value.integer}e{one.value.exponent}'):f}{unit}"
    if isinstance(one.value, bytes):
        return one.value.hex()
    return f"{one.value} (summer time)" if one.is_summer_time else one.value
