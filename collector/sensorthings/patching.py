"""What does a JSON Patch make of a value? RFC 6902, all six operations, pure."""

from collections.abc import Callable
from copy import deepcopy
from typing import Any

from collector.refusals import AskedWrongError

MOST = 1_000  # operations


def patched(value: Any, operations: Any) -> Any:
    """A new value; raise AskedWrongError naming the operation that can't be done."""
    if not isinstance(operations, list):
        raise AskedWrongError("body: expected a list of operations (RFC 6902)")
    if len(operations) > MOST:
        raise AskedWrongError(f"body: at most {MOST} operations")
    value = deepcopy(value)
    for place, operation in enumerate(operations):
        try:
            value = _applied(value, operation)
        except AskedWrongError as error:
            raise AskedWrongError(f"operation {place}: {error}") from None
    return value


def _applied(value: Any, operation: Any) -> Any:
    if not isinstance(operation, dict) or operation.get("op") not in _OPERATIONS:
        raise AskedWrongError(f"op: expected one of {' '.join(_OPERATIONS)}")
    needed, apply = _OPERATIONS[operation["op"]]
    for key in ("path", *needed):
        if key not in operation or (key != "value" and not isinstance(operation[key], str)):
            raise AskedWrongError(f"{key}: {'missing' if key not in operation else 'expected text'}")
    return apply(value, _parts(operation["path"]), operation)


def _add(value: Any, path: list[str], operation: Any) -> Any:
    return _with(value, path, deepcopy(operation["value"]))


def _replace(value: Any, path: list[str], operation: Any) -> Any:
    _at(value, path)
    return _replaced(value, path, deepcopy(operation["value"]))


def _remove(value: Any, path: list[str], _operation: Any) -> Any:
    _at(value, path)
    return _without(value, path)


def _move(value: Any, path: list[str], operation: Any) -> Any:
    source = _parts(operation["from"])
    if path[: len(source)] == source and path != source:
        raise AskedWrongError("from: nothing can be moved into itself")
    moved = _at(value, source)
    return _with(_without(value, source), path, moved)


def _copy(value: Any, path: list[str], operation: Any) -> Any:
    return _with(value, path, deepcopy(_at(value, _parts(operation["from"]))))


def _test(value: Any, path: list[str], operation: Any) -> Any:
    if not _same(_at(value, path), operation["value"]):
        raise AskedWrongError(f"{operation['path']}: another value stands there")
    return value


_OPERATIONS: dict[str, tuple[tuple[str, ...], Callable[[Any, list[str], Any], Any]]] = {
    "add": (("value",), _add),
    "replace": (("value",), _replace),
    "remove": ((), _remove),
    "move": (("from",), _move),
    "copy": (("from",), _copy),
    "test": (("value",), _test),
}


def _parts(path: str) -> list[str]:
    """RFC 6901."""
    if path and not path.startswith("/"):
        raise AskedWrongError(f"{path[:64]}: a path begins with /")
    return [part.replace("~1", "/").replace("~0", "~") for part in path.split("/")[1:]]


def _at(value: Any, parts: list[str]) -> Any:
    for part in parts:
        if isinstance(value, dict) and part in value:
            value = value[part]
        elif isinstance(value, list) and _index(part, len(value)) is not None:
            value = value[int(part)]
        else:
            raise AskedWrongError(f"/{'/'.join(parts)}: nothing stands there")
    return value


def _with(value: Any, parts: list[str], new: Any) -> Any:
    if not parts:
        return new
    *way, last = parts
    inner = _at(value, way)
    if isinstance(inner, dict):
        inner[last] = new
    elif isinstance(inner, list) and (last == "-" or _index(last, len(inner) + 1) is not None):
        inner.insert(len(inner) if last == "-" else int(last), new)
    else:
        raise AskedWrongError(f"/{'/'.join(parts)}: nothing can stand there")
    return value


def _replaced(value: Any, parts: list[str], new: Any) -> Any:
    if not parts:
        return new
    *way, last = parts
    inner = _at(value, way)
    inner[int(last) if isinstance(inner, list) else last] = new
    return value


def _without(value: Any, parts: list[str]) -> Any:
    if not parts:
        raise AskedWrongError("path: the whole can't be removed")
    *way, last = parts
    inner = _at(value, way)
    del inner[int(last) if isinstance(inner, list) else last]
    return value


def _index(part: str, end: int) -> int | None:
    """A place in a list; no sign, no leading zero."""
    is_whole = part.isascii() and part.isdigit() and len(part) < 10 and (part == "0" or part[0] != "0")
    return int(part) if is_whole and int(part) < end else None


def _same(one: Any, other: Any) -> bool:
    """``true`` is not 1."""
    if isinstance(one, bool) or isinstance(other, bool):
        return one is other
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(_same(one[key], other[key]) for key in one)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(_same, one, other))
    return bool(one == other)
