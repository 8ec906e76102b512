"""Who may write over HTTP, how much, and what is there afterwards, whatever broke on the way."""

import asyncio
import json
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import Request
from fastapi.testclient import TestClient
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from collector.access.asker import ANYONE, EVERY, Asker, Grant
from collector.access.audit import FILE
from collector.api.app import Rules, create_app
from collector.city import City, open_city
from collector.entities.inventory import Inventory
from collector.entities.records import Told
from collector.metadata import DEFAULT as METADATA
from collector.observation import Series
from collector.running.household import erase
from collector.series.query import Query
from collector.store import StoreError
from collector.tests.asking import SUPERVISOR, client_of
from collector.tests.koper import INVENTORY, TEMPERATURE, open_koper

PLACE = {
    "name": "Pier",
    "description": "",
    "encodingType": "application/geo+json",
    "location": {"type": "Point", "coordinates": [13.72, 45.55]},
}
SENSOR = {"name": "Probe", "description": "", "encodingType": "application/pdf", "metadata": "x"}
STREAM = {
    "name": "Air",
    "description": "At two metres",
    "unitOfMeasurement": {"name": "degree", "symbol": "Cel", "definition": "x"},
    "observationType": "http://www.opengis.net/def/observationType/OGC-OM/2.0/OM_Measurement",
    "ObservedProperty": {"@iot.id": "temperature"},
    "Sensor": SENSOR,
}
OBSERVATION = {"phenomenonTime": "2026-11-20T10:00:00Z", "result": 7}


@pytest.fixture
def city(tmp_path: Path) -> Iterator[City]:
    opened = open_koper(tmp_path, "memory:")
    yield opened
    opened.close()


def asker(*grants: tuple[str, str]) -> Asker:
    return Asker("somebody", frozenset(Grant(center, role) for center, role in grants), "test")  # type: ignore[arg-type]


def write(client: TestClient, method: str, path: str, body: Any = None, **more: Any) -> Any:
    return client.request(method, f"/v1.1{path}", json=body, **more)


# ---- rights ----------------------------------------------------------------------------------------------------------

WRITES = {
    ("POST", "/Things"): {"name": "a", "description": "b"},
    ("POST", "/Sensors"): SENSOR,
    ("POST", "/Locations"): PLACE,
    ("POST", "/FeaturesOfInterest"): {"name": "a", "description": "b", "encodingType": "text", "feature": "c"},
    ("POST", "/ObservedProperties"): {"name": "laeq", "description": "", "definition": ""},
    ("POST", "/Things(5)/Datastreams"): STREAM,
    ("POST", "/Things(5)/Locations"): PLACE,
    ("PATCH", "/Things(1)"): {"description": "x"},
    ("PATCH", "/Locations(1)"): {"description": "x"},
    ("PATCH", "/Sensors(1)"): {"description": "x"},
    ("PATCH", "/Datastreams(1)"): {"description": "x"},
    ("PATCH", "/FeaturesOfInterest(1)"): {"description": "x"},
    ("PATCH", "/HistoricalLocations(1)"): {"time": "2026-01-01T00:00:00Z"},
    ("PUT", "/HistoricalLocations(1)"): {"time": "2026-01-01T00:00:00Z"},
    ("DELETE", "/HistoricalLocations(1)"): None,
    ("POST", "/Datastreams(1)/Observations"): {**OBSERVATION, "result": "free"},
    ("POST", "/CreateObservations"): [
        {"Datastream": {"@iot.id": 1}, "components": ["phenomenonTime", "result"], "dataArray": [["x", "free"]]}
    ],
    ("PATCH", "/Observations('1-1793577600000')"): {"result": "closed"},
}
OF_OBSERVATIONS = [one for one in WRITES if "Observations" in one[1]]


@pytest.mark.parametrize(("method", "path"), WRITES)
def test_anyone_may_write_nothing(city: City, method: str, path: str) -> None:
    answer = write(client_of(city, ANYONE), method, path, WRITES[method, path])
    assert answer.status_code == 401
    assert "a token is needed" in answer.json()["message"]


@pytest.mark.parametrize("role", ["viewer", "analyst"])
@pytest.mark.parametrize(("method", "path"), WRITES)
def test_who_only_reads_may_write_nothing(city: City, method: str, path: str, role: str) -> None:
    answer = write(client_of(city, asker((EVERY, role))), method, path, WRITES[method, path])
    assert answer.status_code == 403
    assert "this needs the role" in answer.json()["message"]


@pytest.mark.parametrize(("method", "path"), WRITES)
def test_an_operator_enters_observations_and_changes_no_entity(city: City, method: str, path: str) -> None:
    answer = write(client_of(city, asker((EVERY, "operator"))), method, path, WRITES[method, path])
    if (method, path) in OF_OBSERVATIONS:
        assert answer.status_code in (200, 201), answer.text
    else:
        assert answer.status_code == 403


@pytest.mark.parametrize(("method", "path"), WRITES)
def test_an_admin_of_another_center_may_write_nothing(city: City, method: str, path: str) -> None:
    if path == "/ObservedProperties":  # nothing is written: the contract has it
        return
    answer = write(client_of(city, asker(("energy", "admin"))), method, path, WRITES[method, path])
    assert answer.status_code in (403, 404), answer.text


@pytest.mark.parametrize(("method", "path"), WRITES)
def test_an_admin_of_the_center_writes_what_belongs_to_it(city: City, method: str, path: str) -> None:
    answer = write(client_of(city, asker(("mobility", "admin"))), method, path, WRITES[method, path])
    belongs_to_none = path in ("/Sensors", "/Locations", "/FeaturesOfInterest")
    is_administrations = path == "/Things"
    assert answer.status_code == 403 if belongs_to_none or is_administrations else answer.status_code < 300, answer.text


def test_a_thing_moves_to_a_center_only_by_who_administers_both(city: City) -> None:
    body = {"properties": {"center": "energy"}}
    made = write(
        client_of(city), "POST", "/Things", {"name": "a", "description": "", "properties": {"center": "living"}}
    )
    assert made.headers["location"].endswith("/Things(7)")
    assert write(client_of(city, asker(("living", "admin"))), "PATCH", "/Things(7)", body).status_code == 403
    both = asker(("living", "admin"), ("energy", "admin"))
    assert write(client_of(city, both), "PATCH", "/Things(7)", body).status_code == 200


def test_who_may_enter_need_not_be_one_who_may_read(tmp_path: Path) -> None:
    names = {"sl": "a", "it": "a", "en": "a"}
    thing = {"id": "wm-1", "name": names, "center": "environment", "household": "h-1"}
    city = open_city(Inventory.model_validate({"city": "koper", "thing": [thing]}), tmp_path, "memory:")
    city.registry.see([Series("wm-1", "water_volume")])
    operator = asker(("environment", "operator"))
    answer = write(client_of(city, operator), "POST", "/Datastreams(1)/Observations", OBSERVATION)
    assert answer.status_code == 201
    assert answer.json() == {"@iot.id": "1-1795168800000", "@iot.selfLink": answer.headers["location"]}
    assert client_of(city, operator).get("/v1.1/Datastreams(1)").status_code == 404
    city.close()


def test_what_was_told_of_a_personal_thing_leaves_under_no_pseudonym(tmp_path: Path) -> None:
    names = {"sl": "Novak", "it": "Novak", "en": "Novak"}
    thing = {"id": "wm-1", "name": names, "center": "environment", "household": "h-1", "location": (13.7, 45.5)}
    city = open_city(Inventory.model_validate({"city": "koper", "thing": [thing]}), tmp_path, "memory:")
    city.registry.see([Series("wm-1", "water_volume")])
    client = client_of(city)  # an admin who says why
    told = {"description": "Novak's cellar", "properties": {"owner": "Novak"}}
    for path in ("Things(1)", "Sensors(1)", "Datastreams(1)"):
        assert write(client, "PATCH", f"/{path}", told).status_code == 200
    assert write(client, "PATCH", "/Locations(1)", told).status_code == 404
    assert write(client, "POST", "/Datastreams(1)/Observations", OBSERVATION).status_code == 201
    refused = [
        write(client, "PATCH", "/Datastreams(1)", {"properties": {"thing": "x"}}),
        write(client, "PATCH", "/Things(1)", {"properties": {"id": "x"}}),
        write(client, "PATCH", "/Things(1)", {"name": "x"}),
        write(client, "DELETE", "/Things(1)"),
        write(client, "DELETE", "/Datastreams(1)"),
    ]
    assert [one.status_code for one in refused] == [409] * 5
    things = "Things?$expand=Locations,HistoricalLocations,Datastreams($expand=Sensor,Observations)"
    observations = "Observations?$expand=FeatureOfInterest"
    paths = [things, "Sensors", "Locations", "HistoricalLocations", "FeaturesOfInterest", observations]
    shown = [client.get(f"/v1.1/{path}") for path in paths]
    assert [len(one.json()["value"]) for one in shown] == [1, 1, 0, 0, 0, 1]
    for answer in (*shown, *refused):
        assert not [word for word in ("Novak", "wm-1", "h-1", "13.7") if word in answer.text]
    city.close()


async def test_an_erased_household_takes_with_it_what_was_told_of_it(tmp_path: Path) -> None:
    names = {"sl": "Novak", "it": "Novak", "en": "Novak"}
    thing = {"id": "wm-1", "name": names, "center": "environment", "household": "h-1"}
    city = open_city(Inventory.model_validate({"city": "koper", "thing": [thing]}), tmp_path, "memory:")
    city.registry.see([Series("wm-1", "water_volume")])
    told = {"description": "The cellar", "properties": {"owner": "Novak"}}
    feature = {"name": "Cellar", "description": "", "encodingType": "text/plain", "feature": "x"}
    observation = {**OBSERVATION, "FeatureOfInterest": feature}
    for path in ("Things(1)", "Sensors(1)", "Datastreams(1)"):
        assert write(client_of(city), "PATCH", f"/{path}", told).status_code == 200
    assert write(client_of(city), "POST", "/Datastreams(1)/Observations", observation).status_code == 201
    assert city.registry.catalog.sampled_count == 1
    await erase(city, "h-1", 1_795_392_000_000, "somebody", "moved out")
    registry = city.registry
    known, sensor, (stream,) = registry.thing("wm-1"), registry.catalog.own_sensor(1), registry.datastreams
    assert known
    assert sensor
    assert (known.description, known.properties, sensor.description, sensor.properties) == ("", {}, "", {})
    assert (stream.told, registry.catalog.sampled_count) == (Told(), 0)
    city.close()


def test_every_change_stands_in_the_log_before_it_is_made(city: City, tmp_path: Path) -> None:
    write(client_of(city), "PATCH", "/Things(1)", {"description": "Blue"})
    write(client_of(city), "PATCH", "/Things(1)", {"name": "refused"})
    lines = [json.loads(line) for line in (tmp_path / FILE).read_text().splitlines()]
    changes = [line for line in lines if "change" in json.dumps(line) and "Things(1)" in json.dumps(line)]
    assert len(changes) == 1
    assert "supervisor" in json.dumps(changes[0])


# ---- bodies ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "status", "message"),
    [
        (b"{", 400, "body: not JSON"),
        (b"", 400, "body: not JSON"),
        (b'{"name": NaN}', 400, "body: not JSON"),
        (b'{"name": "\xff"}', 400, "body: not JSON"),
        (b'{"name": "\\ud800"}', 400, "body: not JSON"),
        (b'{"name": "a\\u0000"}', 400, "name: text holds no zero bytes"),
        (b'{"properties": {"a\\u0000": 1}}', 400, "properties: text holds no zero bytes"),
        (b"[" * 100_000 + b"]" * 100_000, 400, "body: "),
        (b'{"a":' * 40 + b"1" + b"}" * 40, 400, "body: over 32 levels deep"),
        (b'{"properties":{"n":1e300}}', 400, "properties: a number beyond 2^53"),
        (b'"' + b"x" * (1 << 20) + b'"', 413, "body: at most 1048576 bytes"),
    ],
)
@pytest.mark.parametrize("path", ["/Things", "/CreateObservations"])
def test_what_is_no_sound_json_is_refused(city: City, content: bytes, status: int, message: str, path: str) -> None:
    answer = client_of(city).post(f"/v1.1{path}", content=content)
    assert (answer.status_code, answer.json()["message"][: len(message)]) == (status, message)


# ---- what was created is read ----------------------------------------------------------------------------------------

TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=40)
NAME = TEXT.filter(lambda text: text.strip() != "")
LEAF = TEXT | st.integers(-(2**53), 2**53) | st.booleans() | st.none() | st.floats(-1e9, 1e9)
OURS = {"id", "center", "names", "listed"}
INNER = st.recursive(
    LEAF, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3), max_leaves=5
)
FREE = st.dictionaries(TEXT.filter(lambda key: key not in OURS), INNER, max_size=4)
LONGITUDE, LATITUDE = st.floats(-180, 180), st.floats(-90, 90)
POSITION = st.tuples(LONGITUDE, LATITUDE).map(list)
FORM = POSITION.map(lambda at: {"type": "Point", "coordinates": at}) | st.lists(POSITION, min_size=2, max_size=4).map(
    lambda line: {"type": "LineString", "coordinates": line}
)
DESCRIBED = {"name": NAME, "description": TEXT}
ENTITIES = {
    "Things": st.fixed_dictionaries(DESCRIBED, optional={"properties": FREE}),
    "Locations": st.fixed_dictionaries(
        {**DESCRIBED, "encodingType": st.just("application/geo+json"), "location": FORM}, optional={"properties": FREE}
    ),
    "Sensors": st.fixed_dictionaries(
        {**DESCRIBED, "encodingType": NAME, "metadata": LEAF.filter(lambda one: one is not None)},
        optional={"properties": FREE},
    ),
    "FeaturesOfInterest": st.fixed_dictionaries(
        {**DESCRIBED, "encodingType": st.just("application/vnd.geo+json"), "feature": FORM},
        optional={"properties": FREE},
    ),
}


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    folder = tmp_path_factory.mktemp("city")
    opened = open_koper(folder, "memory:")
    yield client_of(opened)
    opened.close()


@pytest.mark.parametrize("name", ENTITIES)
@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(data=st.data())
def test_what_was_created_is_read_as_it_was_said(client: TestClient, name: str, data: st.DataObject) -> None:
    body = data.draw(ENTITIES[name])
    made = client.post(f"/v1.1/{name}", json=body)
    assert made.status_code == 201, made.text
    read = client.get(made.headers["location"]).json()
    assert made.json() == read
    for key, value in body.items():
        if key == "properties":
            assert {one: read.get(key, {})[one] for one in value} == value
        else:
            assert read[key] == value


ENTERED: set[tuple[int, float]] = set()


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(result=st.floats(-60, 80), at=st.integers(1_760_000_000_000, 1_795_000_000_000), offset=st.integers(-12, 14))
def test_an_observation_is_read_as_it_was_entered(client: TestClient, result: float, at: int, offset: int) -> None:
    if (at, result) in ENTERED:
        return  # a content that was kept is a repetition, whatever came meanwhile
    ENTERED.add((at, result))
    moment = datetime.fromtimestamp(at // 1000, UTC).astimezone(timezone(timedelta(hours=offset)))
    time = (moment + timedelta(milliseconds=at % 1000)).isoformat()
    made = client.post("/v1.1/Datastreams(2)/Observations", json={"phenomenonTime": time, "result": result})
    assert made.headers["location"].endswith(f"/Observations('2-{at}')")
    assert made.json()["result"] == result


# ---- at once, and cut off --------------------------------------------------------------------------------------------


async def at_once(city: City, path: str, bodies: list[Any]) -> list[httpx.Response]:
    """All asked in one moment, of one application."""

    async def identify(_request: Request) -> Asker:
        return SUPERVISOR

    transport = httpx.ASGITransport(create_app(city, Rules(identify)))
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
        return list(await asyncio.gather(*(client.post(f"/v1.1{path}", json=body) for body in bodies)))


async def test_many_at_once_get_numbers_of_their_own(city: City) -> None:
    bodies = [{"name": f"n{number}", "description": "", "Locations": [PLACE]} for number in range(24)]
    bodies = [{**body, "Datastreams": [STREAM]} for body in bodies]
    found = [one.headers["location"] for one in await at_once(city, "/Things", bodies)]
    assert len(set(found)) == 24
    assert len(city.registry.catalog.locations) == 5 + 24
    assert len(city.registry.datastreams) == 8 + 24


async def test_of_many_that_make_the_same_one_succeeds(city: City) -> None:
    body = {"name": "a", "description": "", "properties": {"id": "lamp-1"}}
    answers = await at_once(city, "/Things", [body] * 8)
    assert sorted(one.status_code for one in answers) == [201, *[409] * 7]


async def test_the_same_observation_from_many_at_once_is_one(city: City) -> None:
    answers = await at_once(city, "/Datastreams(2)/Observations", [OBSERVATION] * 12)
    assert {one.json()["@iot.id"] for one in answers} == {"2-1795168800000"}
    assert city.store.count(Query(TEMPERATURE)) == 22


KILLED = """
    import os, sys
    from pathlib import Path
    from collector.city import open_city
    from collector.tests.asking import client_of
    from collector.tests.koper import INVENTORY
    from collector.tests.test_changes import PLACE, STREAM, OBSERVATION

    city = open_city(INVENTORY, Path(sys.argv[1]), "duckdb:observations.duckdb", sys.argv[3])
    client = client_of(city)
    body = {"name": "Lamp", "description": "", "properties": {"id": "lamp-1"}, "Locations": [PLACE]}
    if sys.argv[2] == "between":  # the entities are durable, their observations are not
        type(city.store).add = lambda *_: os._exit(9)
    else:  # nothing is
        import collector.entities.change
        collector.entities.change.Change.write = lambda *_: os._exit(9)
    client.post("/v1.1/Things", json={**body, "Datastreams": [{**STREAM, "Observations": [OBSERVATION]}]})
"""


def cut_off(folder: Path, cut: str, url: str) -> City:
    """What is there after a collector was killed in the midst of a request."""
    killed = subprocess.run([sys.executable, "-c", textwrap.dedent(KILLED), folder, cut, url], check=False)
    assert killed.returncode == 9
    city = open_city(INVENTORY, folder, "duckdb:observations.duckdb", url)
    created = int(cut == "between")
    thing = city.registry.thing("lamp-1")
    assert (thing is not None) == bool(created)
    assert len(city.registry.catalog.history_of(7)) == len(city.registry.datastreams) == created
    assert thing is None or thing.location == (13.72, 45.55)
    return city


def test_a_collector_that_is_killed_before_it_has_written_leaves_nothing(tmp_path: Path) -> None:
    cut_off(tmp_path, "before", METADATA).close()


def test_a_collector_that_is_killed_between_leaves_whole_entities(tmp_path: Path) -> None:
    city = cut_off(tmp_path, "between", METADATA)
    assert write(client_of(city), "POST", "/Datastreams(1)/Observations", OBSERVATION).status_code == 201
    city.close()


def test_everything_is_there_after_a_restart(tmp_path: Path) -> None:
    city = open_city(INVENTORY, tmp_path, "duckdb:observations.duckdb")
    feature = {"name": "Bay", "description": "", "encodingType": "text/plain", "feature": "all of it"}
    observation = {**OBSERVATION, "FeatureOfInterest": feature}
    body = {
        "name": "Lamp",
        "description": "x",
        "Locations": [PLACE],
        "Datastreams": [{**STREAM, "Observations": [observation]}],
    }
    assert write(client_of(city), "POST", "/Things", body).status_code == 201
    assert write(client_of(city), "PATCH", "/Things(1)", {"properties": {"a": [1]}}).status_code == 200
    paths = ["Things?$expand=Locations,HistoricalLocations,Datastreams($expand=Sensor,ObservedProperty)",
             "FeaturesOfInterest?$expand=Observations", "Sensors", "Locations?$expand=Things"]  # fmt: skip
    before = [client_of(city).get(f"/v1.1/{path}").json() for path in paths]
    city.close()
    again = open_city(INVENTORY, tmp_path, "duckdb:observations.duckdb")
    assert [client_of(again).get(f"/v1.1/{path}").json() for path in paths] == before
    again.close()


def test_what_was_made_over_http_stays_when_the_inventory_is_read_again(city: City) -> None:
    write(client_of(city), "POST", "/Things", {"name": "Lamp", "description": "", "Locations": [PLACE]})
    write(client_of(city), "PATCH", "/Things(1)", {"description": "Blue", "properties": {"a": 1}})
    write(client_of(city), "POST", "/Things(5)/Locations", PLACE)
    moved = INVENTORY.model_dump()
    moved["thing"][0]["location"] = (13.75, 45.55)
    city.registry.take_inventory(Inventory.model_validate(moved))
    client = client_of(city, SUPERVISOR)
    lamp, spot = (client.get(f"/v1.1/Things({number})").json() for number in (7, 1))
    assert lamp["properties"]["listed"]
    assert (spot["description"], spot["properties"]["a"]) == ("Blue", 1)
    assert [one["@iot.id"] for one in client.get("/v1.1/Things(5)/Locations").json()["value"]] == [8]
    history = client.get("/v1.1/Things(1)/HistoricalLocations?$expand=Locations&$orderby=time").json()["value"]
    places = [one["Locations"][0]["location"]["coordinates"] for one in history]
    assert places == [[13.72, 45.54], [13.75, 45.55]]
    assert client.get("/v1.1/Locations(1)/Things").json()["value"] == []


def test_the_store_that_refuses_costs_a_503_and_the_same_may_be_asked_again(city: City, monkeypatch: Any) -> None:
    def full(*_: object) -> None:
        raise StoreError("disk full")

    with monkeypatch.context() as broken:
        broken.setattr(type(city.store), "add", full)
        answer = write(client_of(city), "POST", "/Datastreams(2)/Observations", OBSERVATION)
        assert (answer.status_code, answer.json()["message"]) == (503, "disk full")
    assert write(client_of(city), "POST", "/Datastreams(2)/Observations", OBSERVATION).status_code == 201


def test_many_rows_are_entered_in_pieces_and_answered_in_order(city: City) -> None:
    begin = datetime(2026, 1, 1, tzinfo=UTC)
    rows = [[(begin + timedelta(minutes=one)).isoformat(), one / 100] for one in range(2_500)]
    rows[1_700][1] = "warm"
    groups = [
        {"Datastream": {"@iot.id": number}, "components": ["phenomenonTime", "result"], "dataArray": part}
        for number, part in ((2, rows[:1_800]), (4, []), (4, rows[1_800:]))
    ]
    answers = write(client_of(city), "POST", "/CreateObservations", groups).json()
    assert len(answers) == 2_500
    first = int(begin.timestamp() * 1000)
    for place, answer in enumerate(answers):
        stream = 2 if place < 1_800 else 4
        wanted = f"http://testserver/v1.1/Observations('{stream}-{first + place * 60_000}')"
        assert answer == (wanted if place != 1_700 else "error 0.dataArray.1700: result: expected a number")
    assert city.store.count(Query(TEMPERATURE)) == 21 + 1_799


def test_rows_of_a_center_where_one_may_not_enter_are_not_begun(city: City) -> None:
    rows = [[OBSERVATION["phenomenonTime"], 7]]
    groups = [
        {"Datastream": {"@iot.id": number}, "components": ["phenomenonTime", "result"], "dataArray": rows}
        for number in (5, 2)
    ]
    answer = write(client_of(city, asker(("living", "operator"))), "POST", "/CreateObservations", groups)
    assert answer.status_code == 403
    assert city.store.count(Query(Series("mic-0001", "laeq", 900_000))) == 4


async def test_what_was_entered_reaches_who_looks_on(city: City) -> None:
    with city.feed.subscribe() as stored:
        assert write(client_of(city), "POST", "/Datastreams(2)/Observations", OBSERVATION).status_code == 201
        assert [one.value for one in await anext(aiter(stored))] == [7.0]
