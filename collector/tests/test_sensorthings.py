"""The read subset of SensorThings 1.1, asked as a client asks it."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from collector.city import open_city
from collector.entities.inventory import Inventory
from collector.observation import Observation, Series
from collector.series.batch import Batch
from collector.tests.asking import client_of

T = 1795392000000  # 2026-11-23T00:00:00Z
INVENTORY = Inventory.model_validate(
    {
        "city": "koper",
        "publisher": [{"id": "park-0001", "role": "node", "things": ["spot-0001"]}],
        "thing": [
            {
                "id": "spot-0001",
                "name": {"sl": "Mesto 1", "it": "Posto 1", "en": "Spot 1"},
                "location": [13.73, 45.55],
                "center": "mobility",
            },
            {
                "id": "wm-1",
                "name": {"sl": "Vodomer", "it": "Contatore", "en": "Meter's"},
                "center": "environment",
                "openness": "restricted",
            },
        ],
    }
)
OCCUPANCY, VOLUME, NOISE = (
    Series("spot-0001", "occupancy"),
    Series("wm-1", "water_volume"),
    Series("wm-1", "laeq", 900_000),
)


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    city = open_city(INVENTORY, tmp_path_factory.mktemp("city"), "duckdb:observations.duckdb")
    observations = [Observation(OCCUPANCY, T + i * 1000, "free" if i % 3 else "occupied") for i in range(250)]
    observations += [Observation(VOLUME, T + i * 1000, i / 10, "suspect" if i == 5 else "") for i in range(20)]
    observations += [Observation(NOISE, T + 900_000, 61.5, source="mic", censored="<")]
    city.registry.see(one.series for one in observations)
    city.store.add(Batch.of(city.store.table, observations), T + 10_000_000)
    with client_of(city) as client:
        yield client


def get(client: TestClient, path: str) -> Any:
    answer = client.get("/v1.1" + path)
    assert answer.status_code == 200, answer.text
    return answer.json()


def ids(answer: Any) -> list[Any]:
    return [one["@iot.id"] for one in answer["value"]]


def test_the_landing_page_lists_every_set(client: TestClient) -> None:
    landing = get(client, "")
    assert [one["name"] for one in landing["value"]] == [
        "Things", "Locations", "HistoricalLocations", "Datastreams", "Sensors", "ObservedProperties", "Observations",
        "FeaturesOfInterest",
    ]  # fmt: skip
    assert landing["serverSettings"]["conformance"]
    for one in landing["value"]:
        assert client.get(one["url"]).status_code == 200


ASKED = {
    "/Things": [1, 2, 3],
    "/Things?$top=1&$skip=1": [2],
    "/Things?$filter=name eq 'Spot 1'": [1],
    "/Things?$filter=name eq 'Meter''s'": [2],
    "/Things?$filter=id gt 1 and not (id eq 3)": [2],
    "/Things?$filter=id eq 1 or id eq 3": [1, 3],
    "/Things?$filter=properties/center eq 'environment'": [2],
    "/Things?$filter=properties/listed eq true&$orderby=id desc": [3, 2, 1],
    "/Things?$orderby=name": [2, 1, 3],
    "/Things?$orderby=id DESC": [3, 2, 1],
    "/Things(1)/Locations": [1],
    "/Things(2)/Locations": [],
    "/Things(1)/HistoricalLocations": [1],
    "/Things(2)/HistoricalLocations": [],
    "/HistoricalLocations(1)/Locations": [1],
    "/Locations(1)/HistoricalLocations": [1],
    "/Things(2)/Datastreams": [2, 3],
    "/Datastreams(2)/Thing/Datastreams": [2, 3],
    "/Locations(1)/Things": [1],
    "/Sensors(1)/Datastreams": [1],
    "/ObservedProperties": ["laeq", "occupancy", "water_volume"],
    "/ObservedProperties('laeq')/Datastreams": [3],
    "/FeaturesOfInterest": [1, 3],
    "/FeaturesOfInterest(1)/Observations?$top=1": [f"1-{T}"],
    "/Datastreams(2)/Observations?$top=2": [f"2-{T}", f"2-{T + 1000}"],
    "/Datastreams(2)/Observations?$orderby=phenomenonTime desc&$top=1": [f"2-{T + 19000}"],
    "/Datastreams(2)/Observations?$orderby=result desc&$top=1": [f"2-{T + 19000}"],
    "/Datastreams(2)/Observations?$filter=result ge 1.8": [f"2-{T + 18000}", f"2-{T + 19000}"],
    "/Datastreams(2)/Observations?$filter=1.8 le result": [f"2-{T + 18000}", f"2-{T + 19000}"],
    "/Datastreams(2)/Observations?$filter=result lt 0.2 or result gt 1.8": [
        f"2-{T}",
        f"2-{T + 1000}",
        f"2-{T + 19000}",
    ],
    "/Datastreams(2)/Observations?$filter=phenomenonTime lt 2026-11-23T00:00:01Z": [f"2-{T}"],
    "/Datastreams(2)/Observations?$filter=phenomenonTime eq 2026-11-23T01:00:03%2B01:00": [f"2-{T + 3000}"],
    "/Datastreams(2)/Observations?$filter=resultQuality eq 'suspect'": [f"2-{T + 5000}"],
    "/Datastreams(2)/Observations?$filter=resultTime lt 2026-11-23T00:00:00Z": [],
    f"/Datastreams(2)/Observations?$filter=id eq '2-{T + 4000}'": [f"2-{T + 4000}"],
    "/Datastreams(2)/Observations?$filter=result eq 'free'": [],
    "/Datastreams(1)/Observations?$filter=result eq 'occupied'&$top=2": [f"1-{T}", f"1-{T + 3000}"],
    "/Observations?$filter=result eq 0.3": [f"2-{T + 3000}"],
    "/Observations?$orderby=phenomenonTime desc&$top=2": [f"3-{T + 900_000}", f"1-{T + 249_000}"],
    "/Observations?$top=0": [],
}


@pytest.mark.parametrize("path", ASKED)
def test_a_set_is_answered_with_these_ids(client: TestClient, path: str) -> None:
    assert ids(get(client, path)) == ASKED[path]


@pytest.mark.parametrize(
    "path", ["/Things?%24filter=name+eq+%27Spot+1%27", "/Things?$filter=name%20eq%20%27Spot%201%27"]
)
def test_clients_write_spaces_and_dollars_as_they_like(client: TestClient, path: str) -> None:
    assert ids(get(client, path)) == [1]


def test_an_observation_says_when_what_and_how_well(client: TestClient) -> None:
    one = get(client, f"/Observations('3-{T + 900_000}')")
    assert one["phenomenonTime"] == "2026-11-23T00:00:00.000Z/2026-11-23T00:15:00.000Z"
    assert one["resultTime"] == "2026-11-23T02:46:40.000Z"
    assert one["result"] == 61.5
    assert one["resultQuality"] == "valid"
    assert one["parameters"] == {"censored": "<", "source": "mic"}


def test_a_datastream_names_its_unit_and_quantity(client: TestClient) -> None:
    one = get(client, "/Datastreams(2)")
    assert one["unitOfMeasurement"]["symbol"] == "m3"
    assert one["observationType"].endswith("OM_Measurement")
    assert one["properties"]["quantity"] == "water_volume"


def test_selection_keeps_what_was_chosen(client: TestClient) -> None:
    assert get(client, "/Things(1)?$select=name,id") == {"name": "Spot 1", "@iot.id": 1}


def test_expansion_carries_its_own_options(client: TestClient) -> None:
    path = (
        "/Things(2)?$expand=Datastreams($top=1;$count=true;$expand=Observations($orderby=phenomenonTime desc;$top=1))"
    )
    thing = get(client, path)
    assert thing["Datastreams@iot.count"] == 2
    assert [one["@iot.id"] for one in thing["Datastreams"]] == [2]
    assert thing["Datastreams"][0]["Observations"][0]["result"] == 1.9
    assert get(client, "/Datastreams(1)?$expand=Thing/Locations,Sensor")["Thing"]["Locations"][0]["@iot.id"] == 1
    assert client.get(thing["Datastreams@iot.nextLink"]).json()["value"][0]["@iot.id"] == 3


@pytest.mark.parametrize(
    "path", ["/Observations?$top=60", "/Datastreams(1)/Observations?$top=100&$filter=result ne 'x'"]
)
def test_pages_joined_equal_the_unpaged_set(client: TestClient, path: str) -> None:
    page = get(client, path)
    joined = ids(page)
    while "@iot.nextLink" in page:
        page = client.get(page["@iot.nextLink"]).json()
        joined += ids(page)
    assert joined == ids(get(client, path.replace("$top=60", "$top=1000").replace("$top=100", "$top=1000")))
    assert len(joined) == len(set(joined)) >= 250


def test_counting_is_of_all_not_of_the_page(client: TestClient) -> None:
    assert get(client, "/Observations?$top=1&$count=true")["@iot.count"] == 271
    assert get(client, "/Datastreams(1)/Observations?$count=true&$filter=result eq 'free'")["@iot.count"] == 166


NUMBERS = st.floats(min_value=-1, max_value=3, width=32).map(lambda x: round(x, 2))
COMPARISONS = st.tuples(st.sampled_from(["eq", "ne", "gt", "ge", "lt", "le"]), NUMBERS)
FILTERS = st.recursive(
    COMPARISONS,
    lambda inner: st.tuples(st.sampled_from(["and", "or"]), inner, inner) | st.tuples(st.just("not"), inner),
    max_leaves=6,
)


def as_text(tree: Any) -> str:
    match tree:
        case ("not", part):
            return f"not ({as_text(part)})"
        case (operator, number):
            return f"result {operator} {number}"
        case (operator, left, right):
            return f"({as_text(left)} {operator} {as_text(right)})"
    raise AssertionError(tree)


def holds(tree: Any, result: float) -> bool:
    match tree:
        case ("not", part):
            return not holds(part, result)
        case ("and", left, right):
            return holds(left, result) and holds(right, result)
        case ("or", left, right):
            return holds(left, result) or holds(right, result)
        case (operator, number):
            return {"eq": result == number, "ne": result != number, "gt": result > number, "ge": result >= number,
                    "lt": result < number, "le": result <= number}[operator]  # fmt: skip
    raise AssertionError(tree)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(FILTERS)
def test_a_filter_equals_brute_force_over_the_whole_set(client: TestClient, tree: Any) -> None:
    answer = get(client, f"/Datastreams(2)/Observations?$count=true&$filter={as_text(tree)}")
    expected = [f"2-{T + i * 1000}" for i in range(20) if holds(tree, i / 10)]
    assert ids(answer) == expected
    assert answer["@iot.count"] == len(expected)


REFUSED = {
    "/Nothing": (404, "Nothing: no such entity set"),
    "/Things(99)": (404, "Things(99): no such entity"),
    "/Things/Datastreams": (404, "an id is missing behind Things"),
    "/Things(1)/Datastreams/Thing": (404, "an id is missing behind Datastreams"),
    "/Things(1)/Sensors": (404, "Sensors: Things lead to"),
    "/Things(1": (404, "expected a name, or a name with an id in brackets"),
    "/Observations('x')": (404, "no such entity"),
    "/Things(1)/Datastreams(2)": (404, "no such entity"),
    "/Things?$top=many": (400, "$top: expected a whole number, got 'many'"),
    "/Things?$top=-1": (400, "$top: expected a whole number"),
    "/Things?$count=yes": (400, "$count: expected true or false"),
    "/Things?$foo=1": (400, "$foo: unknown query option"),
    "/Things?$top=1&$top=2": (400, "$top: given twice"),
    "/Things?$select=colour": (400, "$select: Things have no property colour"),
    "/Things?$orderby=name sideways": (400, "$orderby: expected asc or desc, got 'sideways'"),
    "/Things?$orderby=colour": (400, "$orderby: colour: Things have no property colour"),
    "/Things?$expand=Observations": (400, "$expand: Things lead to"),
    "/Things?$expand=Datastreams($top=1": (400, "$expand: no closing bracket"),
    "/Things?$filter=colour eq 1": (400, "$filter: colour: Things have no property colour"),
    "/Things?$filter=soundex(name) eq 'x'": (400, "there is no function soundex"),
    "/Things?$filter=name eq": (400, "expected a property or a value instead of 'the end'"),
    "/Things?$filter=name is 'x'": (400, "unexpected 'is'"),
    "/Things?$filter=(name eq 'x'": (400, "expected ')' instead of 'the end'"),
    "/Things?$filter=name eq 'x')": (400, "unexpected ')'"),
    "/Things?$filter=name eq ;": (400, "can't read ';'"),
    "/Things?$filter=" + "(" * 60 + "id eq 1" + ")" * 60: (400, "over 32 brackets deep"),
    "/Things?$filter=name eq '" + "x" * 11_000 + "'": (400, "$filter: over 10000 characters"),
    "/Observations?$orderby=result&$skip=20000": (400, "at most 10000 with $top"),
    "/Observations?$filter=phenomenonTime gt 2026-13-01T00:00:00Z": (400, "2026-13-01T00:00:00Z: not a time"),
}  # fmt: skip


@pytest.mark.parametrize("path", REFUSED)
def test_what_is_asked_wrong_is_refused_by_name(client: TestClient, path: str) -> None:
    status, message = REFUSED[path]
    answer = client.get("/v1.1" + path)
    assert answer.status_code == status
    assert message in answer.json()["message"]


def test_what_the_readme_asks_is_answered(client: TestClient) -> None:
    readme = (Path(__file__).parents[1] / "README.md").read_text("utf-8")
    asked = [line for line in readme.splitlines() if line.startswith("/v1.1/")]
    assert len(asked) >= 4
    for line in asked:
        answer = client.get(line.replace("(7)", "(1)"))
        assert answer.status_code == 200, answer.text
