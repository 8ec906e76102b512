"""How is an entity created, changed or deleted? Found, changed in one transaction, stored, and told to who looks on."""

import re
from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple, TypeVar

from collector.city import City
from collector.clock import now
from collector.entities.change import Change
from collector.ingest import Ingest
from collector.refusals import AskedWrongError, ConflictError, NotForHereError, NotThereError
from collector.sensorthings.array import ERROR, Group, create_rows, in_pieces, read_groups
from collector.sensorthings.bodies import BACK, Body, read_body
from collector.sensorthings.correcting import correct, unfound, without_findings
from collector.sensorthings.creating import Creating
from collector.sensorthings.deleting import Deleting
from collector.sensorthings.entities import Entities, Entity
from collector.sensorthings.observations import Observations
from collector.sensorthings.patching import patched
from collector.sensorthings.properties import Paths
from collector.sensorthings.resource import EntitySet, Finder, One
from collector.sensorthings.sifting import Sieve
from collector.sensorthings.updating import KIND_OF, Updating
from collector.sensorthings.work import Entered, Work
from collector.series.batch import Batch
from collector.view import View

T = TypeVar("T")
Id = int | str

CREATE_OBSERVATIONS = "CreateObservations"
_OF_A_DATASTREAM = re.compile(r"Datastreams\((\d{1,15})\)/Observations")


class Address(NamedTuple):
    """Which entity it was."""

    set: str
    id: Id


class Changing:
    """The changes of one who asks. All raise as the errors of this package say, and as ``Asker.must``."""

    def __init__(self, city: City, ingest: Ingest, view: View) -> None:
        self._city = city
        self._ingest = ingest
        self._view = view
        self._asker = view.asker

    async def create(self, path: str, body: Any) -> Address:
        """POST to a set, or to what one entity leads to."""
        name, given = await self._set(path.strip("/"))
        whole = read_body(name, body, given=frozenset(given))
        identifier = await self._write(f"POST {path}", lambda work: Creating(work).create(name, whole, given))
        return Address(name, identifier)

    async def create_observations(self, body: Any) -> list[str]:
        """POST of data arrays: for each row the id of its observation, or ``error`` and why."""
        self._must_somewhere("operate")
        groups = read_groups(body)
        for group in groups:
            self._must_operate(group)
        answers: list[str] = []
        for few in in_pieces(groups):  # what publishers send comes between them
            answers += await self._create_few(few)
        return answers

    async def _create_few(self, groups: list[Group]) -> list[str]:
        answers, refused = await self._entered(f"POST {CREATE_OBSERVATIONS}", partial(create_rows, groups=groups))
        entered = (place for place, answer in enumerate(answers) if not answer.startswith(ERROR))
        for place, (_, reason) in zip(entered, refused, strict=True):
            answers[place] = f"{ERROR}result: {reason}" if reason else answers[place]
        return answers

    def _must_operate(self, group: Group) -> None:
        registry = self._city.registry
        stream = registry.datastream(group.datastream) if isinstance(group.datastream, int) else None
        thing = registry.thing(stream.series.thing) if stream else None
        if thing:
            self._asker.must("operate", thing.center)

    async def merge(self, path: str, body: Any) -> Address:
        """PATCH: what is said is new, the rest stays."""
        if not isinstance(body, dict):
            raise AskedWrongError("body: expected an object")
        return await self._update(path, lambda shown: {**shown, **body}, "PATCH")

    async def patch(self, path: str, operations: Any) -> Address:
        """PATCH with operations of RFC 6902."""
        return await self._update(path, lambda shown: patched(shown, operations), "PATCH")

    async def replace(self, path: str, body: Any) -> Address:
        """PUT: what is not said is gone, where it may be."""
        return await self._update(path, lambda _: body, "PUT")

    async def delete(self, path: str) -> None:
        entity = await self._one(path, "DELETE")
        if entity.set == "Observations":
            raise NotForHereError("Observations: what was stored stays stored; correct it by PATCH")
        self._refuse_quantity(entity)

        def job(work: Work) -> None:
            Deleting(work).delete(entity.set, self._record(work, entity))

        await self._write(f"DELETE {path}", job)

    # ---- finding ----------------------------------------------------------------------------------------------------

    async def _set(self, path: str) -> tuple[str, dict[str, Id]]:
        """The set that a path names, and the link that it makes."""
        match = _OF_A_DATASTREAM.fullmatch(path)
        if match:  # whoever may enter observations need not be one who may read them
            self._must_somewhere("operate")
            return "Observations", {"Datastream": int(match[1])}
        self._must_somewhere("operate" if path.endswith("Observations") else "administer")
        found = await self._finder().find(path)
        if not isinstance(found, EntitySet) or found.links_only:
            raise NotForHereError(f"{path}: POST creates in a set; this is none")
        if found.parent is None:
            return found.name, {}
        back = BACK.get((found.parent.set, found.step))
        if back is None:
            raise NotForHereError(f"{path}: nothing is created there")
        return found.name, {back: found.parent.id}

    async def _one(self, path: str, method: str) -> Entity:
        self._must_somewhere("operate" if "Observations(" in path else "administer")
        found = await self._finder().find(path.strip("/"))
        if not isinstance(found, One) or found.links_only:
            raise NotForHereError(f"{path}: {method} is of one entity; this is none")
        return found.entity

    def _finder(self) -> Finder:
        entities = Entities(self._view)
        paths = Paths(entities)
        return Finder(self._view, entities, Observations(self._view, entities, paths, Sieve()))

    def _must_somewhere(self, act: str) -> None:
        """Who may nothing of the kind anywhere is not told what there is."""
        if not self._asker.may_anywhere(act):
            self._asker.must(act)

    def _record(self, work: Work, entity: Entity) -> Any:
        record = work.get(KIND_OF[entity.set], entity.id)
        if record is None:
            raise NotThereError(f"{entity.set}({entity.id!r}): no such entity")
        return record

    def _refuse_quantity(self, entity: Entity) -> None:
        if entity.set == "ObservedProperties":
            raise ConflictError(f"ObservedProperties('{entity.id}'): a row of the contract, which is not changed here")

    # ---- changing ---------------------------------------------------------------------------------------------------

    async def _update(self, path: str, become: Callable[[dict[str, Any]], Any], method: str) -> Address:
        entity = await self._one(path, method)
        self._refuse_quantity(entity)
        job = self._correct if entity.set == "Observations" else self._change
        await self._write(f"{method} {path}", partial(job, entity, become))
        return Address(entity.set, entity.id)

    def _change(self, entity: Entity, become: Callable[[dict[str, Any]], Any], work: Work) -> None:
        record = self._record(work, entity)
        updating = Updating(work)
        whole = become(updating.shown(entity.set, record))
        updating.update(entity.set, record, _read_whole(entity, whole))

    def _correct(self, entity: Entity, become: Callable[[dict[str, Any]], Any], work: Work) -> None:
        whole = unfound(entity.properties, become(without_findings(entity.properties)))
        correct(work, entity, _read_whole(entity, whole))

    # ---- writing ----------------------------------------------------------------------------------------------------

    async def _write(self, what: str, job: Callable[[Work], T]) -> T:
        """What ``job`` returns, durable. Raise ConflictError where the store refuses an observation for good."""
        answer, refused = await self._entered(what, job)
        for path, reason in refused:
            if reason:
                raise ConflictError(f"{path}result: {reason}")
        return answer

    async def _entered(self, what: str, job: Callable[[Work], T]) -> tuple[T, list[tuple[str, str]]]:
        """What ``job`` returns, and of each observation where it stood and why the store refuses it, or ""."""
        answer, kept, refused = await self._city.writer.write(partial(self._write_now, what, job))
        if kept:
            self._city.feed.publish(kept)
        return answer, refused

    def _write_now(self, what: str, job: Callable[[Work], T]) -> tuple[T, Batch | None, list[tuple[str, str]]]:
        """In the thread that writes. The log says it first: nothing is changed that does not stand there."""
        city, known = self._city, now()
        entered: list[Entered] = []

        def changed(change: Change) -> T:
            answer = job(self._work(change, known, entered))
            city.access.audit.write("change", self._asker.name, what=what[:300])
            return answer

        answer = city.registry.change(changed)
        if not entered:
            return answer, None, []
        kept, reasons = self._ingest.enter([one.reading for one in entered], known)
        return answer, kept, [(one.path, reason) for one, reason in zip(entered, reasons, strict=True)]

    def _work(self, change: Change, known: int, entered: list[Entered]) -> Work:
        city = self._city
        return Work(
            city.registry.known,
            change,
            self._asker,
            known,
            frozenset(city.access.policy.centers.names),
            lambda series: city.store.last(series) is not None,
            self._publishers_of,
            self._ingest.why_not,
            entered,
        )

    def _publishers_of(self, number: int | None) -> list[str]:
        registry = self._city.registry
        thing = None if number is None else registry.thing_numbered(number)
        return sorted(one.id for one in registry.publishers.values() if thing and thing.id in one.things)


def _read_whole(entity: Entity, whole: Any) -> Body:
    """The entity as it will be, but for its links: these stay where nothing is said of them."""
    if isinstance(whole, dict) and whole.get("@iot.id", entity.id) != entity.id:
        raise AskedWrongError(f"@iot.id: this is {entity.set}({entity.id!r})")
    linked = whole.keys() if isinstance(whole, dict) else ()
    given = frozenset({"Thing", "Sensor", "ObservedProperty", "Locations", "Datastream"} - set(linked))
    return read_body(entity.set, whole, given=given)
