"""The message every part of the city agrees on: topics and payloads, both directions.

This file runs unchanged on CPython and on MicroPython (annotations are parsed and dropped there).
A number may be given as ``int``, as ``float`` (written so that it equals its 32-bit value) or as
``(integer, exponent)``: ``(561080, -3)`` reaches the wire as ``561.080`` without passing through a float.
Everything refused raises ContractError with the path of what is wrong: ``readings.0.values.no2: not finite``.
"""

import json
import math

from firmware.quantities import CODES, NUMBER_KINDS, QUANTITIES, split_quantity

NODE_LIMIT = 4096  # bytes of one message
GATEWAY_LIMIT = 65536
DIGITS = 15  # what a 64-bit float carries exactly
TEXT_LIMIT = 256
LARGEST = 3.4028236e38  # the largest 32-bit float, as its shortest decimal rounds up
CHANNELS = ("reading", "receipt", "state", "command", "result", "config")
QUALITIES = ("suspect", "estimated", "substituted")
CENSORED = ("<", ">")
STATUSES = ("accepted", "done", "refused", "expired", "failed")
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
    _check_message(message, _check_value)
    return _bounded(message, limit)


def decode_reading(payload: bytes) -> dict:
    """Return ``{"readings": [...]}``, with ``outbox`` and ``seq`` unless a third party left them out."""
    message = _load(payload)
    _check_message(message, _check_decoded)
    return message


def check_reading(reading: dict) -> None:
    """Refuse one reading before it enters an outbox."""
    _check_reading("reading", reading, _check_value)


def _check_message(message: dict, check_value) -> None:
    _known_keys("", message, ("outbox", "seq", "readings"))
    if "outbox" in message or "seq" in message:
        _check_sequence(message)
    readings = message.get("readings")
    if type(readings) is not list or not readings:
        raise ContractError("readings: expected at least one")
    for index, reading in enumerate(readings):
        _check_reading("readings." + str(index), reading, check_value)


def _check_reading(path: str, reading, check_value) -> None:
    if type(reading) is not dict:
        raise ContractError(path + ": expected an object")
    _known_keys(path + ".", reading, ("thing", "at", "values", "period", "quality", "censored", "source"))
    check_id(path + ".thing", reading.get("thing"))
    _check_time(path + ".at", reading.get("at"))
    if "period" in reading:
        _check_whole(path + ".period", reading["period"], 1, 10**12)
    values = reading.get("values")
    if type(values) is not dict or not values:
        raise ContractError(path + ".values: expected at least one value")
    for key, value in values.items():
        check_value(path + ".values." + _shown(key), key, value)
    _check_marks(path + ".quality", reading, "quality", QUALITIES)
    _check_marks(path + ".censored", reading, "censored", CENSORED)
    if "source" in reading:
        _check_text(path + ".source", reading["source"])


def _check_marks(path: str, reading: dict, name: str, allowed: tuple) -> None:
    if name not in reading:
        return
    marks = reading[name]
    if type(marks) is not dict:
        raise ContractError(path + ": expected an object")
    for key, mark in marks.items():
        if key not in reading["values"]:
            raise ContractError(path + "." + _shown(key) + ": not among the values")
        if type(mark) is not str or mark not in allowed:
            raise ContractError(path + "." + _shown(key) + ": expected one of " + " ".join(allowed))


def _check_decoded(path: str, key, value) -> None:
    if type(value) is tuple:  # JSON has none; only a sender's own (integer, exponent)
        raise ContractError(path + ": expected a number")
    _check_value(path, key, value)


def _check_value(path: str, key, value) -> None:
    if type(key) is not str:
        raise ContractError(path + ": unknown quantity")
    try:
        name, _ = split_quantity(key)
    except ValueError as error:
        raise ContractError(path + ": " + str(error)) from None
    kind = QUANTITIES[name][1]
    if kind in NUMBER_KINDS:
        _check_number(path, value)
    elif kind == "code":
        if type(value) is not str or value not in CODES[name]:
            raise ContractError(path + ": expected one of " + " ".join(CODES[name]))
    elif kind == "flags":
        _check_whole(path, value, 0, 10**DIGITS - 1)
    elif kind == "text":
        _check_text(path, value)
    else:
        _check_position(path, value)


def _check_number(path: str, value) -> None:
    if type(value) is float:
        if not math.isfinite(value):
            raise ContractError(path + ": not finite")
        if not -LARGEST <= value <= LARGEST:
            raise ContractError(path + ": beyond a 32-bit float")
        return
    if type(value) is tuple:
        if len(value) != 2 or type(value[0]) is not int or type(value[1]) is not int or not -30 <= value[1] <= 23:
            raise ContractError(path + ": expected (integer, exponent), exponent within -30 to 23")
        value = value[0]  # 15 digits and 23 zeros are within a 32-bit float
    if type(value) is not int:
        raise ContractError(path + ": expected a number")
    if not -(10**DIGITS) < value < 10**DIGITS:
        raise ContractError(path + ": more than 15 digits")


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
    return _bounded(message, GATEWAY_LIMIT)


def decode_receipt(payload: bytes) -> dict:
    message = _load(payload)
    _check_receipt(message)
    return message


def _check_receipt(message: dict) -> None:
    _known_keys("", message, ("outbox", "received"))
    check_id("outbox", message.get("outbox"))
    _check_ranges("received", message.get("received"))


def encode_state(state: dict, limit: int = NODE_LIMIT) -> bytes:
    """``at`` and ``online`` are required; further keys hold numbers, strings, booleans and, in ``dropped``, ranges."""
    _check_state(state)
    return _bounded(state, limit)


def decode_state(payload: bytes) -> dict:
    state = _load(payload)
    _check_state(state)
    return state


def _check_state(state: dict) -> None:
    _check_time("at", state.get("at"))
    if type(state.get("online")) is not bool:
        raise ContractError("online: expected true or false")
    for key in ("next", "boot", "next_seq", "oldest_seq", "heap_free", "outbox_depth", "config"):
        if key in state:
            _check_whole(key, state[key], 0, 2**53)
    for key in ("firmware", "reset", "clock", "error"):
        if key in state:
            _check_text(key, state[key])
    if "outbox" in state:
        check_id("outbox", state["outbox"])
    if state.get("dropped"):
        _check_ranges("dropped", state["dropped"])
    for key, value in state.items():
        if type(value) in (dict, tuple) or (type(value) is list and key != "dropped"):
            raise ContractError(_shown(key) + ": expected a single value")
        if type(value) is float and not math.isfinite(value):
            raise ContractError(_shown(key) + ": not finite")


# ---- command, result, config ----------------------------------------------------------------------------------------

_COMMAND = ("id", "thing", "name", "arguments", "expires", "by", "approved_by", "reason", "signature")


def encode_command(command: dict) -> bytes:
    """A command of a center to one thing; ``expires`` in ms UTC; ``signature`` over ``signed_bytes``."""
    _check_command(command)
    return _bounded(command, NODE_LIMIT)


def decode_command(payload: bytes) -> dict:
    command = _load(payload)
    _check_command(command)
    return command


def _check_command(command: dict) -> None:
    _known_keys("", command, _COMMAND)
    for key in ("id", "thing"):
        check_id(key, command.get(key))
    for key in ("name", "by"):
        _check_text(key, command.get(key))
    for key in ("approved_by", "reason", "signature"):
        if key in command:
            _check_text(key, command[key])
    if type(command.get("arguments")) is not dict:
        raise ContractError("arguments: expected an object")
    _check_time("expires", command.get("expires"))


def encode_result(result: dict) -> bytes:
    """What became of a command; ``outbox`` and ``seq`` make it receipted like a reading."""
    _check_result(result, _check_value)
    return _bounded(result, NODE_LIMIT)


def decode_result(payload: bytes) -> dict:
    result = _load(payload)
    _check_result(result, _check_decoded)
    return result


def _check_result(result: dict, check_value) -> None:
    _known_keys("", result, ("outbox", "seq", "id", "status", "values", "reason", "at"))
    if "outbox" in result or "seq" in result:
        _check_sequence(result)
    check_id("id", result.get("id"))
    if result.get("status") not in STATUSES:
        raise ContractError("status: expected one of " + " ".join(STATUSES))
    if "at" in result:
        _check_time("at", result["at"])
    if "reason" in result:
        _check_text("reason", result["reason"])
    values = result.get("values", {})
    if type(values) is not dict:
        raise ContractError("values: expected an object")
    for key, value in values.items():
        check_value("values." + _shown(key), key, value)


def encode_config(config: dict) -> bytes:
    """A numbered configuration: ``number``, ``settings`` (an object), ``by``, ``signature``."""
    _check_config(config)
    return _bounded(config, GATEWAY_LIMIT)


def decode_config(payload: bytes) -> dict:
    config = _load(payload)
    _check_config(config)
    return config


def _check_config(config: dict) -> None:
    _known_keys("", config, ("number", "settings", "by", "signature"))
    _check_whole("number", config.get("number"), 1, 2**53)
    if type(config.get("settings")) is not dict:
        raise ContractError("settings: expected an object")
    for key in ("by", "signature"):
        if key in config:
            _check_text(key, config[key])


def signed_bytes(message: dict) -> bytes:
    """The bytes a signature covers: every key but ``signature``, sorted at each depth, compact, the same everywhere."""
    return _write({key: value for key, value in message.items() if key != "signature"}).encode()


# ---- what the checks share ------------------------------------------------------------------------------------------


def _load(payload: bytes) -> dict:
    try:
        message = json.loads(str(payload, "utf-8"))
    except (ValueError, RuntimeError, MemoryError):  # UnicodeError is a ValueError; depth is a RuntimeError
        raise ContractError("not JSON") from None
    if type(message) is not dict:
        raise ContractError("expected an object")
    return message


def _shown(key) -> str:
    """A key of a foreign message as it may stand in an error: short, and with nothing that can't be written down."""
    return "".join([c if " " <= c < "\ud800" else "?" for c in str(key)[:64]])


def _known_keys(path: str, message: dict, known: tuple) -> None:
    for key in message:
        if key not in known:
            raise ContractError(path + _shown(key) + ": unknown key")


def _check_sequence(message: dict) -> None:
    check_id("outbox", message.get("outbox"))
    _check_whole("seq", message.get("seq"), 1, 2**53)


def _check_time(path: str, at) -> None:
    if type(at) is not int or not 0 < at < 2**53:
        raise ContractError(path + ": expected whole milliseconds since 1970")


def _check_whole(path: str, value, low: int, high: int) -> None:
    if type(value) is not int or not low <= value <= high:
        raise ContractError(path + ": expected a whole number from " + str(low) + " to " + str(high))


def _check_text(path: str, text) -> None:
    try:
        is_text = type(text) is str and len(text.encode()) <= TEXT_LIMIT
    except ValueError:  # JSON can hold half of a surrogate pair, UTF-8 can't
        is_text = False
    if not is_text:
        raise ContractError(path + ": expected at most 256 bytes of text")


def _check_ranges(path: str, ranges) -> None:
    if type(ranges) is not list or not ranges:
        raise ContractError(path + ": expected at least one range")
    for index, pair in enumerate(ranges):
        where = path + "." + str(index)
        if type(pair) is not list or len(pair) != 2:
            raise ContractError(where + ": expected [first, last]")
        _check_whole(where + ".0", pair[0], 1, 2**53)
        _check_whole(where + ".1", pair[1], pair[0], 2**53)


def _bounded(message: dict, limit: int) -> bytes:
    payload = _write(message).encode()
    if len(payload) > limit:
        raise ContractError("message: " + str(len(payload)) + " bytes, at most " + str(limit) + " fit")
    return payload


# ---- JSON, the same on every interpreter ----------------------------------------------------------------------------


def _write(value) -> str:
    kind = type(value)
    if kind is dict:
        return "{" + ",".join([_quote(key) + ":" + _write(value[key]) for key in sorted(value)]) + "}"
    if kind is list:
        return "[" + ",".join([_write(item) for item in value]) + "]"
    if kind is str:
        return _quote(value)
    if kind is bool:
        return "true" if value else "false"
    if kind is int:
        return str(value)
    if kind is tuple:
        return decimal_text(value[0], value[1])
    if kind is float and math.isfinite(value):
        return float_text(value)
    if value is None:
        return "null"
    raise ContractError("message: cannot be written: " + str(kind))


_ESCAPES = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\r": "\\r", "\t": "\\t"}


def _quote(text: str) -> str:
    if type(text) is not str:
        raise ContractError("message: keys must be text")
    return '"' + "".join([_ESCAPES.get(c) or ("\\u%04x" % ord(c) if c < " " else c) for c in text]) + '"'


def decimal_text(integer: int, exponent: int) -> str:
    """``(561080, -3)`` -> ``561.080``: the digits as they are."""
    sign, digits = ("-", str(-integer)) if integer < 0 else ("", str(integer))
    if exponent == 0 or (integer == 0 and exponent > 0):
        return sign + digits
    if exponent > 0:
        plain = len(digits) + exponent <= DIGITS
        return sign + digits + ("0" * exponent if plain else "e" + str(exponent))
    if exponent < -DIGITS:
        return sign + digits + "e" + str(exponent)
    while len(digits) <= -exponent:
        digits = "0" + digits
    return sign + digits[:exponent] + "." + digits[exponent:]


def float_text(value: float) -> str:
    """The shortest decimal that a 32-bit float reads back as this value, worked out in whole numbers."""
    sign, value = ("-", -value) if value < 0 else ("", value)
    integer, power = _float32(value)
    if integer == 0:
        return "0"
    # value = integer * 2**power; another decimal reads back the same while it is nearer than half that unit,
    # and than a quarter just above a power of two, where the floats below lie twice as dense.
    up, down = (2**power, 1) if power >= 0 else (1, 2**-power)
    share = 4 if integer & (integer - 1) == 0 else 2
    exponent = math.floor(math.log10(value)) - 4
    while True:
        ten_up, ten_down = (1, 10**-exponent) if exponent < 0 else (10**exponent, 1)
        top, bottom = integer * up * ten_down, down * ten_up
        digits = (2 * top + bottom) // (2 * bottom)
        if share * abs(digits * bottom - top) < up * ten_down:
            break
        exponent -= 1
    while digits % 10 == 0:
        digits //= 10
        exponent += 1
    return sign + decimal_text(digits, exponent)


def _float32(value: float) -> tuple:
    """Return (integer, power) with integer < 2**24 and value rounded to the nearest, ties to even."""
    fraction, power = math.frexp(value)
    bits = 24 if power >= -125 else max(0, 149 + power)  # below 2**-126 a 32-bit float has fewer bits
    scaled = math.ldexp(fraction, bits)
    integer = int(scaled)
    rest = scaled - integer
    if rest > 0.5 or (rest == 0.5 and integer & 1):
        integer += 1
    if power > 128 or (power == 128 and integer >= 2**24):
        raise ContractError("message: does not fit a 32-bit float")
    return integer, power - bits
