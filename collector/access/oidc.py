"""Which person is behind an ID or access token of the city's own sign-in (OpenID Connect)?

The issuer's keys are fetched from its discovery document and kept; a token signed by a key that is not among them has
them fetched again, at most once a minute. Only asymmetric signatures are taken (RFC 8725).
"""

import json
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Any

import jwt
from pydantic import BaseModel, ConfigDict, Field

from collector.access import UnauthenticatedError
from collector.access.asker import Asker, Grant, Role

ALGORITHMS = ["RS256", "ES256", "EdDSA", "PS256"]
AGAIN = 60.0  # s between two looks at the issuer's keys
PATIENCE = 5.0  # s
LARGEST = 1 << 20  # bytes of a discovery document or a set of keys
LEEWAY = 30  # s that the clocks may differ


class Granted(BaseModel):
    """``[[http.oidc.grant]]``: who has this value in the claim gets this role at this center."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    value: str
    center: str
    role: Role


class OidcConfig(BaseModel):
    """``[http.oidc]``."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    issuer: Annotated[str, Field(pattern=r"^https://|^http://(127\.0\.0\.1|localhost)[:/]")]
    """As it stands in the tokens; plain HTTP only on this machine."""
    audience: str
    claim: str = "groups"
    """A list of strings, or one string."""
    grant: tuple[Granted, ...] = ()


class Issuer:
    """``clock`` in seconds, steady. Methods block: call them in a thread."""

    def __init__(self, config: OidcConfig, clock: Callable[[], float]) -> None:
        self._config = config
        self._clock = clock
        self._keys: Mapping[str | None, jwt.PyJWK] = {}
        self._fetched: float | None = None

    def identify(self, text: str) -> Asker:
        """Who shows it; raises UnauthenticatedError saying what is wrong with it."""
        try:
            header = jwt.get_unverified_header(text)
            key = self._key(header.get("kid"))
            claims: dict[str, Any] = jwt.decode(
                text,
                key,
                algorithms=ALGORITHMS,
                issuer=self._config.issuer,
                audience=self._config.audience,
                leeway=LEEWAY,
                options={"require": ["exp", "iat", "sub"]},
            )
        except jwt.PyJWTError as error:
            raise UnauthenticatedError(f"the token of {self._config.issuer} is not taken: {error}") from None
        held = claims.get(self._config.claim, ())
        values = {held} if isinstance(held, str) else {one for one in held if isinstance(one, str)}
        grants = frozenset(Grant(one.center, one.role) for one in self._config.grant if one.value in values)
        name = claims.get("preferred_username")
        return Asker(f"{name if isinstance(name, str) else claims['sub']}", grants)

    def _key(self, identifier: str | None) -> jwt.PyJWK:
        now = self._clock()
        if identifier not in self._keys and (self._fetched is None or now - self._fetched >= AGAIN):
            self._fetched = now
            self._keys = {one.key_id: one for one in self._fetch()}
        if identifier not in self._keys:
            raise UnauthenticatedError(f"the token's key {identifier} is none of {self._config.issuer}")
        return self._keys[identifier]

    def _fetch(self) -> Sequence[jwt.PyJWK]:
        issuer = self._config.issuer.rstrip("/")
        found = _read(f"{issuer}/.well-known/openid-configuration")
        if found.get("issuer") != self._config.issuer:
            raise UnauthenticatedError(f"{issuer} says that it is {found.get('issuer')}")
        address = str(found.get("jwks_uri"))
        if not address.startswith(("https://", "http://127.0.0.1", "http://localhost")):
            raise UnauthenticatedError(f"{issuer}: jwks_uri: expected https, got {address}")
        try:
            return jwt.PyJWKSet.from_dict(_read(address)).keys
        except jwt.PyJWTError as error:
            raise UnauthenticatedError(f"{address}: {error}") from None


def _read(address: str) -> dict[str, Any]:
    try:
        with urllib.request.urlopen(address, timeout=PATIENCE) as answer:  # noqa: S310  # the scheme was checked
            found = json.loads(answer.read(LARGEST))
    except (urllib.error.URLError, OSError, ValueError) as error:
        raise UnauthenticatedError(f"{address} does not answer: {error}") from None
    if not isinstance(found, dict):
        raise UnauthenticatedError(f"{address}: expected an object")
    return found
