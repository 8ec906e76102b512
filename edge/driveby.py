"""How do the readings of a walk-by or drive-by round come in? From the CSV file that the handheld wrote.

Columns by name, in any order: ``identification`` and ``received`` (ISO 8601 with an offset) and either ``telegram``
(hexadecimal, as received) or one column per quantity (``water_volume``, in the contract's unit). Reading a file again
gives the same identities, so it changes nothing.
"""

import csv
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

from edge.config import RadioMeter
from edge.errors import ConfigError, DeviceError
from edge.keys import Keys
from edge.mbus.quantity import Values, state_of
from edge.wmbus import frame
from edge.wmbus.hearing import quantities
from edge.wmbus.telegram import Listener
from firmware.contract import ContractError, check_reading
from firmware.quantities import split_quantity
from firmware.wire_json import fits

_FIXED = ("identification", "received", "telegram")


class Row(NamedTuple):
    """One reading of a round; ``at`` (ms UTC) is when it was received."""

    thing: str
    at: int
    values: Values

    def reading(self) -> dict[str, Any]:
        """As the outbox takes it."""
        return {"thing": self.thing, "at": self.at, "values": self.values, "source": "driveby"}


def load(path: Path, meters: Iterable[RadioMeter], keys: Keys) -> list[Row]:
    """Every reading of the file; ConfigError names line and column, and then nothing of the file is taken."""
    known = {meter.identification: meter for meter in meters}
    listener = Listener(keys)
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            delimiter = _delimiter(file.readline())
            file.seek(0)
            rows = csv.DictReader(file, delimiter=delimiter)
            columns = rows.fieldnames or []
            _check_columns(path, columns)
            return [_row(f"{path}: line {rows.line_num}", row, known, listener) for row in _whole(path, rows)]
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror}") from None
    except (UnicodeError, csv.Error) as error:
        raise ConfigError(f"{path}: {error}") from None


def _delimiter(head: str) -> str:
    return ";" if head.count(";") > head.count(",") else ","  # as spreadsheets of this country write it


def _check_columns(path: Path, columns: Iterable[str]) -> None:
    for name in ("identification", "received"):
        if name not in columns:
            raise ConfigError(f"{path}: line 1: column {name} is missing")
    for name in columns:
        if name not in _FIXED:
            try:
                split_quantity(name)
            except ValueError as error:
                raise ConfigError(f"{path}: line 1: column {name}: {error}") from None


def _whole(path: Path, rows: "csv.DictReader[str]") -> Iterator[Mapping[str, str]]:
    for row in rows:
        if None in row or None in row.values():
            raise ConfigError(f"{path}: line {rows.line_num}: not as many columns as line 1")
        yield row


def _row(where: str, row: Mapping[str, str], known: Mapping[str, RadioMeter], listener: Listener) -> Row:
    meter = known.get(row["identification"].strip().lower())
    if meter is None:
        raise ConfigError(f"{where}: identification: {row['identification']} is no radio meter of the configuration")
    at = _moment(where, row["received"].strip())
    telegram = row.get("telegram", "").strip()
    values = _heard(where, telegram, meter, listener) if telegram else _written(where, row)
    found = Row(meter.thing, at, values)
    try:
        check_reading(found.reading())
    except ContractError as error:
        raise ConfigError(f"{where}: {error}") from None
    return found


def _moment(where: str, text: str) -> int:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise ConfigError(f"{where}: received: {text!r} is no time") from None
    if moment.tzinfo is None:
        raise ConfigError(f"{where}: received: {text} has no offset from UTC")
    return round(moment.timestamp() * 1000)


def _heard(where: str, telegram: str, meter: RadioMeter, listener: Listener) -> Values:
    try:
        heard = listener.hear(frame.decode(bytes.fromhex(telegram)))
    except (ValueError, DeviceError) as error:
        raise ConfigError(f"{where}: telegram: {error}") from None
    if heard.state not in ("open", "decrypted"):
        raise ConfigError(f"{where}: telegram: {heard.state.replace('_', ' ')}")
    if heard.telegram.identification != meter.identification:
        raise ConfigError(f"{where}: telegram: it is of meter {heard.telegram.identification}")
    return quantities(heard.telegram, meter) | state_of([heard.telegram])


def _written(where: str, row: Mapping[str, str]) -> Values:
    values: Values = {}
    for name, text in row.items():
        if name not in _FIXED and text.strip():
            values[name] = _decimal(where, name, text.strip())
    if not values:
        raise ConfigError(f"{where}: neither a telegram nor a value")
    return values


def _decimal(where: str, name: str, text: str) -> tuple[int, int]:
    whole, _, fraction = text.replace(",", ".").partition(".")
    digits = whole + fraction
    if not digits.removeprefix("-").isdigit() or not fits(int(digits), -len(fraction)):
        raise ConfigError(f"{where}: {name}: {text!r} is no number of at most 15 digits")
    return int(digits), -len(fraction)
