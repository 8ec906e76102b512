"""The message every part of the city agrees on: topics and payloads, both directions.

This file runs unchanged on CPython and on MicroPython (annotations are parsed and dropped there).
A number may be given as ``int``, as ``float`` (written so that it equals its 32-bit value) or as
``(integer, exponent)``: ``(561080, -3)`` reaches the wire as ``561.080`` without passing through a float.
Everything refused raises ContractError with the path of what is wrong: ``readings.0.values.no2: not finite``.
"""

import json
import math

from firmware.quantities import NUMBER_KINDS, codes_of, kind_of, split_quantity
from firmware.wire_json import DIGITS, encode, fits

NODE_LIMIT = 4096  # bytes of one message
GATEWAY_LIMIT = 65536
TEXT_LIMIT = 256
LARGEST = 3.4028236e38  # the largest 32-bit float, as its shortest decimal rounds up
CHANNELS = ("reading", "receipt", "state", "command", "result", "config")
QUALITIES = ("suspect", "estimated", "substituted")
CENSORED = ("<", ">")
_ID = "abcdefghijklmnopqrstuvwxyz0123456789-"


class ContractError(ValueError):
    """A message that breaks the agreement; the text names the path and what is wrong with it."""


# ---- topics ---------------------------------------------------------------------------------------------------------


def topic(city: str, publisher: str, channel: str) -> str:
    """``koper/v1/park-0001/reading``."""
    return city + "/v1/" + publisher + "/" + channel


def split_topic(name: str) -> tuple:
    """Return (city, publisher, channel)."""
    parts = name.split("/")
    if len(parts) != 4 or parts[1] != "v1" or parts[3] not in CHANNELS:
        raise ContractError("topic: expected <city>/v1/<publisher>/<channel>, got " + name)
    check_id("topic.city", parts[0])
    check_id("topic.publisher", parts[2])
    return parts[0], parts[2], parts[3]


def check_id(path: str, text) -> None:
    """Ids of publishers, things and cities: 1 to 64 of a-z 0-9 and '-'."""
    if type(text) is not str or not 0 < len(text) <= 64 or not all(c in _ID for c in text):
        raise ContractError(path + ": expected 1 to 64 of a-z 0-9 -")


# ---- readings -------------------------------------------------------------------------------------------------------


def encode_reading(outbox: str, seq: int, readings: list, limit: int = NODE_LIMIT) -> bytes:
    """One message of 1..n readings; refuses what a collector would refuse, and what is over ``limit`` bytes."""
    message = {"outbox": outbox, "seq": seq, "readings": readings}
    _check_message(message, check_value)
    return bounded(message, limit)


def decode_reading(payload: bytes) -> dict:
    """Return ``{"readings": [...]}``, with ``outbox`` and ``seq`` unless a third party left them out."""
    message = load(payload)
    _check_message(message, check_decoded)
    return message


def check_reading(reading: dict) -> None:
    """Refuse one reading before it enters an outbox."""
    _check_reading("reading", reading, check_value)


def _check_message(message: dict, check_value) -> None:
    known_keys("", message, ("outbox", "seq", "readings"))
    if "outbox" in message or "seq" in message:
        check_sequence(message)
    readings = message.get("readings")
    if type(readings) is not list or not readings:
        raise ContractError("readings: expected at least one")
    for index, reading in enumerate(readings):
        _check_reading("readings." + str(index), reading, check_value)


def _check_reading(path: str, reading, check_value) -> None:
    if type(reading) is not dict:
        raise ContractError(path + ": expected an object")
    known_keys(path + ".", reading, ("thing", "at", "values", "period", "quality", "censored", "source"))
    check_id(path + ".thing", reading.get("thing"))
    check_time(path + ".at", reading.get("at"))
    if "period" in reading:
        check_whole(path + ".period", reading["period"], 1, 10**12)
    values = reading.get("values")
    if type(values) is not dict or not values:
        raise ContractError(path + ".values: expected at least one value")
    for key, value in values.items():
        check_value(path + ".values." + shown(key), key, value)
    _check_marks(path + ".quality", reading, "quality", QUALITIES)
    _check_marks(path + ".censored", reading, "censored", CENSORED)
    if "source" in reading:
        check_text(path + ".source", reading["source"])


def _check_marks(path: str, reading: dict, name: str, allowed: tuple) -> None:
    if name not in reading:
        return
    marks = reading[name]
    if type(marks) is not dict:
        raise ContractError(path + ": expected an object")
    for key, mark in marks.items():
        if key not in reading["values"]:
            raise ContractError(path + "." + shown(key) + ": not among the values")
        if type(mark) is not str or mark not in allowed:
            raise ContractError(path + "." + shown(key) + ": expected one of " + " ".join(allowed))


def check_decoded(path: str, key, value) -> None:
    if type(value) is tuple:  # JSON has none; only a sender's own (integer, exponent)
        raise ContractError(path + ": expected a number")
    check_value(path, key, value)


def check_value(path: str, key, value) -> None:
    if type(key) is not str:
        raise ContractError(path + ": unknown quantity")
    try:
        name, _ = split_quantity(key)
    except ValueError as error:
        raise ContractError(path + ": " + str(error)) from None
    kind = kind_of(name)
    if kind in NUMBER_KINDS:
        _check_number(path, value)
    elif kind == "code":
        if type(value) is not str or value not in codes_of(name):
            raise ContractError(path + ": expected one of " + " ".join(codes_of(name)))
    elif kind == "flags":
        check_whole(path, value, 0, 10**DIGITS - 1)
    elif kind == "text":
        check_text(path, value)
    else:
        _check_position(path, value)


def _check_number(path: str, value) -> None:
    if type(value) is float:
        if not math.isfinite(value):
            raise ContractError(path + ": not finite")
        if not -LARGEST <= value <= LARGEST:
            raise ContractError(path + ": beyond a 32-bit float")
        return
    integer, exponent = value if type(value) is tuple and len(value) == 2 else (value, 0)
    if type(integer) is not int or type(exponent) is not int:
        raise ContractError(path + ": expected a number")
    if abs(integer) >= 10**DIGITS:
        raise ContractError(path + ": more than 15 digits")
    if not fits(integer, exponent):
        raise ContractError(path + ": beyond a 32-bit float")


def _check_position(path: str, value) -> None:
    if type(value) is not list or len(value) not in (2, 3):
        raise ContractError(path + ": expected [longitude, latitude] or [longitude, latitude, height]")
    for index, limit in enumerate((180, 90, 100000)[: len(value)]):
        _check_number(path + "." + str(index), value[index])
        number = value[index]
        if not -limit <= (number[0] * 10.0 ** number[1] if type(number) is tuple else number) <= limit:
            raise ContractError(path + "." + str(index) + ": beyond " + str(limit))


# ---- receipt and state ----------------------------------------------------------------------------------------------


def encode_receipt(outbox: str, received: list) -> bytes:
    """``received`` is a list of inclusive ranges ``[first, last]`` that are stored or quarantined, durably."""
    message = {"outbox": outbox, "received": received}
    _check_receipt(message)
    return bounded(message, GATEWAY_LIMIT)


def decode_receipt(payload: bytes) -> dict:
    message = load(payload)
    _check_receipt(message)
    return message


def _check_receipt(message: dict) -> None:
    known_keys("", message, ("outbox", "received"))
    check_id("outbox", message.get("outbox"))
    check_ranges("received", message.get("received"))


def encode_state(state: dict, limit: int = NODE_LIMIT) -> bytes:
    """``at`` and ``online`` are required; further keys hold numbers, strings, booleans and, in ``dropped``, ranges."""
    _check_state(state)
    return bounded(state, limit)


def decode_state(payload: bytes) -> dict:
    state = load(payload)
    _check_state(state)
    return state


def _check_state(state: dict) -> None:
    check_time("at", state.get("at"))
    if type(state.get("online")) is not bool:
        raise ContractError("online: expected true or false")
    for key in ("next", "boot", "next_seq", "oldest_seq", "heap_free", "outbox_depth", "config"):
        if key in state:
            check_whole(key, state[key], 0, 2**53)
    for key in ("firmware", "reset", "clock", "error"):
        if key in state:
            check_text(key, state[key])
    if "outbox" in state:
        check_id("outbox", state["outbox"])
    if state.get("dropped"):
        check_ranges("dropped", state["dropped"])
    for key, value in state.items():
        if type(value) in (dict, tuple) or (type(value) is list and key != "dropped"):
            raise ContractError(shown(key) + ": expected a single value")
        if type(value) is float and not math.isfinite(value):
            raise ContractError(shown(key) + ": not finite")


# ---- what the checks share ------------------------------------------------------------------------------------------


def load(payload: bytes) -> dict:
    try:
        message = json.loads(str(payload, "utf-8"))
    except (ValueError, RuntimeError, MemoryError):  # UnicodeError is a ValueError; depth is a RuntimeError
        raise ContractError("not JSON") from None
    if type(message) is not dict:
        raise ContractError("expected an object")
    return message


def shown(key) -> str:
    """A key of a foreign message as it may stand in an error: short, and with nothing that can't be written down."""
    return "".join([c if " " <= c < "\ud800" else "?" for c in str(key)[:64]])


def known_keys(path: str, message: dict, known: tuple) -> None:
    for key in message:
        if key not in known:
            raise ContractError(path + shown(key) + ": unknown key")


def check_sequence(message: dict) -> None:
    check_id("outbox", message.get("outbox"))
    check_whole("seq", message.get("seq"), 1, 2**53)


def check_time(path: str, at) -> None:
    if type(at) is not int or not 0 < at < 2**53:
        raise ContractError(path + ": expected whole milliseconds since 1970")


def check_whole(path: str, value, low: int, high: int) -> None:
    if type(value) is not int or not low <= value <= high:
        raise ContractError(path + ": expected a whole number from " + str(low) + " to " + str(high))


def check_text(path: str, text) -> None:
    try:
        is_text = type(text) is str and len(text.encode()) <= TEXT_LIMIT
    except ValueError:  # JSON can hold half of a surrogate pair, UTF-8 can't
        is_text = False
    if not is_text:
        raise ContractError(path + ": expected at most 256 bytes of text")


def check_ranges(path: str, ranges) -> None:
    if type(ranges) is not list or not ranges:
        raise ContractError(path + ": expected at least one range")
    for index, pair in enumerate(ranges):
        where = path + "." + str(index)
        if type(pair) is not list or len(pair) != 2:
            raise ContractError(where + ": expected [first, last]")
        check_whole(where + ".0", pair[0], 1, 2**53)
        check_whole(where + ".1", pair[1], pair[0], 2**53)


def bounded(message: dict, limit: int) -> bytes:
    try:
        payload = encode(message)
    except ValueError as error:  # what can't be written, and text that is no UTF-8
        raise ContractError("message: " + str(error)) from None
    if len(payload) > limit:
        raise ContractError("message: " + str(len(payload)) + " bytes, at most " + str(limit) + " fit")
    return payload
