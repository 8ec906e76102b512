"""Who comes in over HTTP, how often, and with how much? Tokens, cookies, sign-in, limits."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from collector.access.giving import Wanted, give, take_away
from collector.access.identify import Identify
from collector.access.rates import Rate, Rates
from collector.api.app import Rules, create_app
from collector.api.gate import LARGEST, LONGEST
from collector.city import City
from collector.tests.households import AIR, FLAT, HALL, street


@pytest.fixture
def city(tmp_path: Path) -> City:
    return street(tmp_path)


@pytest.fixture
def client(city: City) -> Iterator[TestClient]:
    with TestClient(create_app(city, Rules(Identify(city.access.tokens)))) as client:
        yield client


def bearer(city: City, *grants: str, purpose: str = "", name: str = "grafana") -> dict[str, str]:
    return {"authorization": f"Bearer {give(city.access, 'console', Wanted(name, grants, 1, purpose))}"}


def shown(client: TestClient, headers: dict[str, str] | None = None) -> set[str]:
    answer = client.get("/api/things", headers=headers or {})
    assert answer.status_code == 200, answer.text
    return {one["id"] for one in answer.json()["things"]}


def test_anyone_sees_what_is_open(client: TestClient) -> None:
    assert shown(client) == {AIR.thing}
    assert client.get("/api/me").json() == {"name": "", "grants": [], "purpose": ""}


def test_a_token_shows_what_was_granted_to_it(client: TestClient, city: City) -> None:
    headers = bearer(city, "energy:viewer")
    assert shown(client, headers) == {AIR.thing, HALL.thing, "gw-1"}  # the gateway is of the center of its first thing
    assert client.get("/api/me", headers=headers).json()["grants"] == ["energy:viewer"]


@pytest.mark.parametrize(
    "authorization",
    ["Bearer senzorika_wrong", "Bearer ", "Basic YTpi", "Basic *", "Bearer eyJhbGciOiJub25lIn0.e30.", "x"],
)
def test_a_token_that_does_not_hold_is_refused_rather_than_forgotten(client: TestClient, authorization: str) -> None:
    answer = client.get("/api/things", headers={"authorization": authorization})
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"] == "Bearer"
    assert answer.json()["type"] == "error"


def test_programs_that_know_only_names_and_passwords_give_the_token_as_password(client: TestClient, city: City) -> None:
    secret = bearer(city, "energy:viewer")["authorization"].removeprefix("Bearer ")
    answer = client.get("/api/me", auth=("anything", secret))
    assert answer.json()["name"] == "grafana"


def test_a_revoked_token_is_refused_at_once(client: TestClient, city: City) -> None:
    headers = bearer(city, "energy:viewer")
    take_away(city.access, "console", "grafana")
    assert client.get("/api/things", headers=headers).status_code == 401


def test_personal_data_needs_a_purpose_which_a_request_may_give(client: TestClient, city: City, tmp_path: Path) -> None:
    headers = bearer(city, "energy:analyst")
    name = city.access.pseudonyms.of(FLAT.thing)
    assert name not in shown(client, headers)
    assert name in shown(client, {**headers, "senzorika-purpose": "complaint 17"})
    assert name not in shown(client, {"senzorika-purpose": "complaint 17"})
    lines = [json.loads(line)["event"] for line in (tmp_path / "audit.log").read_text().splitlines()]
    read = [one for one in lines if one["event"] == "read"]
    assert [(one["who"], one["why"], one["what"], one["things"]) for one in read] == [
        ("grafana", "complaint 17", "GET /api/things", [name])
    ]


def test_what_cannot_be_logged_does_not_leave(city: City) -> None:
    client = TestClient(create_app(city, Rules(Identify(city.access.tokens))), raise_server_exceptions=False)
    headers = bearer(city, "energy:analyst", purpose="losses")
    city.access.audit.close()
    answer = client.get("/api/things", headers=headers)
    assert answer.status_code == 500
    assert "p-" not in answer.text
    assert client.get("/api/things").status_code == 200


def test_a_cookie_lets_the_page_look_and_change_nothing(client: TestClient, city: City) -> None:
    secret = bearer(city, "*:admin")["authorization"].removeprefix("Bearer ")
    answer = client.post("/api/session", headers={"authorization": f"Bearer {secret}"})
    assert answer.status_code == 200
    cookie = answer.headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=strict" in cookie
    assert HALL.thing in shown(client)
    assert client.post("/api/tokens", json={"name": "x", "grants": ["*:admin"]}).status_code == 401
    assert client.delete("/api/session").status_code == 204
    assert shown(client) == {AIR.thing}


def test_a_cookie_that_no_longer_holds_is_as_good_as_none(client: TestClient) -> None:
    client.cookies.set("senzorika", "senzorika_old")
    assert shown(client) == {AIR.thing}
    assert client.post("/api/session", headers={"authorization": "Bearer senzorika_old"}).status_code == 401
    assert client.post("/api/session").status_code == 401


# ---- limits ---------------------------------------------------------------------------------------------------------


def test_who_asks_too_often_is_told_when_to_come_again(city: City) -> None:
    now = [0.0]
    rates = [Rates(Rate(1, 3), lambda: now[0]) for _ in range(2)]
    client = TestClient(create_app(city, Rules(Identify(city.access.tokens), *rates)))
    headers = bearer(city, "energy:viewer")
    assert [client.get("/health").status_code for _ in range(4)] == [200, 200, 200, 429]
    refused = client.get("/health")
    assert refused.headers["retry-after"] == "2"
    assert client.get("/health", headers=headers).status_code == 200  # another asker
    assert client.get("/health", headers={"authorization": "Bearer senzorika_guess"}).status_code == 429
    now[0] = 1.0
    assert client.get("/health").status_code == 200


def test_a_body_is_bounded_whether_its_length_is_said_or_not(client: TestClient) -> None:
    large = b'{"token":"' + b"x" * LARGEST + b'"}'
    assert client.post("/api/commands", content=large).status_code == 413
    assert client.post("/api/commands", headers={"content-length": "many"}, content=b"{}").status_code == 413
    sent = []

    def body() -> Iterator[bytes]:
        for _ in range(LARGEST // 65536 + 10):
            sent.append(1)
            yield b"x" * 65536

    assert client.post("/api/commands", content=body()).status_code >= 400


def test_an_address_is_bounded(client: TestClient) -> None:
    answer = client.get("/api/things?center=" + "x" * LONGEST)
    assert answer.status_code == 414


@pytest.mark.parametrize(
    "path",
    ["/../access/tokens.py", "/%2e%2e/access/tokens.py", "/..%2faccess/tokens.py", "//etc/passwd", "/%00"],
)
def test_nothing_beside_the_page_is_served_from_the_disk(client: TestClient, path: str) -> None:
    assert client.get(path).status_code in (400, 404)


def test_a_foreign_name_is_not_answered(client: TestClient) -> None:
    assert client.get("/api/things", headers={"host": "evil.example"}).status_code == 400


def test_answers_forbid_what_a_page_needs_not(client: TestClient) -> None:
    headers = client.get("/").headers
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["content-security-policy"].startswith("default-src 'self'")


# ---- tokens over HTTP -----------------------------------------------------------------------------------------------


def test_an_admin_makes_lists_and_revokes_tokens_of_its_centers(client: TestClient, city: City) -> None:
    admin = bearer(city, "energy:admin", name="boss")
    made = client.post("/api/tokens", headers=admin, json={"name": "screen", "grants": ["energy:viewer"], "days": 7})
    assert made.status_code == 201
    assert made.headers["cache-control"] == "no-store"
    assert shown(client, {"authorization": f"Bearer {made.json()['token']}"}) == {
        AIR.thing,
        HALL.thing,
        "gw-1",
    }  # the gateway is of the center of its first thing
    assert client.delete("/api/tokens/screen", headers=admin).status_code == 204
    assert client.delete("/api/tokens/screen", headers=admin).status_code == 404
    assert client.get("/api/tokens", headers=admin).status_code == 403
    everyone = bearer(city, "*:admin", name="root")
    listed = client.get("/api/tokens", headers=everyone).json()["tokens"]
    assert {one["name"] for one in listed} == {"boss", "screen", "root"}
    assert made.json()["token"] not in json.dumps(listed)


def test_nobody_grants_what_he_does_not_hold(client: TestClient, city: City) -> None:
    admin = bearer(city, "energy:admin", name="boss")
    for grants in (["living:viewer"], ["*:viewer"], ["energy:viewer", "*:admin"]):
        answer = client.post("/api/tokens", headers=admin, json={"name": "x", "grants": grants})
        assert answer.status_code == 403, grants
    bearer(city, "*:admin", name="root")
    assert client.delete("/api/tokens/root", headers=admin).status_code == 403
    operator = bearer(city, "energy:operator", name="op")
    assert (
        client.post("/api/tokens", headers=operator, json={"name": "x", "grants": ["energy:viewer"]}).status_code == 403
    )


@pytest.mark.parametrize(
    ("wanted", "message"),
    [
        ({"name": "x", "grants": ["moon:viewer"]}, "grant: expected one of"),
        ({"name": "x", "grants": ["energy:viewer"], "days": 0}, "days: expected 1"),
        ({"name": "", "grants": ["energy:viewer"]}, "name: expected 1"),
    ],
)
def test_a_token_that_cannot_be_is_refused_by_name(
    client: TestClient, city: City, wanted: dict[str, object], message: str
) -> None:
    answer = client.post("/api/tokens", headers=bearer(city, "*:admin"), json=wanted)
    assert answer.status_code == 400
    assert message in answer.json()["message"]


# ---- operations -----------------------------------------------------------------------------------------------------


def test_what_ails_is_told_to_operators_and_that_something_ails_to_everyone(client: TestClient, city: City) -> None:
    city.health.ails("store", "the disk is full: /srv")
    assert client.get("/health").json() == {"well": False, "reasons": {"store": ""}}
    operator = bearer(city, "energy:operator")
    assert client.get("/health", headers=operator).json()["reasons"] == {"store": "the disk is full: /srv"}


@pytest.mark.parametrize("path", ["/metrics", "/api/ledger", "/api/quarantine"])
def test_operations_are_for_operators(client: TestClient, city: City, path: str) -> None:
    assert client.get(path).status_code == 401
    assert client.get(path, headers=bearer(city, "*:analyst", name="a")).status_code == 403
    assert client.get(path, headers=bearer(city, "*:operator", name="o")).status_code == 200


def test_the_centers_are_told_to_everyone(client: TestClient) -> None:
    centers = client.get("/api/centers").json()["centers"]
    assert len(centers) == 9
    ring = centers[0]["area"]["coordinates"][0]
    assert ring[0] == ring[-1]
