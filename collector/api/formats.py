"""In which format does an answer leave? The extension says it, else ``Accept``; each is one class in ``writing``."""

from typing import Any

from fastapi import Request

from collector.api.description import Refusal
from collector.api.writing import WRITERS, Writer


class NotAcceptableError(Exception):
    """None of the formats that the client accepts is one of ours; the text names ours."""


BY_EXTENSION = {writer.extension: writer for writer in WRITERS}


def writer_for(request: Request, extension: str, *, is_rows: bool) -> type[Writer]:
    """The class that writes the answer; NotAcceptableError names what there is.

    ``is_rows`` (``?shape=rows``) turns columns of JSON into rows of JSON.
    """
    writer = BY_EXTENSION[extension] if extension else _accepted(request.headers.get("accept", "*/*"))
    return BY_EXTENSION[".rows.json"] if is_rows and writer.extension == ".json" else writer


def _accepted(accept: str) -> type[Writer]:
    """RFC 9110 12.5.1: the format with the highest weight; of equal ones the first of ours."""
    weights = {}
    for part in accept.split(","):
        name, *parameters = (one.strip().lower() for one in part.split(";"))
        weights[name] = next((_weight(one[2:]) for one in parameters if one.startswith("q=")), 1.0)
    offered = [writer for writer in WRITERS if writer.extension != ".rows.json"]
    best = max(offered, key=lambda writer: _weight_of(writer.media_type, weights))
    if _weight_of(best.media_type, weights) <= 0:
        names = ", ".join(writer.media_type.partition(";")[0] for writer in offered)
        raise NotAcceptableError(f"Accept: expected one of {names}, got {accept[:200]}")
    return best


def _weight_of(media_type: str, weights: dict[str, float]) -> float:
    name = media_type.partition(";")[0]
    for pattern in (name, name.partition("/")[0] + "/*", "*/*"):
        if pattern in weights:
            return weights[pattern]
    return 0.0


def _weight(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return 0.0


def documented(what: str, *, is_tagged: bool = True) -> dict[int | str, dict[str, Any]]:
    """For OpenAPI: how an answer in one of the formats may look."""
    contents = {writer.media_type.partition(";")[0]: {"schema": writer.schema} for writer in reversed(WRITERS)}
    unchanged: dict[int | str, dict[str, Any]] = {
        304: {"description": "Nothing has changed since the answer that If-None-Match names."}
    }
    return {
        200: {"description": what, "content": contents},
        206: {"description": "The part that Range names.", "content": contents},
        **(unchanged if is_tagged else {}),
        406: {"description": "None of our formats is accepted; the message names them.", "model": Refusal},
        416: {"description": "The answer ends before the part that Range names."},
        501: {"description": "The store does not keep what is asked for; the message says why.", "model": Refusal},
    }
