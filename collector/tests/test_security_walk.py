"""Every route, by every role: what it answers, and that nothing leaves which the role may not see.

The street (``households``) has values that stand nowhere else, so whatever an answer holds can be traced to its series.
What was found stands in ``collector/RIGHTS.md``; with ``UPDATE_RIGHTS=1`` in the environment this test writes it.
"""

import io
import json
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from fastapi.testclient import TestClient

from collector.access.asker import ANYONE, EVERY, Asker, Grant, Role
from collector.access.openness import load_rules
from collector.access.rights import Policy
from collector.city import City
from collector.command_book import Wish
from collector.entities.center import load_centers
from collector.observation import Series
from collector.tests.asking import client_of
from collector.tests.households import AIR, ALL, FLAT, HALL, HEAP, HOMES, WARMTH, WATER, T, street

TABLE = Path(__file__).parent.parent / "RIGHTS.md"
BASE = 7_304_000.0
DAY = 86_400_000


def role(name: Role, purpose: str = "") -> Asker:
    return Asker(f"{name}-1", frozenset((Grant(EVERY, name),)), purpose)


ASKERS = {
    "anyone": ANYONE,
    "viewer": role("viewer"),
    "analyst": role("analyst"),
    "analyst, with a purpose": role("analyst", "losses"),
    "operator": role("operator"),
    "admin": role("admin"),
    "admin, with a purpose": role("admin", "audit"),
}
OPEN, RESTRICTED, PERSONAL = [AIR], [HEAP, HALL], [FLAT, WARMTH, *WATER]
SEES = {
    name: OPEN + (RESTRICTED if name != "anyone" else []) + (PERSONAL if "purpose" in name else []) for name in ASKERS
}
NEVER = ["flat-1", *HOMES, "h-99", *(f"h-{name}" for name in HOMES), "13.70123", "45.50123", "13.71321", "45.51321"]
"""The names, households and places of those who live here leave under no circumstances."""

NUMBERS = range(1, len(ALL) + 8)  # of things and datastreams, and some that are not there
SETS = [
    "Things", "Locations", "HistoricalLocations", "Datastreams", "Sensors", "ObservedProperties", "Observations",
    "FeaturesOfInterest",
]  # fmt: skip
EXPANDED = "Datastreams($expand=Observations,Sensor,ObservedProperty),Locations,HistoricalLocations($expand=Locations)"

# Route of the OpenAPI document -> addresses to ask. A route that is not here fails the walk.
READS: dict[str, list[str]] = {
    "/v1.1": ["/v1.1"],
    "/v1.1/{path}": [
        *(f"/v1.1/{name}" for name in SETS),
        *(f"/v1.1/{name}?$count=true&$top=0" for name in SETS),
        f"/v1.1/Things?$expand={EXPANDED}",
        "/v1.1/Observations?$expand=Datastream($expand=Thing($expand=Locations)),FeatureOfInterest",
        "/v1.1/Observations?$resultFormat=dataArray",
        "/v1.1/Things?$filter=startswith(name,'Ulica') or Datastreams/Observations/result gt 0",
        "/v1.1/Datastreams?$filter=Thing/name eq 'Ulica flat-1'",
        "/v1.1/Things?$filter=Locations/location eq null",
        *(f"/v1.1/Things({n})?$expand={EXPANDED}" for n in NUMBERS),
        *(f"/v1.1/Things({n})/name/$value" for n in NUMBERS),
        *(f"/v1.1/Things({n})/{name}" for n in NUMBERS for name in ("Locations", "HistoricalLocations", "Datastreams")),
        *(f"/v1.1/Locations({n})?$expand=Things" for n in NUMBERS),
        *(f"/v1.1/HistoricalLocations({n})?$expand=Thing,Locations" for n in NUMBERS),
        *(f"/v1.1/Sensors({n})?$expand=Datastreams" for n in NUMBERS),
        *(f"/v1.1/FeaturesOfInterest({n})?$expand=Observations" for n in NUMBERS),
        *(f"/v1.1/Datastreams({n})?$expand=Thing,Sensor,Observations($expand=FeatureOfInterest)" for n in NUMBERS),
        *(f"/v1.1/Datastreams({n})/Observations" for n in NUMBERS),
        *(f"/v1.1/Datastreams({n})/Observations/$ref" for n in NUMBERS),
        *(f"/v1.1/Observations('{n}-{T}')?$expand=Datastream,FeatureOfInterest" for n in NUMBERS),
        *(f"/v1.1/Observations('{n}-{T}')/result/$value" for n in NUMBERS),
    ],
    "/api/things": ["/api/things", "/api/things?center=energy", "/api/things?center=environment"],
    "/api/things.geojson": ["/api/things.geojson"],
    "/api/series": [
        f"/api/series?thing={name}" for name in ("air-1", "hall-1", "node-1", "PSEUDONYM", "flat-1", "home-1")
    ],
    "/api/series.{extension}": [
        f"/api/series.{form}?{what}"
        for form in ("csv", "json", "arrow", "parquet")
        for what in ("thing=air-1", "thing=hall-1", "thing=PSEUDONYM", "thing=flat-1", "thing=node-1&versions=all")
    ],
    "/api/figures": [f"/api/figures?quantity=water_volume&size=day&from={T}&to={T + 2 * DAY}&together=true"],
    "/api/figures.{extension}": [
        f"/api/figures.{form}?quantity={quantity}&size=day&from={T}&to={T + 2 * DAY}{more}"
        for form in ("csv", "json", "arrow", "parquet")
        for quantity in ("water_volume", "heat_energy", "no2&period=3600000", "heap_free")
        for more in ("", "&together=true", "&thing=flat-1", "&thing=PSEUDONYM&together=true", "&thing=home-1")
    ],
    "/api/indicators": [f"/api/indicators?indicator=consumption&size=day&from={T}&to={T + 2 * DAY}"],
    "/api/indicators.{extension}": [
        f"/api/indicators.{form}?indicator={what}&size=day&from={T}&to={T + 2 * DAY}{more}"
        for form in ("csv", "json", "arrow", "parquet")
        for what in ("consumption", "consumption&quantity=heat_energy", "air", "night_flow")
        for more in ("", "&thing=flat-1", "&thing=PSEUDONYM", "&thing=home-1", "&center=energy")
    ],
    "/api/last": ["/api/last", "/api/last?thing=flat-1", "/api/last?thing=PSEUDONYM", "/api/last?center=energy"],
    "/api/last.{extension}": [f"/api/last.{form}" for form in ("csv", "json", "arrow", "parquet")],
    "/catalog.{extension}": ["/catalog.ttl", "/catalog.jsonld"],
    "/health": ["/health"],
    "/metrics": ["/metrics"],
    "/api/ledger": ["/api/ledger"],
    "/api/quarantine": ["/api/quarantine"],
    "/api/publishers": ["/api/publishers"],
    "/api/me": ["/api/me"],
    "/api/tokens": ["/api/tokens"],
    "/api/centers": ["/api/centers"],
    "/api/commands": ["/api/commands"],
    "/api/commands/{identifier}": ["/api/commands/COMMAND"],
    "/api/docs": ["/api/docs"],
    "/api/events": [],  # it never ends: test_api_events walks it
}
THING = {"name": "x", "description": "x", "properties": {"center": "energy"}}
OBSERVATION = {"phenomenonTime": "2026-11-23T01:00:00Z", "result": 1.0}
ROWS = {
    "Datastream": {"@iot.id": 3},
    "components": ["phenomenonTime", "result"],
    "dataArray": [["2026-11-23T02:00:00Z", 1]],
}
BATCH = {"requests": [{"id": "1", "method": "get", "url": "Things(4)?$expand=Datastreams($expand=Observations)"}]}
WRITES: dict[tuple[str, str], list[tuple[str, Any]]] = {
    ("post", "/v1.1/{path}"): [
        ("/v1.1/Things", THING),
        ("/v1.1/Datastreams(3)/Observations", OBSERVATION),
        ("/v1.1/Datastreams(4)/Observations", OBSERVATION),
    ],
    ("patch", "/v1.1/{path}"): [("/v1.1/Things(1)", {"description": "y"}), ("/v1.1/Things(15)", {"description": "y"})],
    ("put", "/v1.1/{path}"): [("/v1.1/Things(1)", THING)],
    ("delete", "/v1.1/{path}"): [("/v1.1/Things(1)", None), ("/v1.1/Observations('1-1795392000000')", None)],
    ("post", "/v1.1/CreateObservations"): [
        (
            "/v1.1/CreateObservations",
[ROWS],
        )
    ],
    ("post", "/v1.1/$batch"): [("/v1.1/$batch", BATCH)],
    ("post", "/api/session"): [("/api/session", None)],
    ("delete", "/api/session"): [("/api/session", None)],
    ("post", "/api/tokens"): [("/api/tokens", {"name": "x", "grants": ["energy:viewer"]})],
    ("delete", "/api/tokens/{name}"): [("/api/tokens/none", None)],
    ("post", "/api/commands"): [("/api/commands", {"thing": "hall-1", "name": "close", "reason": "x"})],
    ("post", "/api/commands/{identifier}/approval"): [("/api/commands/COMMAND/approval", None)],
    ("delete", "/api/commands/{identifier}"): [("/api/commands/COMMAND", None)],
}  # fmt: skip


@pytest.fixture(scope="module")
def city(tmp_path_factory: pytest.TempPathFactory) -> City:
    return _city(tmp_path_factory.mktemp("walk"))


def _city(folder: Path) -> City:
    city = street(folder, "duckdb:observations.duckdb", BASE)
    assert city.access.policy.keys is None
    return city


def command_of(city: City) -> str:
    wish = Wish("energy", "gw-1", "hall-1", "close", {}, "leak", 60_000)
    return city.commands.ask(role("operator"), wish).id


def text_of(content_type: str, content: bytes) -> str:
    if "arrow" in content_type:
        return str(pa.ipc.open_stream(content).read_all().to_pylist())
    if "parquet" in content_type:
        return str(pq.read_table(io.BytesIO(content)).to_pylist())
    return content.decode()


def values_in(text: str) -> set[float]:
    return {float(one) for one in re.findall(r"\d+(?:\.\d+)?(?:e\+?\d+)?", text)}


def seen_in(city: City, text: str) -> set[Series]:
    """The series whose value or outward name stands in an answer."""
    values = values_in(text)
    found = {series for place, series in enumerate(ALL) if BASE + place in values}
    for series in ALL:
        name = city.access.pseudonyms.of(series.thing) if series in PERSONAL else series.thing
        if re.search(rf"(?<![\w-]){re.escape(name)}(?![\w-])", text) and series not in OPEN:
            found.add(series)
    return found


def letters(seen: set[Series], text: str) -> str:
    sums = sum(BASE + ALL.index(one) for one in WATER)
    has_sum = any(abs(one - sums) < 1e-3 for one in values_in(text))
    groups = (("o", OPEN), ("r", RESTRICTED), ("p", PERSONAL))
    return "".join(letter for letter, several in groups if seen & set(several)) + ("Σ" if has_sum else "")


def filled(city: City, address: str, command: str) -> str:
    return address.replace("PSEUDONYM", city.access.pseudonyms.of("flat-1")).replace("COMMAND", command)


def routes(client: TestClient) -> Iterator[tuple[str, str]]:
    for path, methods in client.get("/openapi.json").json()["paths"].items():
        for method in methods:
            if method != "head":
                yield method, path


def test_no_route_is_left_out_of_the_walk(city: City) -> None:
    known = {("get", path) for path in READS} | set(WRITES)
    assert set(routes(client_of(city))) == known


@pytest.mark.parametrize("name", ASKERS)
def test_no_answer_holds_what_its_asker_may_not_see(city: City, name: str) -> None:
    client = client_of(city, ASKERS[name])
    command = command_of(city)
    for path, addresses in READS.items():
        for address in addresses:
            answer = client.get(filled(city, address, command))
            assert answer.status_code < 500, (address, answer.text)
            text = text_of(answer.headers.get("content-type", ""), answer.content)
            for word in NEVER:
                asked = json.dumps(address)  # what was asked may be said again
                leaked = re.search(rf"(?<![\w-]){re.escape(word)}(?![\w-])", text) and word not in asked
                assert not leaked, (name, path, address, word, text[:2000])
            beyond = seen_in(city, text) - set(SEES[name])
            asked_for = {one for one in beyond if filled(city, address, "").find(one.thing) >= 0}
            if answer.status_code >= 400:  # a refusal names what was asked for, and no more
                pseudonym = city.access.pseudonyms.of("flat-1")
                asked_for |= {FLAT, WARMTH} if pseudonym in filled(city, address, "") else set()
            assert beyond <= asked_for, (name, address, beyond - asked_for, text[:2000])


@pytest.mark.parametrize("name", ASKERS)
def test_a_batch_holds_no_more_than_its_parts(city: City, name: str) -> None:
    requests = [{"id": str(n), "method": "get", "url": f"Things({n})?$expand={EXPANDED}"} for n in NUMBERS]
    answer = client_of(city, ASKERS[name]).post("/v1.1/$batch", json={"requests": requests})
    assert answer.status_code == 200
    assert len(answer.json()["responses"]) == len(requests)
    assert seen_in(city, answer.text) - set(OPEN) == set(SEES[name]) - set(OPEN)
    assert not any(re.search(rf"(?<![\w-]){re.escape(word)}(?![\w-])", answer.text) for word in NEVER)


def test_an_open_sum_is_all_that_anyone_learns_of_households(city: City) -> None:
    client = client_of(city, ANYONE)
    found = [
        letters(seen_in(city, text), text)
        for address in READS["/api/figures.{extension}"]
        if "PSEUDONYM" not in address
        for answer in [client.get(address)]
        for text in [text_of(answer.headers["content-type"], answer.content)]
    ]
    assert "Σ" in found
    assert not any("p" in one for one in found)


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Status codes and what was seen, by route and role; each asker in a city of its own, since some may change it."""
    rows: dict[tuple[str, str], list[str]] = {}
    for asker in ASKERS.values():
        city = _city(tmp_path_factory.mktemp("table"))
        client = client_of(city, asker)
        command = command_of(city)
        for path, addresses in READS.items():
            codes, seen = set(), set[str]()
            for address in addresses:
                answer = client.get(filled(city, address, command))
                codes.add(answer.status_code)
                text = text_of(answer.headers.get("content-type", ""), answer.content)
                seen |= set(letters(seen_in(city, text), text)) if answer.is_success else set()
            told = "".join(letter for letter in "orpΣ" if letter in seen)
            rows.setdefault(("GET", path), []).append(f"{' '.join(map(str, sorted(codes)))} {told}".strip() or "–")
        for (method, path), several in WRITES.items():
            codes = set()
            for address, body in several:
                codes.add(client.request(method, filled(city, address, command), json=body).status_code)
            rows.setdefault((method.upper(), path), []).append(" ".join(map(str, sorted(codes))))
    head = [
        "# Who may do what over HTTP",
        "",
        "Made by `collector/tests/test_security_walk.py`, which asks every route as every role and fails when an",
        "answer holds a name, a place or a value that the role may not see. Each cell has the status codes of all that",
        "was asked (what is not there for this role is 404), and what was seen: **o** open, **r** restricted,",
        "**p** personal, under pseudonym, **Σ** sums over at least ten households. Every role holds at every center.",
        "Live events never end and are walked by themselves, in `test_api_events.py`.",
        "",
        f"| | route | {' | '.join(ASKERS)} |",
        f"|{'---|' * (len(ASKERS) + 2)}",
    ]
    body = [f"| {method} | `{path}` | {' | '.join(cells)} |" for (method, path), cells in rows.items()]
    return "\n".join([*head, *body]) + "\n"


def test_the_table_of_rights_is_what_was_found(table: str) -> None:
    if os.environ.get("UPDATE_RIGHTS"):
        TABLE.write_text(table)
    assert TABLE.read_text() == table


def test_the_shipped_policy_is_what_was_walked(city: City) -> None:
    assert city.access.policy == Policy(city.access.policy.centers, city.access.policy.rules)
    assert load_centers().names == city.access.policy.centers.names
    assert load_rules().judge("no2", "environment", None, None).openness == "open"
