"""An operator sees within one call which publishers are in trouble, and why."""

from pathlib import Path

import pytest

from collector.access.asker import Asker, Grant
from collector.city import City
from collector.ingest import Ingest
from collector.messages.message import Message
from collector.observation import Observation, Series
from collector.series.batch import Batch
from collector.tests.asking import client_of
from collector.tests.households import T, street


@pytest.fixture
def city(tmp_path: Path) -> City:
    city = street(tmp_path)
    said = [Observation(Series("node-1", "online"), T, "online"), Observation(Series("node-1", "clock"), T, "ntp")]
    city.registry.see(one.series for one in said)
    city.store.add(Batch.of(city.store.table, said), T)
    return city


def shown(city: City, center: str = "*") -> dict[str, list[str]]:
    client = client_of(city, Asker("op", frozenset((Grant(center, "operator"),))))
    found = client.get("/api/publishers").json()["publishers"]
    return {one["id"]: one["troubles"] for one in found}


def test_a_publisher_that_is_well_has_no_trouble_and_the_worst_comes_first(city: City) -> None:
    assert list(shown(city).items()) == [("gw-1", ["never heard of"]), ("node-1", [])]


@pytest.mark.parametrize(
    ("quantity", "value", "trouble"),
    [("online", "offline", "offline"), ("status_code", "fault", "status fault"), ("clock", "none", "clock none")],
)
def test_what_is_wrong_is_named(city: City, quantity: str, value: str, trouble: str) -> None:
    one = Observation(Series("node-1", quantity), T + 1, value)
    city.registry.see((one.series,))
    city.store.add(Batch.of(city.store.table, [one]), T + 1)
    assert shown(city)["node-1"] == [trouble]


def test_what_it_owes_and_what_is_held_of_it_is_counted(city: City) -> None:
    ingest = Ingest(city)
    reading = b'{"outbox":"aaaaaaaa","seq":%d,"readings":[{"thing":"%s","at":%d,"values":{"no2":1},"period":3600000}]}'
    topic = "koper/v1/node-1/reading"
    several = [(1, b"air-1"), (4, b"air-1"), (5, b"hall-1")]
    ingest.commit([Message(topic, reading % (seq, thing, T), T) for seq, thing in several], T)
    assert shown(city)["node-1"] == ["2 messages missing", "1 readings held"]


def test_an_operator_sees_the_publishers_of_its_center(city: City) -> None:
    assert set(shown(city, "energy")) == {"gw-1"}
    assert set(shown(city, "environment")) == {"node-1"}
    assert client_of(city, Asker("ana", frozenset((Grant("*", "analyst"),)))).get("/api/publishers").status_code == 403
