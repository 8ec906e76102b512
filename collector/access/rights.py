"""What may one asker see of one thing, and under which name? Everything that a view decides by."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

from collector.access.asker import Asker
from collector.access.audit import Audit
from collector.access.erasure import Erasures
from collector.access.openness import Judgement, Rules, load_rules
from collector.access.protection import Protection, Protections
from collector.access.pseudonyms import Pseudonyms
from collector.access.tokens import Tokens
from collector.entities.center import Centers, load_centers
from collector.entities.inventory import Openness
from collector.entities.registry import Datastream, Registry, Thing


class Seen(NamedTuple):
    """How a thing stands to the rights."""

    is_personal: bool
    judgements: Mapping[int, Judgement]
    """By the id of the datastream."""


@dataclass(frozen=True, slots=True)
class Policy:
    """What the city has decided: who its centers are, and what is open."""

    centers: Centers
    rules: Rules
    keys: Path | None = None
    """Where the centers' keys are that sign commands; None: no command is signed here."""
    pseudonyms: Path | None = None
    """The file of their key; None: in the data directory."""

    @classmethod
    def shipped(cls) -> "Policy":
        """Koper's centers, and the rules that come with them."""
        return cls(load_centers(), load_rules())


@dataclass(frozen=True, slots=True)
class Access:
    """Made once at start."""

    policy: Policy
    protections: Protections
    erasures: Erasures
    pseudonyms: Pseudonyms
    tokens: Tokens
    audit: Audit


class Rights:
    """Judges datastreams; remembers what it judged until the registry knows something new."""

    def __init__(self, access: Access, registry: Registry) -> None:
        self._access = access
        self._registry = registry
        self._judged: dict[str, tuple[Thing, Sequence[Datastream], Protection, Seen]] = {}
        self._inner: dict[str, str] = {}  # pseudonym -> thing

    def of(self, thing: Thing) -> Seen:
        """A thing with one personal datastream is personal as a whole: else its open ones would name it."""
        streams = self._registry.datastreams_of(thing.id)
        protection = self._access.protections[thing.id]
        known = self._judged.get(thing.id)
        if known and known[0] is thing and known[1] is streams and known[2] == protection:
            return known[3]
        judge = self._access.policy.rules.judge
        found = {one.id: judge(one.series.quantity, thing.center, *protection) for one in streams}
        is_personal = protection.household is not None or any(one.is_personal for one in found.values())
        is_personal = is_personal or protection.openness == "personal"
        if is_personal:
            self._inner[self._access.pseudonyms.of(thing.id)] = thing.id
            found = {key: _as_personal(one) for key, one in found.items()}
        seen = Seen(is_personal, found)
        self._judged[thing.id] = (thing, streams, protection, seen)
        return seen

    def thing(self, name: str) -> Thing | None:
        """The thing of an outward name. A personal one is found by its pseudonym only."""
        inner = self._inner.get(name)
        if inner is None and name.startswith("p-"):  # after a start it may not have been judged yet
            for one in self._registry.things:
                self.of(one)
            inner = self._inner.get(name)
        if inner is not None:
            return self._registry.thing(inner)
        found = self._registry.thing(name)
        return None if found is None or self.of(found).is_personal else found

    def outward(self, thing: Thing) -> Thing:
        """As it is named outside: a personal one has a pseudonym, and no place."""
        if not self.of(thing).is_personal:
            return thing
        name = self._access.pseudonyms.of(thing.id)
        return Thing(thing.number, name, dict.fromkeys(thing.name, name), None, thing.center, thing.listed)

    def owner(self, thing: Thing, stream: Datastream) -> str:
        """The one center that owns its observations."""
        return self._access.policy.centers.owner(thing.center, stream.series.quantity)

    def may_see(self, asker: Asker, thing: Thing, stream: Datastream) -> bool:
        judgement = self.of(thing).judgements.get(stream.id)
        if judgement is None:
            return False
        if judgement.openness == "open":
            return True
        concerned = dict.fromkeys((self.owner(thing, stream), thing.center))
        if judgement.is_personal:
            return bool(asker.purpose) and any(asker.may("read personal", one) for one in concerned)
        return any(asker.may("read", center) for one in concerned for center in self._access.policy.centers.above(one))

    def may_see_thing(self, asker: Asker, thing: Thing) -> bool:
        """Whoever sees one of its datastreams; while it has none, whoever has a role at its center."""
        streams = self._registry.datastreams_of(thing.id)
        if any(self.may_see(asker, thing, one) for one in streams):
            return True
        if self.of(thing).is_personal:
            return bool(asker.purpose) and asker.may("read personal", thing.center)
        is_open = self._access.protections[thing.id].openness == "open" and not streams
        return is_open or any(asker.may("read", one) for one in self._access.policy.centers.above(thing.center))


@lru_cache(maxsize=1000)
def _as_personal(judgement: Judgement) -> Judgement:
    openness: Openness = "aggregated" if judgement.openness == "aggregated" else "personal"
    return replace(judgement, openness=openness, is_personal=True)
