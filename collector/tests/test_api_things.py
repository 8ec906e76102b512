"""Things on a map, with their last values."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from collector.access.asker import ANYONE
from collector.city import City
from collector.entities.inventory import Inventory
from collector.observation import Observation
from collector.series.batch import Batch
from collector.tests import koper
from collector.tests.asking import client_of

NOWHERE = Inventory.model_validate(
    {
        "city": "koper",
        "thing": [{"id": "mic-0001", "name": {"sl": "M", "it": "M", "en": "M"}, "center": "living"}],
    }
)


@pytest.fixture
def city(tmp_path: Path) -> Iterator[City]:
    opened = koper.open_koper(tmp_path, "memory:")
    yield opened
    opened.store.close()


def features(city: City, query: str = "") -> dict[str, Any]:
    answer = client_of(city).get(f"/api/things.geojson{query}")
    assert answer.headers["content-type"] == "application/geo+json"
    collection = answer.json()
    check(collection)
    return {one["id"]: one for one in collection["features"]}


def check(collection: dict[str, Any]) -> None:
    """RFC 7946, sections 3.1.1, 3.1.2, 3.2 and 3.3; 4: no other reference system is named."""
    assert collection["type"] == "FeatureCollection"
    assert isinstance(collection["features"], list)
    assert "crs" not in collection
    for feature in collection["features"]:
        assert feature["type"] == "Feature"
        assert isinstance(feature["id"], str | int)
        assert isinstance(feature["properties"], dict)
        geometry = feature["geometry"]
        if geometry is not None:
            assert geometry["type"] == "Point"
            longitude, latitude, *height = geometry["coordinates"]
            assert -180 <= longitude <= 180
            assert -90 <= latitude <= 90
            assert len(height) <= 1


def test_every_thing_is_a_feature_with_names_and_last_values(city: City) -> None:
    found = features(city)
    assert list(found) == [*koper._NAMES, "gateway-0001"]
    air = found["air-0001"]
    assert air["geometry"] == {"type": "Point", "coordinates": [13.73, 45.548]}
    assert air["properties"]["name"]["it"] == "Aria in Piazza Tito"
    last = {one["quantity"]: one for one in air["properties"]["last"]}
    assert (last["temperature"]["value"], last["temperature"]["unit"]) == (10.0, "Cel")
    assert found["shaft-0001"]["geometry"]["coordinates"] == [13.71, 45.547, 12.5]


def test_what_moves_is_where_it_was_seen_last(city: City) -> None:
    assert features(city)["bus-0001"]["geometry"]["coordinates"] == [13.74, 45.548]


def test_what_has_no_place_has_no_geometry(city: City) -> None:
    city.registry.take_inventory(NOWHERE)
    assert features(city)["mic-0001"]["geometry"] is None


def test_a_center_has_its_own(city: City) -> None:
    assert list(features(city, "?center=living")) == ["mic-0001"]
    answer = client_of(city).get("/api/things.geojson?center=moon")
    assert (answer.status_code, "center: expected one of" in answer.text) == (400, True)


@pytest.mark.parametrize("path", ["/api/things", "/api/things.geojson"])
def test_what_is_open_is_tagged_and_what_is_not_is_kept_by_nobody(city: City, path: str) -> None:
    own = client_of(city).get(path)
    assert (own.headers["cache-control"], "etag" in own.headers) == ("private, no-store", False)
    client = client_of(city, ANYONE)
    first = client.get(path)
    assert "shaft-0001" not in first.text
    headers = {"If-None-Match": first.headers["etag"]}
    assert client.get(path, headers=headers).status_code == 304
    new = Observation(koper.TEMPERATURE, koper.T + 30 * koper.DAY, 50.0)
    city.store.add(Batch.of(city.store.table, [new]), koper.KNOWN)
    assert client.get(path, headers=headers).status_code == 200
    before = client.get(path).headers["etag"]
    city.registry.take_inventory(koper.INVENTORY)
    assert client.get(path).headers["etag"] != before
