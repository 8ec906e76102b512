"""What does a CreateObservations say? Data arrays of observations, datastream by datastream (18-088, 12.2)."""

from collections.abc import Iterator
from typing import Any, NamedTuple

from collector.entities.records import Datastream, Feature
from collector.refusals import AskedWrongError, ConflictError
from collector.sensorthings.bodies import FIELDS, Body, read_part
from collector.sensorthings.entering import enter
from collector.sensorthings.work import Work

FEATURE = "FeatureOfInterest/id"
ERROR = "error "
PIECE = 1_000  # rows in one transaction: some 50 ms of the thread that writes


class Group(NamedTuple):
    datastream: Any
    components: list[str]
    rows: list[list[Any]]
    path: str
    first: int = 0
    """The place of the first row in the whole array."""


def read_groups(body: Any) -> list[Group]:
    """Raise AskedWrongError where it can't even be told which row is which."""
    if not isinstance(body, list) or not body:
        raise AskedWrongError("body: expected a list of data arrays, each with Datastream, components and dataArray")
    return [_read_group(one, str(place)) for place, one in enumerate(body)]


def _read_group(one: Any, path: str) -> Group:
    if not isinstance(one, dict):
        raise AskedWrongError(f"{path}: expected an object")
    for key in one:
        if key not in ("Datastream", "components", "dataArray@iot.count", "dataArray"):
            raise AskedWrongError(f"{path}.{key[:64]}: unknown key")
    stream, components, rows = (one.get(key) for key in ("Datastream", "components", "dataArray"))
    if not isinstance(stream, dict) or set(stream) != {"@iot.id"}:
        raise AskedWrongError(f'{path}.Datastream: expected a link, as in {{"@iot.id": 1}}')
    known = (*FIELDS["Observations"], FEATURE)
    if not isinstance(components, list) or not components or len(set(map(str, components))) < len(components):
        raise AskedWrongError(f"{path}.components: expected names, each once")
    for name in components:
        if name not in known:
            raise AskedWrongError(f"{path}.components: {str(name)[:64]} is none of {' '.join(known)}")
    if not isinstance(rows, list) or not all(isinstance(row, list) and len(row) == len(components) for row in rows):
        raise AskedWrongError(f"{path}.dataArray: expected lists of {len(components)}, as there are components")
    if one.get("dataArray@iot.count", len(rows)) != len(rows):
        raise AskedWrongError(f"{path}.dataArray@iot.count: there are {len(rows)} rows")
    return Group(stream["@iot.id"], components, rows, path)


def in_pieces(groups: list[Group], most: int = PIECE) -> Iterator[list[Group]]:
    """The same rows in the same order, at most so many at once."""
    piece: list[Group] = []
    room = most
    for group in groups:
        start = 0
        while start < len(group.rows):
            taken = group.rows[start : start + room]
            piece.append(group._replace(rows=taken, first=start))
            start += len(taken)
            room -= len(taken)
            if not room:
                yield piece
                piece, room = [], most
    if piece:
        yield piece


def create_rows(work: Work, groups: list[Group]) -> list[str]:
    """Of each row the id, or ``error`` and why; raises as ``Asker.must``."""
    answers: list[str] = []
    for group in groups:
        stream = work.get(Datastream, group.datastream)
        if stream is not None:
            work.must([work.thing_of(stream)], "operate")
        for place, row in enumerate(group.rows, group.first):
            told = dict(zip(group.components, row, strict=True))
            try:
                answers.append(_create(work, group, told))
            except (AskedWrongError, ConflictError) as error:
                answers.append(f"{ERROR}{group.path}.dataArray.{place}: {error}")
    return answers


def _create(work: Work, group: Group, told: dict[str, Any]) -> str:
    stream = work.linked(Datastream, group.datastream, "Datastream")
    number = told.pop(FEATURE, None)
    feature = None if number is None else work.linked(Feature, number, FEATURE)
    part = read_part("Observations", told)
    if "result" not in part.properties:
        raise AskedWrongError("result: missing")
    return enter(work, stream, work.thing_of(stream), Body("", part.properties), feature)
