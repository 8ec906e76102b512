"""How does an observation look as a line of InfluxDB's protocol, and as a row of its answers? Pure."""

from collections.abc import Sequence
from typing import Any

import msgspec

from collector.observation import Observation, Series, Value, kind_of

MEASUREMENT = "observation"
FIELDS = ("number", "code", "text", "position", "quality", "censored", "source", "derived")

_keys: dict[Series, str] = {}  # escaped once per series: escaping is most of the cost of a line


def lines_of(observations: Sequence[Observation]) -> list[bytes]:
    """One line each, time in ms. Every line of a series writes the same fields: no older version shines through."""
    return [_line(one).encode() for one in observations]


def _line(one: Observation) -> str:
    key = _keys.get(one.series)
    if key is None:
        thing, quantity, period = one.series
        key = f"{MEASUREMENT},period={period},quantity={_tag(quantity)},thing={_tag(thing)} {field_of(one.series)}="
        if len(_keys) < 1_000_000:
            _keys[one.series] = key
    value = one.value
    if isinstance(value, tuple):
        text = _string(msgspec.json.encode(value).decode())
    elif isinstance(value, str):
        text = _string(value)
    else:
        text = repr(float(value))
    marks = f"quality={_string(one.quality)},censored={_string(one.censored)}"
    return f"{key}{text},{marks},source={_string(one.source)},derived={_string(one.derived)} {one.at}"


def field_of(series: Series) -> str:
    """The one field that holds the values of a series: a field of InfluxDB never changes its type."""
    kind = kind_of(series.quantity)
    return "number" if kind.is_number or kind.kind == "flags" else kind.kind


def observation_of(series: Series, row: dict[str, Any]) -> Observation:
    """``row`` holds ``time`` in ms and the fields of one point."""
    kind = kind_of(series.quantity)
    raw = row[field_of(series)]
    value: Value = raw
    if kind.kind == "position":
        value = tuple(msgspec.json.decode(raw, type=list[float]))
    elif kind.kind == "flags":
        value = int(raw)
    elif kind.is_number:
        value = float(raw)
    quality, censored, source, derived = (row[name] or "" for name in ("quality", "censored", "source", "derived"))
    return Observation(series, row["time"], value, quality, censored, source, derived)


def quoted(text: str) -> str:
    """A string of InfluxQL."""
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


def _tag(text: str) -> str:
    return text.replace(",", "\\,").replace("=", "\\=").replace(" ", "\\ ")


def _string(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"' if text else '""'
