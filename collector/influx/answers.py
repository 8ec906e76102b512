"""What does an answer of InfluxDB mean: stored, never to be stored, or to be tried again? Pure, for all versions."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import msgspec

from collector.store import StoreError


class RefusedLinesError(Exception):
    """InfluxDB will never take at least one of these lines; the text is its reason. The others may be stored."""

    def __init__(self, reason: str, lines: dict[int, str] | None = None) -> None:
        super().__init__(reason)
        self.lines = lines or {}
        """Which lines (from 0) and why, where InfluxDB says so: 3 does, 1 and 2 do not."""


@dataclass(frozen=True)
class Answer:
    status: int
    body: bytes
    headers: dict[str, str] = field(default_factory=dict)
    """Names in lower case."""


def check_written(answer: Answer) -> None:
    """Return when everything is stored.

    Only what is about lines is a refusal, told in InfluxDB's own JSON: 400 (1.x: partial write or not parsed; 2.x: not
    parsed; 3: partial write), 422 (2.x: partial write; 3: a limit of the schema), and 413. All else may pass: a proxy's
    page, a token or a bucket that is not there yet, a full server. None of that may empty a batch into the quarantine.
    """
    if answer.status == 204:
        return
    if answer.status == 413:
        raise RefusedLinesError(reason_of(answer) or "too large")
    said = _json_object(answer.body)
    if answer.status in (400, 422) and ("error" in said or "code" in said):
        raise RefusedLinesError(reason_of(answer), _named_lines(said))
    raise StoreError(describe(answer))


def describe(answer: Answer) -> str:
    """One line for a person: ``503: service unavailable; asks to wait 30 s``."""
    wait = answer.headers.get("retry-after", "")
    asks = f"; asks to wait {wait} s" if wait.isascii() and wait.isdigit() else ""
    return f"{answer.status}: {reason_of(answer) or 'nothing is said'}{asks}"


def reason_of(answer: Answer) -> str:
    said = _json_object(answer.body)
    reason = said.get("error", said.get("message"))  # 1.x and 3; 2.x
    if isinstance(reason, str):
        return ": ".join([reason, *list(_named_lines(said).values())[:1]])
    text = answer.body[:1000].decode(errors="replace")
    return " ".join(re.sub("<[^>]*>", " ", text).split())[:200]


def rows_of(body: bytes) -> Iterator[dict[str, Any]]:
    """Yield every row of the answer to one InfluxQL statement: its columns and the tags it is grouped by.

    Raises StoreError for what InfluxDB says went wrong, and for what no InfluxDB says.
    """
    try:
        result = msgspec.json.decode(body)["results"][0]
    except (ValueError, TypeError, LookupError):
        raise StoreError(f"not an answer to InfluxQL: {body[:100].decode(errors='replace')}") from None
    if "error" in result:
        raise StoreError(str(result["error"]))
    for series in result.get("series", ()):
        columns, tags = series["columns"], series.get("tags") or {}
        if "time" not in columns:
            raise StoreError(f"not an answer to InfluxQL: the columns are {', '.join(columns)}")
        for values in series.get("values", ()):
            yield tags | dict(zip(columns, values, strict=True))


def is_partial(body: bytes) -> bool:
    """More of this chunked answer has to follow."""
    result = msgspec.json.decode(body)["results"][0]
    return bool(result.get("partial"))


def _named_lines(said: dict[str, Any]) -> dict[int, str]:
    """InfluxDB 3 names each line it refused, from 1."""
    named = {}
    data = said.get("data")
    for one in data if isinstance(data, list) else [data]:
        if isinstance(one, dict) and isinstance(one.get("line_number"), int):
            named[one["line_number"] - 1] = str(one.get("error_message", ""))
    return named


def _json_object(body: bytes) -> dict[str, Any]:
    try:
        said = msgspec.json.decode(body)
    except ValueError:
        return {}
    return said if isinstance(said, dict) else {}
