"""How does somebody get a token, or lose it? Made, listed and revoked; each change stands in the audit log."""

import json
from collections.abc import Sequence
from typing import Any, NamedTuple

from collector.access.rights import Access
from collector.access.tokens import Token, read_grant

DAYS = 365


class Wanted(NamedTuple):
    name: str
    grants: Sequence[str]
    """As ``environment:analyst``."""
    days: int = DAYS
    purpose: str = ""


def give(access: Access, by: str, wanted: Wanted) -> str:
    """Return the secret, which is shown only now; raises TokenError."""
    name, grants, days, purpose = wanted
    read = [read_grant(one, access.policy.centers.names) for one in grants]
    secret = access.tokens.make(name, read, days, purpose)
    try:
        access.audit.write("token made", by, token=name, grants=sorted(grants), days=days, purpose=purpose)
    except OSError:  # what does not stand in the log does not hold
        access.tokens.revoke(name)
        raise
    return secret


def take_away(access: Access, by: str, name: str) -> None:
    """From now on it is refused; raises TokenError."""
    access.tokens.revoke(name)
    access.audit.write("token revoked", by, token=name)


def shown(token: Token) -> dict[str, Any]:
    """What may be told of a token: all but its secret, which nobody knows. Times in ms UTC."""
    return {
        "name": token.name,
        "grants": sorted(map(str, token.grants)),
        "purpose": token.purpose,
        "created": token.created,
        "expires": token.expires,
        "revoked": token.revoked,
    }


def listed(access: Access) -> str:
    """One line of JSON for each."""
    return "\n".join(json.dumps(shown(one), ensure_ascii=False) for one in access.tokens.all)
