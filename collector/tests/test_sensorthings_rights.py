"""Does a filter, an order or a path tell what the asker may not see? And whose feature is an observation's?"""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from fastapi.testclient import TestClient

from collector.access.asker import ANYONE
from collector.city import City, open_city
from collector.entities.inventory import Inventory
from collector.observation import Observation, Series
from collector.series.batch import Batch
from collector.tests.asking import client_of
from collector.tests.koper import HOUR, LAEQ, MINUTE, T, open_koper
from collector.tests.koper import INVENTORY as KOPER

THING = {"name": dict.fromkeys(("sl", "it", "en"), "x"), "center": "environment", "location": [13.73, 45.55]}
INVENTORY = Inventory.model_validate(
    {
        "city": "koper",
        "thing": [
            {**THING, "id": "open-1", "openness": "open"},
            {**THING, "id": "hidden-1", "openness": "restricted", "name": dict.fromkeys(("sl", "it", "en"), "Hidden")},
        ],
    }
)
SEEN, HIDDEN = Series("open-1", "temperature"), Series("hidden-1", "temperature")


@pytest.fixture(scope="module")
def anyone(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    city = open_city(INVENTORY, tmp_path_factory.mktemp("city"), "memory:")
    city.registry.see([SEEN, HIDDEN])
    several = [Observation(SEEN, T, 1.0), Observation(HIDDEN, T + HOUR, 2.0)]
    city.store.add(Batch.of(city.store.table, several), T + HOUR)
    with client_of(city, ANYONE) as client:
        yield client


@pytest.mark.parametrize(
    "path",
    [
        "/Observations",
        "/Observations?$filter=result gt 0",
        "/Observations?$filter=Datastream/id ge 1",
        "/Observations?$filter=Datastream/id eq 2 or Datastream/id eq 1",
        "/Observations?$filter=Datastream/Thing/name eq 'Hidden' or result lt 5",
        "/Observations?$filter=Datastream/Thing/properties/center eq 'environment'",
        f"/Observations?$filter=id eq '2-{T + HOUR}' or id eq '1-{T}'",
        "/Observations?$orderby=phenomenonTime desc",
        "/Observations?$orderby=result desc,id",
        "/Observations?$orderby=Datastream/Thing/name",
        "/ObservedProperties('temperature')/Datastreams(1)/Observations",
    ],
)
def test_nothing_hidden_is_found_or_counted(anyone: TestClient, path: str) -> None:
    answer = anyone.get(f"/v1.1{path}{'&' if '?' in path else '?'}$count=true").json()
    assert [one["@iot.id"] for one in answer["value"]] == [f"1-{T}"]
    assert answer["@iot.count"] == 1


@pytest.mark.parametrize(
    "path",
    [
        "/Things?$filter=name eq 'Hidden'",
        "/Things?$filter=Datastreams/id eq 2",
        "/Locations?$filter=Things/name eq 'Hidden'",
        "/Datastreams?$filter=Thing/name eq 'Hidden'",
        "/Datastreams?$filter=id eq 2",
        "/Sensors?$filter=Datastreams/id eq 2",
        "/ObservedProperties?$filter=Datastreams/Thing/name eq 'Hidden'",
        "/FeaturesOfInterest?$filter=name eq 'Hidden'",
        "/Observations?$filter=Datastream/Thing/name eq 'Hidden'",
        "/Observations?$filter=FeatureOfInterest/name eq 'Hidden'",
        "/Observations?$filter=Datastream/id eq 2&$resultFormat=dataArray",
        "/Datastreams/$ref?$filter=id eq 2",
    ],
)
def test_no_path_leads_to_what_is_hidden(anyone: TestClient, path: str) -> None:
    answer = anyone.get(f"/v1.1{path}&$count=true").json()
    assert (answer["value"], answer["@iot.count"]) == ([], 0)


def test_what_is_hidden_is_not_there(anyone: TestClient) -> None:
    for path in (
        f"/Observations('2-{T + HOUR}')",
        "/Datastreams(2)",
        "/Datastreams(2)/Observations",
        "/Things(2)/name",
    ):
        assert anyone.get(f"/v1.1{path}").status_code == 404, path
    requests = [{"id": "1", "method": "get", "url": "Datastreams(2)"}]
    assert anyone.post("/v1.1/$batch", json={"requests": requests}).json()["responses"][0]["status"] == 404


# ---- a thing that moved ----------------------------------------------------------------------------------------------


@pytest.fixture
def city(tmp_path: Path) -> Iterator[City]:
    city = open_koper(tmp_path / "koper", "memory:")
    yield city
    city.store.close()


def ids(client: TestClient, path: str) -> list[Any]:
    answer = client.get(f"/v1.1{path}")
    assert answer.status_code == 200, answer.text
    return [one["@iot.id"] for one in answer.json()["value"]]


def test_observations_are_of_the_place_at_their_time(city: City) -> None:
    """The microphone is moved now; a quarter that ends in an hour is of its new place."""
    things = [one.model_dump() for one in KOPER.thing]
    things[3]["location"] = (13.75, 45.55)
    city.registry.take_inventory(Inventory.model_validate({**KOPER.model_dump(), "thing": things}))
    later = int(time.time() * 1000) + HOUR
    city.store.add(Batch.of(city.store.table, [Observation(LAEQ, later, 70.0)]), later)
    before = [f"5-{T + 12 * HOUR + quarter * 15 * MINUTE}" for quarter in (1, 2, 3, 4)]
    after = f"5-{later}"
    with client_of(city) as client:
        old, new = (
            client.get(f"/v1.1/Observations('{one}')/FeatureOfInterest").json()["@iot.id"] for one in (before[0], after)
        )
        assert old != new
        stream = "/Datastreams(5)/Observations"
        assert ids(client, f"{stream}?$filter=FeatureOfInterest/id eq {old}") == before
        assert ids(client, f"{stream}?$filter=FeatureOfInterest/id eq {new}") == [after]
        assert ids(client, f"{stream}?$filter=FeatureOfInterest/id eq {old} and result gt 60.5") == before[3:]
        assert ids(client, f"/FeaturesOfInterest({old})/Observations") == before
        assert ids(client, f"/FeaturesOfInterest({new})/Observations?$filter=result gt 60") == [after]
        counted = client.get(f"/v1.1/FeaturesOfInterest({old})/Observations?$count=true&$top=1").json()
        assert (counted["@iot.count"], len(counted["value"])) == (4, 1)
        assert client.get(f"/v1.1/FeaturesOfInterest({old})/Observations('{after}')").status_code == 404
        assert client.get(f"/v1.1/FeaturesOfInterest({new})/Observations('{after}')").status_code == 200
        box = quote("geography'POLYGON ((13.74 45.54,13.76 45.54,13.76 45.56,13.74 45.56,13.74 45.54))'")
        assert ids(client, f"/Observations?$filter=st_within(FeatureOfInterest/feature,{box})") == [after]
