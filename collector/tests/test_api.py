"""What the collector says over HTTP beside SensorThings."""

import csv
import io
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from collector.city import City, open_city
from collector.entities.inventory import Inventory
from collector.ledger import Arrivals
from collector.messages.quarantine import Held
from collector.observation import Observation, Series
from collector.series.batch import Batch
from collector.store import NotOfferedError
from collector.tests.asking import client_of

T = 1795392000000
INVENTORY = Inventory.model_validate(
    {
        "city": "koper",
        "thing": [
            {
                "id": "wm-1",
                "name": {"sl": "Vodomer", "it": "Contatore", "en": "Meter"},
                "location": [13.73, 45.55],
                "center": "environment",
                "openness": "restricted",
            }
        ],
    }
)
VOLUME, PLACE = Series("wm-1", "water_volume"), Series("wm-1", "location")


@pytest.fixture
def city(tmp_path: Path) -> City:
    city = open_city(INVENTORY, tmp_path, "memory:")
    first = [Observation(VOLUME, T + i, i / 10, source="s,1") for i in range(3)]
    first.append(Observation(PLACE, T, (13.73, 45.55)))
    city.registry.see(one.series for one in first)
    city.store.add(Batch.of(city.store.table, first), T + 1000)
    again = [Observation(VOLUME, T, 9.5, "estimated")]
    city.store.add(Batch.of(city.store.table, again), T + 2000)
    return city


@pytest.fixture
def client(city: City) -> TestClient:
    return client_of(city)


def rows(client: TestClient, query: str) -> list[dict[str, str]]:
    answer = client.get(f"/api/series.csv?thing=wm-1&{query}")
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"].startswith("text/csv")
    return list(csv.DictReader(io.StringIO(answer.text)))


def test_a_series_is_one_call(client: TestClient) -> None:
    found = rows(client, "quantity=water_volume")
    assert [(row["at"], row["value"], row["quality"], row["unit"]) for row in found] == [
        (str(T), "9.5", "estimated", "m3"),
        (str(T + 1), "0.1", "valid", "m3"),
        (str(T + 2), "0.2", "valid", "m3"),
    ]
    assert found[1]["source"] == "s,1"


def test_every_version_can_be_asked_for_and_what_was_known_then(client: TestClient) -> None:
    assert [row["value"] for row in rows(client, f"quantity=water_volume&versions=all&to={T + 1}")] == ["0.0", "9.5"]
    assert [row["value"] for row in rows(client, f"quantity=water_volume&as_of={T + 1500}&limit=1")] == ["0.0"]


def test_without_a_quantity_all_series_come(client: TestClient) -> None:
    found = rows(client, f"from={T}&to={T + 1}")
    assert {(row["quantity"], row["value"]) for row in found} == {("water_volume", "9.5"), ("location", "13.73 45.55")}


def test_a_quantity_that_was_never_measured_is_empty(client: TestClient) -> None:
    assert rows(client, "quantity=pressure") == []


REFUSED = {
    "/api/series.csv?thing=wm-9": (404, "thing: there is no wm-9"),
    "/api/series.csv?thing=wm-1&quantity=colour": (400, "quantity: colour: unknown quantity"),
    "/api/series.csv?thing=wm-1&from=yesterday": (422, "from"),
    "/api/series.csv?thing=wm-1&speed=1": (422, "speed"),
    "/api/things?center=moon": (400, "center: expected one of administration"),
    "/api/quarantine?limit=100000": (422, "limit"),
}


@pytest.mark.parametrize("path", REFUSED)
def test_a_wrong_question_is_refused_by_name(client: TestClient, path: str) -> None:
    status, message = REFUSED[path]
    answer = client.get(path)
    assert answer.status_code == status
    assert message in answer.text


def test_what_a_store_does_not_offer_is_refused_before_the_first_row(
    city: City, client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    def open_rows(_query: object) -> None:
        raise NotOfferedError("no known time is kept here")

    monkeypatch.setattr(city.store, "open_rows", open_rows)
    answer = client.get(f"/api/series.csv?thing=wm-1&as_of={T}")
    assert answer.status_code == 501
    assert answer.json()["message"] == "no known time is kept here"


def test_things_come_with_their_last_values(client: TestClient) -> None:
    (thing,) = client.get("/api/things?center=environment").json()["things"]
    assert thing["name"]["it"] == "Contatore"
    last = {one["quantity"]: one for one in thing["last"]}
    assert last["water_volume"]["value"] == 0.2
    assert last["water_volume"]["unit"] == "m3"
    assert last["location"]["value"] == [13.73, 45.55]
    assert client.get("/api/things?center=mobility").json()["things"] == []


def test_a_page_of_the_open_web_can_not_ask(client: TestClient) -> None:
    assert client.get("/api/things", headers={"Host": "evil.example"}).status_code == 400


def test_health_says_what_is_wrong(city: City, client: TestClient) -> None:
    assert client.get("/health").status_code == 200
    city.health.ails("store", "disk full")
    answer = client.get("/health")
    assert answer.status_code == 503
    assert answer.json() == {"well": False, "reasons": {"store": "disk full"}}
    assert "senzorika_healthy 0\n" in client.get("/metrics").text


def test_metrics_count(city: City, client: TestClient) -> None:
    city.metrics.add("receipts_total", 3)
    assert "senzorika_receipts_total 3\n" in client.get("/metrics").text


def test_metrics_say_what_became_of_every_publishers_messages(city: City, client: TestClient) -> None:
    with city.engine.begin() as connection:
        city.ledger.take(city.ledger.write(connection, {("gw-1", "7f"): Arrivals({1, 3}, {3})}, T))
        city.quarantine.hold(connection, [Held("gw-1", "koper/v1/gw-1/reading", T, b"{}", False, "unknown thing")])
    shown = client.get("/metrics").text
    for state, count in {"stored": 1, "quarantined": 1, "dropped": 0, "missing": 1}.items():
        assert f'senzorika_outbox_messages{{publisher="gw-1",outbox="7f",state="{state}"}} {count}\n' in shown
    assert 'senzorika_quarantine_readings{publisher="_unregistered",reason="unknown thing"} 1\n' in shown
    assert "senzorika_messages_missing 1\n" in shown


def test_a_gauge_that_knows_nothing_yet_is_left_out(city: City, client: TestClient) -> None:
    city.metrics.watch("inbox_bytes", lambda: 17)
    city.metrics.watch("last_commit_age_seconds", lambda: None)
    shown = client.get("/metrics").text
    assert "senzorika_inbox_bytes 17\n" in shown
    assert "last_commit" not in shown


def test_the_page_and_what_it_needs_are_served_here(client: TestClient) -> None:
    page = client.get("/")
    assert page.status_code == 200
    assert "//" not in page.text.replace("<!--", "").split("<body")[0].replace("http://www.w3.org", "")
