"""What does a request path name? A set, an entity, a property, or links alone (18-088, 9.2)."""

import re
from dataclasses import dataclass

from collector.entities.registry import Datastream
from collector.observation import observation_id, split_observation_id
from collector.refusals import NotThereError
from collector.sensorthings.entities import NAVIGATION, SETS, Entities, Entity, Id, leads_to_one
from collector.sensorthings.observations import Found, Observations, properties_of
from collector.sensorthings.options import split_outside
from collector.sensorthings.properties import PROPERTIES
from collector.view import View

REF, VALUE = "$ref", "$value"
_SEGMENT = re.compile(r"([A-Za-z]+)(?:\((?:(\d{1,15})|'((?:[^']|'')*)')\))?")


@dataclass(frozen=True, slots=True)
class EntitySet:
    """All of a set, or those that ``step`` leads to from ``parent``."""

    name: str
    parent: Entity | None = None
    step: str = ""
    links_only: bool = False


@dataclass(frozen=True, slots=True)
class One:
    entity: Entity
    links_only: bool = False


@dataclass(frozen=True, slots=True)
class OneProperty:
    entity: Entity
    name: str
    raw: bool = False
    """``/$value``"""


Resource = EntitySet | One | OneProperty


class Finder:
    """Follows paths, for one request."""

    def __init__(self, view: View, entities: Entities, observations: Observations) -> None:
        self._view = view
        self._entities = entities
        self._observations = observations

    async def find(self, path: str) -> Resource:
        """Raise NotThereError."""
        first, *rest = split_outside(path, "/") or [""]
        name, identifier = _segment(first)
        if name not in SETS:
            raise NotThereError(f"{name}: no such entity set; there are {' '.join(SETS)}")
        if identifier is None:
            return _of_set(EntitySet(name), path, rest)
        entity = await self._entity(name, identifier)
        while rest:
            segment, *rest = rest
            if segment == REF and not rest:
                return One(entity, links_only=True)
            step, identifier = _segment(segment)
            if step in PROPERTIES[entity.set] and identifier is None:
                if rest not in ([], [VALUE]):
                    raise NotThereError(f"{'/'.join(rest)}: behind a property there is nothing but {VALUE}")
                return OneProperty(entity, step, raw=bool(rest))
            if step not in NAVIGATION[entity.set]:
                leads = " ".join((*NAVIGATION[entity.set], *PROPERTIES[entity.set]))
                raise NotThereError(f"{segment}: {entity.set} lead to {leads}")
            if leads_to_one(step) or identifier is not None:
                entity = await self._step(entity, step, identifier)
            else:
                return _of_set(EntitySet(NAVIGATION[entity.set][step], entity, step), path, rest)
        return One(entity)

    def related(self, entity: Entity, step: str) -> list[Entity]:
        """The entities a navigation property leads to; Observations are asked of ``Observations``."""
        if entity.set != "Observations":
            return self._entities.related(entity, step)
        stream, at = self.stream_of(entity), split_observation_id(str(entity.id))[1]
        if step == "FeatureOfInterest":
            found = self._entities.feature_of(stream, at)
        else:
            found = self._entities.find("Datastreams", stream.id)
        return [found] if found else []

    def stream_of(self, observation: Entity) -> Datastream:
        """Raise NotThereError."""
        stream = self._view.datastream(split_observation_id(str(observation.id))[0])
        if stream is None:
            raise NotThereError(f"Observations({observation.id!r}): no such entity")
        return stream

    async def _entity(self, name: str, identifier: Id) -> Entity:
        found = self._entities.find(name, identifier) if name != "Observations" else await self._observation(identifier)
        if found is None:
            raise NotThereError(f"{name}({identifier!r}): no such entity")
        return found

    async def _step(self, entity: Entity, step: str, identifier: Id | None) -> Entity:
        target = NAVIGATION[entity.set][step]
        if target == "Observations" and identifier is not None:
            found = await self._entity(target, identifier)
            back = "FeatureOfInterest" if entity.set == "FeaturesOfInterest" else "Datastream"
            if [(one.set, one.id) for one in self.related(found, back)] == [(entity.set, entity.id)]:
                return found
        related = [] if target == "Observations" else self.related(entity, step)
        for one in related:
            if identifier is None or one.id == identifier:
                return one
        raise NotThereError(f"{entity.set}({entity.id!r})/{step}: no such entity")

    async def _observation(self, identifier: Id) -> Entity | None:
        try:
            number, at = split_observation_id(str(identifier))
        except ValueError:
            return None
        stream = self._view.datastream(number) if observation_id(number, at) == identifier else None
        found = await self._observations.one(stream, at) if stream and at < _BEYOND else None
        return entity_of(found) if found else None


_BEYOND = 1 << 53  # ms; no calendar goes so far


def entity_of(found: Found) -> Entity:
    return Entity("Observations", observation_id(found.stream.id, found.one.at), properties_of(found))


def key_of(identifier: Id) -> str:
    """As it stands in a path."""
    return str(identifier) if isinstance(identifier, int) else "'" + identifier.replace("'", "''") + "'"


def _of_set(found: EntitySet, path: str, rest: list[str]) -> EntitySet:
    if rest == [REF]:
        return EntitySet(found.name, found.parent, found.step, links_only=True)
    if rest:
        raise NotThereError(f"{path}: an id is missing behind {found.step or found.name}")
    return found


def _segment(text: str) -> tuple[str, Id | None]:
    match = _SEGMENT.fullmatch(text)
    if match is None:
        raise NotThereError(f"{text}: expected a name, or a name with an id in brackets")
    name, number, quoted = match.groups()
    return name, int(number) if number is not None else quoted.replace("''", "'") if quoted is not None else None
