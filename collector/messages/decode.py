"""What does a reading message say? The fast way; whatever it doubts, ``firmware.contract`` decides and names."""

from typing import Annotated, Any, Literal

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType

from collector.observation import Kind, Value, kind_of
from firmware import contract
from firmware.contract import LARGEST, TEXT_LIMIT, ContractError
from firmware.wire_json import DIGITS

_Quality = Literal["suspect", "estimated", "substituted"]
_Censored = Literal["<", ">"]
_Time = Annotated[int, Meta(gt=0, lt=2**53)]
_Values = Annotated[dict[str, Any], Meta(min_length=1)]


class Reading(Struct, forbid_unknown_fields=True, omit_defaults=True, gc=False):
    """Values of one thing at one instant; ``decode`` gives every value the type of its kind."""

    thing: str
    at: _Time
    values: _Values
    period: Annotated[int, Meta(ge=1, le=10**12)] = 0  # absent: 0
    quality: dict[str, _Quality] | UnsetType = UNSET  # false where absent
    censored: dict[str, _Censored] | UnsetType = UNSET
    source: str = ""


class ReadingMessage(Struct, forbid_unknown_fields=True, gc=False):
    """``outbox`` is "" and ``seq`` 0 where a third party left them out."""

    readings: Annotated[list[Reading], Meta(min_length=1)]
    outbox: Annotated[str, Meta(min_length=1)] = ""
    seq: Annotated[int, Meta(ge=1, le=2**53)] = 0


parse = msgspec.json.Decoder(ReadingMessage).decode
"""Types and ranges only: ids, quantities and the kinds of values are still to be checked. ValueError is a doubt."""
_good_ids: set[str] = set()
_MOST = 10**DIGITS


def decode(payload: bytes) -> ReadingMessage:
    """Raises ContractError with the path of what is wrong, exactly where ``contract.decode_reading`` does."""
    try:
        message = parse(payload)
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
    if (message.outbox != "") != (message.seq > 0) or (message.outbox and not is_id(message.outbox)):
        return False
    return all(map(_is_sound_reading, message.readings))


def _is_sound_reading(reading: Reading) -> bool:
    if not is_id(reading.thing) or not is_text(reading.source):
        return False
    values = reading.values
    if any(marks and marks.keys() - values.keys() for marks in (reading.quality, reading.censored)):
        return False
    try:
        return _take_values(reading)
    except ValueError:  # no such quantity
        return False


def _take_values(reading: Reading) -> bool:
    """Give every value the type of its kind; False at the first one that the contract may refuse."""
    values = reading.values
    for key, value in values.items():
        taken = typed(kind_of(key), value)
        if taken is None:
            return False
        values[key] = taken
    return True


def typed(kind: Kind, value: Any) -> Value | None:
    """The value in the type of its kind; None where the contract may refuse it."""
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
        taken = value if type(value) is str and is_text(value) else None
    elif type(value) is list and len(value) in (2, 3):
        limits = zip(value, (180, 90, 100_000), strict=False)
        if all(type(number) in (int, float) and -limit <= number <= limit for number, limit in limits):
            taken = tuple(map(float, value))
    return taken


def is_id(text: str) -> bool:
    """Ids of publishers, things and outboxes; remembered, because a city has some thousands of them."""
    if text in _good_ids:
        return True
    try:
        contract.check_id("", text)
    except ContractError:
        return False
    if len(_good_ids) < 100_000:
        _good_ids.add(text)
    return True


def is_text(text: str) -> bool:
    return len(text) <= TEXT_LIMIT // 4 or len(text.encode()) <= TEXT_LIMIT  # a character has at most four bytes
