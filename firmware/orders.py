"""What does the city ask of a publisher, and what does it answer? Commands, their results, and configurations.

The other half of the contract: a publisher that takes no orders never loads it.
"""

from firmware.contract import (
    GATEWAY_LIMIT,
    NODE_LIMIT,
    ContractError,
    bounded,
    check_decoded,
    check_id,
    check_sequence,
    check_text,
    check_time,
    check_value,
    check_whole,
    known_keys,
    load,
    shown,
)
from firmware.wire_json import write

STATUSES = ("accepted", "done", "refused", "expired", "failed")
_COMMAND = ("id", "thing", "name", "arguments", "expires", "by", "approved_by", "reason", "signature")


def encode_command(command: dict) -> bytes:
    """A command of a center to one thing; ``expires`` in ms UTC; ``signature`` over ``signed_bytes``."""
    _check_command(command)
    return bounded(command, NODE_LIMIT)


def decode_command(payload: bytes) -> dict:
    command = load(payload)
    _check_command(command)
    return command


def _check_command(command: dict) -> None:
    known_keys("", command, _COMMAND)
    for key in ("id", "thing"):
        check_id(key, command.get(key))
    for key in ("name", "by"):
        check_text(key, command.get(key))
    for key in ("approved_by", "reason", "signature"):
        if key in command:
            check_text(key, command[key])
    if type(command.get("arguments")) is not dict:
        raise ContractError("arguments: expected an object")
    check_time("expires", command.get("expires"))


def encode_result(result: dict) -> bytes:
    """What became of a command; ``outbox`` and ``seq`` make it receipted like a reading."""
    _check_result(result, check_value)
    return bounded(result, NODE_LIMIT)


def decode_result(payload: bytes) -> dict:
    result = load(payload)
    _check_result(result, check_decoded)
    return result


def _check_result(result: dict, check_value) -> None:
    known_keys("", result, ("outbox", "seq", "id", "status", "values", "reason", "at"))
    if "outbox" in result or "seq" in result:
        check_sequence(result)
    check_id("id", result.get("id"))
    if result.get("status") not in STATUSES:
        raise ContractError("status: expected one of " + " ".join(STATUSES))
    if "at" in result:
        check_time("at", result["at"])
    if "reason" in result:
        check_text("reason", result["reason"])
    values = result.get("values", {})
    if type(values) is not dict:
        raise ContractError("values: expected an object")
    for key, value in values.items():
        check_value("values." + shown(key), key, value)


def encode_config(config: dict) -> bytes:
    """A numbered configuration: ``number``, ``settings`` (an object), ``by``, ``signature``."""
    _check_config(config)
    return bounded(config, GATEWAY_LIMIT)


def decode_config(payload: bytes) -> dict:
    config = load(payload)
    _check_config(config)
    return config


def _check_config(config: dict) -> None:
    known_keys("", config, ("number", "settings", "by", "signature"))
    check_whole("number", config.get("number"), 1, 2**53)
    if type(config.get("settings")) is not dict:
        raise ContractError("settings: expected an object")
    for key in ("by", "signature"):
        if key in config:
            check_text(key, config[key])


def signed_bytes(message: dict) -> bytes:
    """The bytes a signature covers: every key but ``signature``, sorted at each depth, compact, the same everywhere."""
    return write({key: value for key, value in message.items() if key != "signature"}).encode()
