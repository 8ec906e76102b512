"""People of the city's own sign-in: a real issuer on this machine, real keys, and what is wrong with a token."""

import json
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from fastapi.testclient import TestClient

from collector.access import UnauthenticatedError
from collector.access.asker import Grant
from collector.access.identify import Identify
from collector.access.oidc import AGAIN, Granted, Issuer, OidcConfig
from collector.api.app import Rules, create_app
from collector.tests.households import HALL, street


class Provider:
    """What an identity provider does for us: it signs tokens, and tells its keys."""

    def __init__(self) -> None:
        self.keys: dict[str, Any] = {"rsa": rsa.generate_private_key(65537, 2048)}
        self.asked: list[str] = []
        provider = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                provider.asked.append(self.path)
                body = json.dumps(provider.answers.get(self.path, {})).encode()
                self.send_response(200)
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.issuer = f"http://127.0.0.1:{self._server.server_port}"
        self.says = self.issuer
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    @property
    def answers(self) -> dict[str, Any]:
        keys = []
        for name, key in self.keys.items():
            algorithm: Any = jwt.algorithms.RSAAlgorithm if name.startswith("rsa") else jwt.algorithms.ECAlgorithm
            keys.append({**algorithm.to_jwk(key.public_key(), as_dict=True), "kid": name, "use": "sig"})
        return {
            "/.well-known/openid-configuration": {"issuer": self.says, "jwks_uri": f"{self.issuer}/keys"},
            "/keys": {"keys": keys},
        }

    def token(self, key: str = "rsa", algorithm: str = "RS256", signed_by: Any = None, **more: Any) -> str:
        now = int(time.time())
        claims = {"iss": self.issuer, "aud": "senzorika", "sub": "7", "iat": now, "exp": now + 60, **more}
        claims = {name: value for name, value in claims.items() if value is not None}
        return jwt.encode(claims, signed_by or self.keys[key], algorithm, headers={"kid": key})

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def provider() -> Iterator[Provider]:
    provider = Provider()
    yield provider
    provider.close()


class Steady:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def issuer(provider: Provider, clock: Steady | None = None) -> Issuer:
    grants = (Granted(value="energetiki", center="energy", role="viewer"),)
    return Issuer(OidcConfig(issuer=provider.issuer, audience="senzorika", grant=grants), clock or Steady())


def test_a_person_has_the_roles_of_the_groups(provider: Provider) -> None:
    token = provider.token(groups=["energetiki", "other"], preferred_username="ana")
    asker = issuer(provider).identify(token)
    assert (asker.name, asker.grants, asker.purpose) == ("ana", frozenset((Grant("energy", "viewer"),)), "")


def test_who_is_in_no_group_is_known_and_may_nothing(provider: Provider) -> None:
    asker = issuer(provider).identify(provider.token(groups="visitors"))
    assert (asker.name, asker.grants) == ("7", frozenset())


def test_keys_are_fetched_once_and_again_for_a_new_one_at_most_once_a_minute(provider: Provider) -> None:
    clock = Steady()
    known = issuer(provider, clock)
    for _ in range(3):
        known.identify(provider.token())
    assert provider.asked.count("/keys") == 1
    provider.keys["ec"] = ec.generate_private_key(ec.SECP256R1())
    with pytest.raises(UnauthenticatedError, match="key ec is none of"):
        known.identify(provider.token("ec", "ES256"))
    clock.now = AGAIN
    assert known.identify(provider.token("ec", "ES256")).name == "7"
    assert provider.asked.count("/keys") == 2


WRONG = {
    "it has expired": {"exp": 1},
    "it is for somebody else": {"aud": "other"},
    "it is from somebody else": {"iss": "http://127.0.0.1:1"},
    "it never expires": {"exp": None},
    "it names nobody": {"sub": None},
    "it is from the future": {"iat": 4102444800},
}


@pytest.mark.parametrize("case", WRONG)
def test_a_token_is_refused_because(case: str, provider: Provider) -> None:
    with pytest.raises(UnauthenticatedError, match="is not taken"):
        issuer(provider).identify(provider.token(**WRONG[case]))


def test_a_token_signed_by_another_key_or_by_none_is_refused(provider: Provider) -> None:
    other = rsa.generate_private_key(65537, 2048)
    with pytest.raises(UnauthenticatedError, match="is not taken"):
        issuer(provider).identify(provider.token(signed_by=other))
    claims = {"iss": provider.issuer, "aud": "senzorika", "sub": "7", "iat": 0, "exp": 4102444800}
    unsigned = jwt.encode(claims, None, "none", headers={"kid": "rsa"})  # type: ignore[arg-type]  # what an attacker does
    with pytest.raises(UnauthenticatedError, match="is not taken"):
        issuer(provider).identify(unsigned)
    shared = jwt.encode(claims, "x" * 32, "HS256", headers={"kid": "rsa"})
    with pytest.raises(UnauthenticatedError, match="is not taken"):
        issuer(provider).identify(shared)


def test_an_issuer_that_says_it_is_another_is_not_believed(provider: Provider) -> None:
    provider.says = "https://another.example"
    with pytest.raises(UnauthenticatedError, match=r"says that it is https://another\.example"):
        issuer(provider).identify(provider.token())


def test_an_issuer_that_does_not_answer_is_named(provider: Provider) -> None:
    token = provider.token()
    provider.close()
    with pytest.raises(UnauthenticatedError, match="does not answer"):
        issuer(provider).identify(token)


def test_over_http_a_person_sees_what_the_group_sees(provider: Provider, tmp_path: Path) -> None:
    city = street(tmp_path)
    client = TestClient(create_app(city, Rules(Identify(city.access.tokens, issuer(provider)))))
    headers = {"authorization": f"Bearer {provider.token(groups=['energetiki'])}"}
    assert HALL.thing in {one["id"] for one in client.get("/api/things", headers=headers).json()["things"]}
    wrong = {"authorization": f"Bearer {provider.token(exp=1)}"}
    assert client.get("/api/things", headers=wrong).status_code == 401
