"""What does a reading message say? The fast way; whatever it doubts, ``firmware.contract`` decides and names."""

from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta, Struct

from collector.observation import Kind, Value, kind_of
from firmware import contract
from firmware.contract import LARGEST, TEXT_LIMIT, ContractError
from firmware.wire_json import DIGITS

_Quality = Literal["suspect", "estimated", "substituted"]
_Censored = Literal["<", ">"]
_Time = Annotated[int, Meta(gt=0, lt=2**53)]
_Values = Annotated[dict[str, Any], Meta(min_length=1)]


class Reading(Struct, forbid_unknown_fields=True, omit_defaults=True):
    """Values of one thing at one instant; every value in the type of its kind."""

    thing: str
    at: _Time
    values: _Values
    period: Annotated[int, Meta(ge=1, le=10**12)] = 0  # absent: 0
    quality: dict[str, _Quality] = msgspec.field(default_factory=dict)
    censored: dict[str, _Censored] = msgspec.field(default_factory=dict)
    source: str = ""


class ReadingMessage(Struct, forbid_unknown_fields=True):
    """``outbox`` is "" and ``seq`` 0 where a third party left them out."""

    readings: Annotated[list[Reading], Meta(min_length=1)]
    outbox: Annotated[str, Meta(min_length=1)] = ""
    seq: Annotated[int, Meta(ge=1, le=2**53)] = 0


_decoder = msgspec.json.Decoder(ReadingMessage)
_good_ids: set[str] = set()
_MOST = 10**DIGITS


def decode(payload: bytes) -> ReadingMessage:
    """Raises ContractError with the path of what is wrong, exactly where ``contract.decode_reading`` does."""
    try:
        message = _decoder.decode(payload)
    except ValueError:  # msgspec's errors and those of UTF-8
        message = None
    if message is None or not _is_sound(message):
        return _by_contract(payload)
    return message


def reading_of(plain: object) -> Reading:
    """Check one reading that was parsed already; raises ContractError."""
    contract.check_reading(plain)  # type: ignore[arg-type]  # it refuses what is no object itself
    reading = msgspec.convert(plain, Reading)
    _take_values(reading)
    return reading


def _by_contract(payload: bytes) -> ReadingMessage:
    plain = contract.decode_reading(payload)
    message = msgspec.convert(plain, ReadingMessage)
    for reading in message.readings:
        _take_values(reading)
    return message


def _is_sound(message: ReadingMessage) -> bool:
    """What the types leave open. False is a doubt, not a verdict."""
    if (message.outbox != "") != (message.seq > 0) or (message.outbox and not _is_id(message.outbox)):
        return False
    return all(map(_is_sound_reading, message.readings))


def _is_sound_reading(reading: Reading) -> bool:
    if not _is_id(reading.thing) or not _is_text(reading.source):
        return False
    values = reading.values
    if reading.quality.keys() - values.keys() or reading.censored.keys() - values.keys():
        return False
    try:
        return _take_values(reading)
    except ValueError:  # no such quantity
        return False


def _take_values(reading: Reading) -> bool:
    """Give every value the type of its kind; False at the first one that the contract may refuse."""
    values = reading.values
    for key, value in values.items():
        taken = _value(kind_of(key), value)
        if taken is None:
            return False
        values[key] = taken
    return True


def _value(kind: Kind, value: Any) -> Value | None:
    taken: Value | None = None
    if kind.is_number:
        if type(value) is float and -LARGEST <= value <= LARGEST:
            taken = value
        elif type(value) is int and -_MOST < value < _MOST:
            taken = float(value)
    elif kind.kind == "code":
        taken = value if value in kind.codes else None
    elif kind.kind == "flags":
        taken = value if type(value) is int and 0 <= value < _MOST else None
    elif kind.kind == "text":
        taken = value if type(value) is str and _is_text(value) else None
    elif type(value) is list and len(value) in (2, 3):
        limits = zip(value, (180, 90, 100_000), strict=False)
        if all(type(number) in (int, float) and -limit <= number <= limit for number, limit in limits):
            taken = tuple(map(float, value))
    return taken


def _is_id(text: str) -> bool:
    if text in _good_ids:
        return True
    try:
        contract.check_id("", text)
    except ContractError:
        return False
    if len(_good_ids) < 100_000:
        _good_ids.add(text)
    return True


def _is_text(text: str) -> bool:
    return len(text) <= TEXT_LIMIT // 4 or len(text.encode()) <= TEXT_LIMIT  # a character has at most four bytes
