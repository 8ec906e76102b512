"""Who asks over HTTP? A bearer token of ours, one of the city's own sign-in, the page's cookie, or anyone."""

import asyncio
import base64

from fastapi import Request

from collector.access import UnauthenticatedError
from collector.access.asker import ANYONE, Asker
from collector.access.oidc import Issuer
from collector.access.tokens import PREFIX, Tokens

COOKIE = "senzorika"
_SAFE = ("GET", "HEAD")


def _password(credentials: str) -> str:
    """Of programs that know names and passwords only (RFC 7617): the token is the password, the name says nothing."""
    try:
        return base64.b64decode(credentials, validate=True).decode().partition(":")[2]
    except ValueError:
        raise UnauthenticatedError("authorization: expected Basic and name:token in base64") from None


class Identify:
    """Call it with a request; raises UnauthenticatedError for a token that does not hold."""

    def __init__(self, tokens: Tokens, issuer: Issuer | None = None) -> None:
        self._tokens = tokens
        self._issuer = issuer

    async def __call__(self, request: Request) -> Asker:
        header = request.headers.get("authorization")
        if header is None:
            return await self._by_cookie(request)
        scheme, _, shown = header.partition(" ")
        if scheme.lower() == "basic":
            return await self.find(_password(shown))
        if scheme.lower() != "bearer":
            raise UnauthenticatedError("authorization: expected Bearer and a token")
        return await self.find(shown.strip())

    async def _by_cookie(self, request: Request) -> Asker:
        """A cookie comes along by itself, also where a foreign page sends it: it can only look.

        One that holds no longer is ignored, or its owner could not even read the page to sign in again.
        """
        shown = request.cookies.get(COOKIE) if request.method in _SAFE else None
        try:
            return ANYONE if shown is None else await self.find(shown)
        except UnauthenticatedError:
            return ANYONE

    async def find(self, secret: str) -> Asker:
        """Who shows it; raises UnauthenticatedError."""
        if secret.startswith(PREFIX) or self._issuer is None:
            if self._tokens.is_stale:
                await asyncio.to_thread(self._tokens.refresh)
            found = self._tokens.find(secret)
            if found is None:
                raise UnauthenticatedError("the token is unknown, expired or revoked")
            return found
        return await asyncio.to_thread(self._issuer.identify, secret)
