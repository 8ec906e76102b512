"""How do observations look without their keys? ``$resultFormat=dataArray``, grouped by Datastream (18-088, 13)."""

from collections.abc import Sequence
from typing import Any

from collector.observation import observation_id
from collector.sensorthings.observations import Found, properties_of

COMPONENTS = ("id", "phenomenonTime", "resultTime", "result", "resultQuality", "parameters")


def data_array(root: str, page: Sequence[Found], select: Sequence[str]) -> list[dict[str, Any]]:
    """One group for each Datastream, in the order in which each first appears; in a group the order of the page."""
    components = list(select or COMPONENTS)
    groups: dict[int, list[list[Any]]] = {}
    for found in page:
        groups.setdefault(found.stream.id, []).append(_row(found, components))
    return [
        {
            "Datastream@iot.navigationLink": f"{root}/Datastreams({stream})",
            "components": components,
            "dataArray@iot.count": len(rows),
            "dataArray": rows,
        }
        for stream, rows in groups.items()
    ]


def _row(found: Found, components: Sequence[str]) -> list[Any]:
    values = {"id": observation_id(found.stream.id, found.one.at), **properties_of(found)}
    return [values.get(name) for name in components]
