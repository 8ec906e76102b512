"""What is the answer to a request that reads? Entities with their links, pages, and what is expanded (18-088, 9.3)."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, NamedTuple
from urllib.parse import quote, urlencode

from collector.entities.registry import Datastream
from collector.sensorthings.checks import CONTROL, check_nothing, check_one, check_set
from collector.sensorthings.conformance import CONFORMANCE
from collector.sensorthings.data_array import data_array
from collector.sensorthings.entities import NAVIGATION, SETS, Entities, Entity, leads_to_one
from collector.sensorthings.expression import Literal, Property, call
from collector.sensorthings.observations import Found, Observations
from collector.sensorthings.options import Options
from collector.sensorthings.ordering import ordered
from collector.sensorthings.properties import Paths
from collector.sensorthings.pushdown import one_datastream
from collector.sensorthings.resource import EntitySet, Finder, One, OneProperty, entity_of, key_of
from collector.sensorthings.sifting import Sieve
from collector.view import View


class Page(NamedTuple):
    entities: Sequence[Entity]
    has_more: bool
    total: int | None
    """Of all pages, where ``$count`` asks for it."""


class Raw(NamedTuple):
    """A value alone, as ``/$value`` asks for it."""

    value: Any


NOTHING = Raw(None)
"""There is no value (204 No Content)."""


class Service:
    """Answers one request of one who asks; ``root`` is the absolute URL of ``/v1.1``."""

    def __init__(self, view: View, root: str) -> None:
        self._entities = Entities(view)
        self._paths = Paths(self._entities)
        self._sieve = Sieve()
        self._observations = Observations(view, self._entities, self._paths, self._sieve)
        self._finder = Finder(view, self._entities, self._observations)
        self._view = view
        self._root = root
        self._shown_before: dict[tuple[str, Any, int], dict[str, Any]] = {}

    def landing(self) -> dict[str, Any]:
        sets = [{"name": name, "url": f"{self._root}/{name}"} for name in SETS]
        return {"value": sets, "serverSettings": {"conformance": list(CONFORMANCE)}}

    async def get(self, path: str, options: Options) -> dict[str, Any] | Raw:
        """Answer ``Things(1)/Datastreams``; raise NotThereError or AskedWrongError."""
        found = await self._finder.find(path)
        if isinstance(found, OneProperty):
            check_nothing(list(options.texts), "one property")
            value = found.entity.properties.get(found.name)
            if value is None:
                return NOTHING
            return Raw(value) if found.raw else {found.name: value}
        if isinstance(found, One):
            check_one(found.entity.set, options)
            return self._link(found.entity) if found.links_only else await self._shown(found.entity, options)
        check_set(found.name, options)
        if options.as_array:
            return await self._array(found, path, options)
        page = await self._page(found, options)
        answer = self._around(page.has_more, page.total, path, options)
        if found.links_only:
            return answer | {"value": [self._link(entity) for entity in page.entities]}
        return answer | {"value": [await self._shown(entity, options) for entity in page.entities]}

    # ---- pages -----------------------------------------------------------------------------------------------------

    async def _page(self, asked: EntitySet, options: Options) -> Page:
        if asked.name == "Observations":
            found, has_more, total = await self._found(asked, options)
            return Page([entity_of(one) for one in found], has_more, total)
        parent = asked.parent
        entities = self._entities.all(asked.name) if parent is None else self._finder.related(parent, asked.step)
        if options.filter is not None:
            sifted = self._sieve.sift(entities, (options.filter,), self._value)
            entities = [one async for one in sifted]
        if options.orderby:
            await self._sieve.spend(len(entities) * len(options.orderby))
            entities = ordered(entities, options.orderby, self._value)
        page = entities[options.skip : options.skip + options.page]
        has_more = bool(page) and len(entities) > options.skip + len(page)
        return Page(page, has_more, len(entities) if options.count else None)

    async def _found(self, asked: EntitySet, options: Options) -> tuple[list[Found], bool, int | None]:
        parent = asked.parent
        streams = self._streams(options) if parent is None else self._entities.datastreams_of(parent)
        if parent is not None and parent.set == "FeaturesOfInterest":  # a thing that moved observes several
            is_of_it = call("eq", (Property(("FeatureOfInterest", "id")), Literal(parent.id)))
            options = replace(
                options, filter=is_of_it if options.filter is None else call("and", (is_of_it, options.filter))
            )
        found, has_more = await self._observations.find(streams, options)
        return found, has_more, await self._observations.count(streams, options) if options.count else None

    def _streams(self, options: Options) -> Sequence[Datastream]:
        """All that can have what is asked for: one that is named is not looked for among all."""
        named = one_datastream(options.filter)
        if named is None:
            return self._view.datastreams
        found = self._view.datastream(named)
        return [found] if found else []

    async def _array(self, asked: EntitySet, path: str, options: Options) -> dict[str, Any]:
        found, has_more, total = await self._found(asked, options)
        answer = self._around(has_more, total, path, options)
        return answer | {"value": data_array(self._root, found, options.select)}

    def _around(self, has_more: bool, total: int | None, path: str, options: Options) -> dict[str, Any]:
        answer: dict[str, Any] = {}
        if total is not None:
            answer["@iot.count"] = total
        if has_more:
            answer["@iot.nextLink"] = self._next(path, options)
        return answer

    def _next(self, path: str, options: Options) -> str:
        """The link to the next page: the same words, further on. A ``$top`` is the size of each page."""
        query = urlencode({**options.texts, "$skip": str(options.skip + options.page)}, safe="$")
        return f"{self._root}/{quote(path.strip('/'), safe=_SAFE)}?{query}"

    def _value(self, entity: Entity, asked: Property) -> Any:
        return self._paths.value(entity, asked.path)

    # ---- entities --------------------------------------------------------------------------------------------------

    def _address(self, entity: Entity) -> str:
        return f"{self._root}/{entity.set}({quote(key_of(entity.id), safe=_SAFE)})"

    def _link(self, entity: Entity) -> dict[str, Any]:
        return {"@iot.selfLink": self._address(entity)}

    async def _shown(self, entity: Entity, options: Options) -> dict[str, Any]:
        link = self._address(entity)
        shown = {"@iot.id": entity.id, "@iot.selfLink": link, **entity.properties}
        shown |= {f"{step}@iot.navigationLink": f"{link}/{step}" for step in NAVIGATION[entity.set]}
        if options.select:
            shown = _selected(entity, shown, options.select)
        for step, inner in options.expand.items():
            shown |= await self._expanded(entity, step, inner)
        return shown

    async def _expanded(self, entity: Entity, step: str, options: Options) -> dict[str, Any]:
        if leads_to_one(step):
            related = self._finder.related(entity, step)
            return {step: await self._shown_once(related[0], options) if related else None}
        page = await self._page(EntitySet(NAVIGATION[entity.set][step], entity, step), options)
        expanded: dict[str, Any] = {step: [await self._shown(one, options) for one in page.entities]}
        if page.total is not None:
            expanded[f"{step}@iot.count"] = page.total
        if page.has_more:
            expanded[f"{step}@iot.nextLink"] = self._next(f"{entity.set}({key_of(entity.id)})/{step}", options)
        return expanded

    async def _shown_once(self, entity: Entity, options: Options) -> dict[str, Any]:
        """The one thousand observations have in common is made once."""
        key = entity.set, entity.id, id(options)  # the options live as long as the request
        if key not in self._shown_before:
            self._shown_before[key] = await self._shown(entity, options)
        return self._shown_before[key]


_SAFE = "/()',"


def _selected(entity: Entity, shown: dict[str, Any], select: Sequence[str]) -> dict[str, Any]:
    chosen: dict[str, Any] = {}
    for name in select:
        key = f"{name}@iot.navigationLink" if name in NAVIGATION[entity.set] else CONTROL.get(name, name)
        if key in shown:  # what is optional may be absent
            chosen[key] = shown[key]
    return chosen
