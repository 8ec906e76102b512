"""Who asks? A person or a machine, with a role at some centers; or anyone at all."""

from dataclasses import dataclass
from typing import Literal, NamedTuple, NoReturn, get_args

from collector.access import ForbiddenError, UnauthenticatedError

Role = Literal["viewer", "analyst", "operator", "admin"]
ROLES: tuple[Role, ...] = get_args(Role)
EVERY = "*"

# What each role may do at its center. No ladder: whoever runs the pumps has no need to read households.
_MAY: dict[str, frozenset[Role]] = {
    "read": frozenset(ROLES),  # restricted datastreams
    "read personal": frozenset(("analyst", "admin")),  # under pseudonym, with a purpose, logged
    "operate": frozenset(("operator", "admin")),  # ledger, quarantine, metrics; observations by hand; commands
    "administer": frozenset(("admin",)),  # entities, tokens, households
}


class Grant(NamedTuple):
    center: str
    """The id of a center; ``EVERY`` is all of them."""
    role: Role

    def __str__(self) -> str:
        return f"{self.center}:{self.role}"


@dataclass(frozen=True, slots=True)
class Asker:
    name: str
    """Of the token or the person; "" for anyone at all. Stands in every log."""
    grants: frozenset[Grant] = frozenset()
    purpose: str = ""
    """Why personal data is read; without one none is shown."""

    def may(self, act: str, center: str) -> bool:
        """``may("read", "environment")``; the acts stand in ``_MAY``."""
        return any(one.role in _MAY[act] and one.center in (EVERY, center) for one in self.grants)

    def may_anywhere(self, act: str) -> bool:
        return any(one.role in _MAY[act] for one in self.grants)

    def must(self, act: str, center: str = EVERY) -> None:
        """Raise ForbiddenError, or UnauthenticatedError for anyone; ``EVERY`` asks for the right at every center."""
        if not self.may(act, center):
            self._refuse(act, "every center" if center == EVERY else center)

    def must_anywhere(self, act: str) -> None:
        """As ``must``, content with any center."""
        if not self.may_anywhere(act):
            self._refuse(act, "some center")

    def _refuse(self, act: str, where: str) -> NoReturn:
        roles = " or ".join(role for role in ROLES if role in _MAY[act])
        if not self.name:
            raise UnauthenticatedError(f"a token is needed: {roles} at {where}")
        raise ForbiddenError(f"{self.name}: this needs the role {roles} at {where}")


ANYONE = Asker("")
