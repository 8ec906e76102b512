"""What does a request path name, and what is the answer? Paths, links, pages and expansions (18-088, 9.2 and 9.3)."""

import re
from collections.abc import Sequence
from typing import Any
from urllib.parse import quote, urlencode

from collector.observation import observation_id, split_observation_id
from collector.query import Query
from collector.registry import Datastream
from collector.sensorthings import AskedWrongError, NotThereError, observations
from collector.sensorthings.conformance import CONFORMANCE
from collector.sensorthings.entities import NAVIGATION, SETS, Entities, Entity, Id, leads_to_one
from collector.sensorthings.expression import Property, satisfies
from collector.sensorthings.options import Options
from collector.view import View

_SEGMENT = re.compile(r"([A-Za-z]+)(?:\((?:(\d{1,15})|'((?:[^']|'')*)')\))?")


class Service:
    """Answers for one who asks; ``root`` is the absolute URL of ``/v1.1``."""

    def __init__(self, view: View, root: str) -> None:
        self._view = view
        self._entities = Entities(view)
        self._root = root

    def landing(self) -> dict[str, Any]:
        sets = [{"name": name, "url": f"{self._root}/{name}"} for name in SETS]
        return {"value": sets, "serverSettings": {"conformance": list(CONFORMANCE)}}

    async def get(self, path: str, options: Options) -> dict[str, Any]:
        """Answer ``Things(1)/Datastreams``; raise NotThereError or AskedWrongError."""
        first, *rest = path.strip("/").split("/")
        name, identifier = _segment(first)
        if name not in SETS:
            raise NotThereError(f"{name}: no such entity set; there are {' '.join(SETS)}")
        if identifier is None:
            if rest:
                raise NotThereError(f"{path}: an id is missing behind {name}")
            return await self._set(name, None, path, options)
        entity = await self._find(name, identifier)
        for position, segment in enumerate(rest):
            step, identifier = _segment(segment)
            if step not in NAVIGATION[entity.set]:
                raise NotThereError(f"{segment}: {entity.set} lead to {' '.join(NAVIGATION[entity.set])}")
            is_last = position == len(rest) - 1
            if not leads_to_one(step) and identifier is None:
                if not is_last:
                    raise NotThereError(f"{path}: an id is missing behind {step}")
                return await self._set(NAVIGATION[entity.set][step], entity, path, options)
            entity = await self._step(entity, step, identifier)
        return await self._shown(entity, options)

    # ---- finding -------------------------------------------------------------------------------------------------

    async def _find(self, name: str, identifier: Id) -> Entity:
        entity = (
            await self._observation(identifier) if name == "Observations" else self._entities.find(name, identifier)
        )
        if entity is None:
            raise NotThereError(f"{name}({identifier!r}): no such entity")
        return entity

    async def _step(self, entity: Entity, step: str, identifier: Id | None) -> Entity:
        target = NAVIGATION[entity.set][step]
        if target == "Observations" and identifier is not None:
            found = await self._find(target, identifier)
            if self._stream_of(found) in self._entities.datastreams_of(entity):
                return found
        related = [] if target == "Observations" else self._related(entity, step)
        for one in related:
            if identifier is None or one.id == identifier:
                return one
        raise NotThereError(f"{entity.set}({entity.id!r})/{step}: no such entity")

    def _related(self, entity: Entity, step: str) -> list[Entity]:
        if entity.set != "Observations":
            return self._entities.related(entity, step)
        stream = self._stream_of(entity)
        found = self._entities.feature_of(stream) if step == "FeatureOfInterest" else None
        found = found or (self._entities.find("Datastreams", stream.id) if step == "Datastream" else None)
        return [found] if found else []

    def _stream_of(self, observation: Entity) -> Datastream:
        stream = self._view.datastream(split_observation_id(str(observation.id))[0])
        if stream is None:
            raise NotThereError(f"Observations({observation.id!r}): no such entity")
        return stream

    async def _observation(self, identifier: Id) -> Entity | None:
        try:
            number, at = split_observation_id(str(identifier))
        except ValueError:
            return None
        stream = self._view.datastream(number)
        if stream is None:
            return None
        found = await self._view.all(Query(stream.series, since=at, until=at + 1, limit=1))
        return _observation(stream, found[0]) if found else None

    # ---- showing -------------------------------------------------------------------------------------------------

    async def _set(self, name: str, parent: Entity | None, path: str, options: Options) -> dict[str, Any]:
        page, more, total = await self._page(name, parent, path.rpartition("/")[2], options)
        answer: dict[str, Any] = {}
        if total is not None:
            answer["@iot.count"] = total
        if more:
            answer["@iot.nextLink"] = f"{self._root}/{quote(path.strip('/'), safe=_SAFE)}?{_next(options)}"
        answer["value"] = [await self._shown(entity, options) for entity in page]
        return answer

    async def _page(
        self, name: str, parent: Entity | None, step: str, options: Options
    ) -> tuple[Sequence[Entity], bool, int | None]:
        """Return one page, whether more follow, and the number of all when ``$count`` asks for it."""
        if name == "Observations":
            streams = self._view.datastreams if parent is None else self._entities.datastreams_of(parent)
            found, more = await observations.find(self._view, streams, options)
            total = await observations.count(self._view, streams, options) if options.count else None
            return [_observation(stream, one) for stream, one in found], more, total
        entities = self._entities.all(name) if parent is None else self._related(parent, step)
        if options.filter is not None:
            wanted = options.filter
            entities = [one for one in entities if satisfies(wanted, lambda p, one=one: _value(p, one))]  # type: ignore[misc]  # the default binds this turn's entity
        for by, descending in reversed(options.orderby):
            entities = sorted(entities, key=lambda one, by=by: _sort_key(_value(by, one)), reverse=descending)  # type: ignore[misc]  # as above
        page = entities[options.skip : options.skip + options.page]
        more = bool(page) and len(entities) > options.skip + len(page)
        return page, more, len(entities) if options.count else None

    async def _shown(self, entity: Entity, options: Options) -> dict[str, Any]:
        link = f"{self._root}/{entity.set}({_key(entity.id)})"
        shown = {"@iot.id": entity.id, "@iot.selfLink": link, **entity.properties}
        steps = NAVIGATION[entity.set]
        shown |= {f"{step}@iot.navigationLink": f"{link}/{step}" for step in steps}
        if options.select:
            shown = _selected(entity, shown, options.select)
        for step, inner in options.expand.items():
            if step not in steps:
                raise AskedWrongError(f"$expand: {entity.set} lead to {' '.join(steps)}, not to {step}")
            shown |= await self._expanded(entity, step, inner)
        return shown

    async def _expanded(self, entity: Entity, step: str, options: Options) -> dict[str, Any]:
        if leads_to_one(step):
            related = self._related(entity, step)
            return {step: await self._shown(related[0], options) if related else None}
        page, more, total = await self._page(NAVIGATION[entity.set][step], entity, step, options)
        expanded: dict[str, Any] = {step: [await self._shown(one, options) for one in page]}
        if total is not None:
            expanded[f"{step}@iot.count"] = total
        if more:
            path = f"{entity.set}({_key(entity.id)})/{step}"
            expanded[f"{step}@iot.nextLink"] = f"{self._root}/{quote(path, safe=_SAFE)}?{_next(options)}"
        return expanded


_SAFE = "/()',"


def _observation(stream: Datastream, one: Any) -> Entity:
    properties = observations.properties_of_observation(stream, one)
    return Entity("Observations", observation_id(stream.id, one.at), properties)


def _segment(text: str) -> tuple[str, Id | None]:
    match = _SEGMENT.fullmatch(text)
    if match is None:
        raise NotThereError(f"{text}: expected a name, or a name with an id in brackets")
    name, number, quoted = match.groups()
    return name, int(number) if number is not None else quoted.replace("''", "'") if quoted is not None else None


def _key(identifier: Id) -> str:
    return str(identifier) if isinstance(identifier, int) else "'" + identifier.replace("'", "''") + "'"


def _value(asked: Property, entity: Entity) -> Any:
    if asked.path in (("id",), ("@iot.id",)):
        return entity.id
    value: Any = entity.properties
    if asked.path[0] not in entity.properties:
        raise AskedWrongError(f"{'/'.join(asked.path)}: {entity.set} have no such property")
    for part in asked.path:
        value = value.get(part) if isinstance(value, dict) else None
    return value


def _sort_key(value: Any) -> tuple[int, Any]:
    if value is None:
        return 0, 0
    if isinstance(value, (bool, int, float)):
        return 1, value
    return 2, str(value)


def _selected(entity: Entity, shown: dict[str, Any], select: Sequence[str]) -> dict[str, Any]:
    chosen: dict[str, Any] = {}
    for name in select:
        key = {"id": "@iot.id", "selfLink": "@iot.selfLink"}.get(name, name)
        key = f"{name}@iot.navigationLink" if name in NAVIGATION[entity.set] else key
        if key in shown:
            chosen[key] = shown[key]
        elif name != "parameters":  # only observations that have some
            raise AskedWrongError(f"$select: {entity.set} have no property {name}")
    return chosen


def _next(options: Options) -> str:
    """The query of the next page: the same words, further on."""
    return urlencode({**options.texts, "$skip": str(options.skip + options.page)}, safe="$")
