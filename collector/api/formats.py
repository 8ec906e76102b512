"""In which format does an answer leave? The extension says it, else ``Accept``; each is one class in ``writing``."""

from typing import Any

from fastapi import Request
from starlette.exceptions import HTTPException

from collector.api.writing import WRITERS, Writer

BY_EXTENSION = {writer.extension: writer for writer in WRITERS}
EXTENSIONS = "|".join(extension.replace(".", r"\.") for extension in BY_EXTENSION)


def writer_for(request: Request, extension: str, *, is_rows: bool) -> type[Writer]:
    """The class that writes the answer; HTTPException 406 names what there is.

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
        raise HTTPException(406, f"Accept: expected one of {names}, got {accept[:200]}")
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


def contents() -> dict[str, Any]:
    """For OpenAPI: what an answer may look like."""
    return {writer.media_type.partition(";")[0]: {"schema": writer.schema} for writer in WRITERS}
