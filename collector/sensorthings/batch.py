"""What does a JSON batch ask for? Requests in one request, which may speak of what others before them created.

By OData 4.01 JSON, 19, as the extension of SensorThings that ``conformance`` names takes it over. A group that must
happen as a whole or not at all is not offered; of one request, it is what every change is.
"""

from collections import Counter
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

import msgspec

from collector.refusals import AskedWrongError, TooLargeError
from collector.sensorthings.bodies import check_json

MOST_REQUESTS = 100
LARGEST = 1 << 20  # bytes
_METHODS = ("GET", "HEAD", "POST", "PATCH", "PUT", "DELETE")
_HEADERS = ("accept", "content-type", "if-match", "if-none-match", "prefer")


class Inner(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename="camel"):
    """One request of a batch."""

    id: str
    method: str
    url: str
    body: Any = msgspec.UNSET
    headers: dict[str, str] = msgspec.field(default_factory=dict)
    atomicity_group: str = ""
    depends_on: tuple[str, ...] = ()


class _Batch(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    requests: list[Inner]


_decoder = msgspec.json.Decoder(_Batch)


def read_batch(body: bytes) -> list[Inner]:
    """Raise AskedWrongError naming the place, or TooLargeError."""
    if len(body) > LARGEST:
        raise TooLargeError(f"$batch: at most {LARGEST} bytes")
    try:
        requests = _decoder.decode(body)
    except (msgspec.DecodeError, RecursionError) as error:
        raise AskedWrongError(f"$batch: {error}") from None
    inner = requests.requests
    if len(inner) > MOST_REQUESTS:
        raise AskedWrongError(f"$batch: over {MOST_REQUESTS} requests")
    seen: set[str] = set()
    for place, one in enumerate(inner):
        _check(f"$batch: requests.{place}", one, seen)
        seen.add(one.id)
    return inner


def _check(where: str, one: Inner, before: set[str]) -> None:
    if not one.id or one.id in before:
        raise AskedWrongError(f"{where}.id: {one.id!r} is empty, or stands here twice")
    if one.method.upper() not in _METHODS:
        raise AskedWrongError(f"{where}.method: expected one of {' '.join(_METHODS)}, got {one.method!r}")
    for name in one.headers:
        if name.lower() not in _HEADERS:
            raise AskedWrongError(f"{where}.headers: {name} is that of the whole batch, or has no meaning here")
    if unknown := set(one.depends_on) - before:
        raise AskedWrongError(f"{where}.dependsOn: {' '.join(sorted(unknown))} does not come before it")
    if one.body is not msgspec.UNSET:
        check_json(f"{where}.body", one.body)


def groups_of_several(batch: list[Inner]) -> set[str]:
    """The atomicity groups that hold more than one request."""
    counted = Counter(one.atomicity_group for one in batch if one.atomicity_group)
    return {name for name, count in counted.items() if count > 1}


def target_of(url: str, root: str, created: Mapping[str, str]) -> tuple[str, str]:
    """(path behind the root, query) of a relative or an absolute URL; ``created``: {id: URL of what it created}.

    Raises AskedWrongError for one that leads out of the service.
    """
    if url.startswith("$") and not url.startswith("$batch"):
        name, slash, rest = url[1:].partition("/")
        if name not in created:
            raise AskedWrongError(f"url: {url}: no request ${name} before this one created anything")
        url = created[name] + slash + rest
    base = urlsplit(root)
    try:
        parts = urlsplit(url)
    except ValueError:
        raise AskedWrongError(f"url: can't read {url[:100]!r}") from None
    if (parts.scheme or parts.netloc) and (parts.scheme, parts.netloc) != (base.scheme, base.netloc):
        raise AskedWrongError(f"url: {url[:100]} leads out of {root}")
    path = parts.path
    if path.startswith("/"):
        if not path.startswith(f"{base.path}/"):
            raise AskedWrongError(f"url: {url[:100]} leads out of {root}")
        path = path[len(base.path) + 1 :]
    if {".", ".."} & set(path.lower().replace("%2e", ".").replace("%2f", "/").split("/")):
        raise AskedWrongError(f"url: {url[:100]} leads out of {root}")
    if path.replace("%24", "$").startswith("$batch"):
        raise AskedWrongError("url: a batch holds no batch")
    return path, parts.query


def filled(body: Any, created: Mapping[str, str]) -> Any:
    """The body with the ids of what was created where ``{"@iot.id": "$name"}`` asks for them.

    Raises AskedWrongError.
    """
    if isinstance(body, list):
        return [filled(one, created) for one in body]
    if not isinstance(body, dict):
        return body
    return {name: _id(value, created) if name == "@iot.id" else filled(value, created) for name, value in body.items()}


def _id(value: Any, created: Mapping[str, str]) -> Any:
    if not isinstance(value, str) or not value.startswith("$"):
        return value
    if value[1:] not in created:
        raise AskedWrongError(f"@iot.id: no request {value} before this one created anything")
    text = created[value[1:]].rpartition("(")[2].removesuffix(")")
    return int(text) if text.isdecimal() else text.strip("'").replace("''", "'")
