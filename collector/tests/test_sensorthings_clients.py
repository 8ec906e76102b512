"""Do clients that others wrote find what they ask for? frost-sta-client and stapy against a server on the loopback."""

import threading
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import frost_sta_client as frost
import pytest
import uvicorn
from fastapi import Request

from collector.access.asker import Asker
from collector.api.app import Rules, create_app
from collector.tests.asking import SUPERVISOR
from collector.tests.conftest import free_port
from collector.tests.koper import HOUR, T, open_koper

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # it would rather have another package beside it
    stapy = pytest.importorskip("stapy", reason="setup.sh installs stapy beside what it pins")


@contextmanager
def serving(folder: Path) -> Iterator[str]:
    city = open_koper(folder, "duckdb:observations.duckdb")
    port = free_port()

    async def identify(_request: Request) -> Asker:
        return SUPERVISOR

    config = uvicorn.Config(create_app(city, Rules(identify)), host="127.0.0.1", port=port, log_level="error")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run)
    thread.start()
    deadline = time.monotonic() + 20
    while not server.started:
        assert time.monotonic() < deadline
        time.sleep(0.02)
    yield f"http://127.0.0.1:{port}/v1.1"
    server.should_exit = True
    thread.join(20)
    city.store.close()


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with serving(tmp_path_factory.mktemp("koper")) as root:
        yield root


@pytest.fixture
def own_root(tmp_path: Path) -> Iterator[str]:
    """Of a city that a test may change."""
    with serving(tmp_path / "koper") as root:
        yield root


@pytest.fixture
def service(root: str) -> frost.SensorThingsService:
    return frost.SensorThingsService(root)


def stapy_of(root: str) -> Any:
    stapy.config.set(STA_URL=f"{root}/")  # and no file is written
    return stapy


@pytest.fixture
def sta(root: str) -> Any:
    return stapy_of(root)


# ---- frost-sta-client ------------------------------------------------------------------------------------------------


def test_frost_filters_and_orders_things(service: frost.SensorThingsService) -> None:
    found = service.things().query().filter("properties/center eq 'environment'").orderby("name", "desc").list()
    assert [one.name for one in found] == ["Shaft Žusterna", "Air at Titov trg"]


def test_frost_finds_by_a_function_and_a_path(service: frost.SensorThingsService) -> None:
    found = service.things().query().filter("startswith(Datastreams/ObservedProperty/name,'water')").list()
    assert [one.name for one in found] == ["Shaft Žusterna"]


def test_frost_follows_links_through_all_pages_of_its_top(service: frost.SensorThingsService) -> None:
    stream = service.datastreams().find(2)
    found = stream.get_observations().query().orderby("phenomenonTime", "desc").top(4).list()
    assert [one.result for one in found] == [0.75 * day - 5 for day in range(20, -1, -1)]


def test_frost_filters_by_time_with_an_offset(service: frost.SensorThingsService) -> None:
    stream = service.datastreams().find(4)
    found = stream.get_observations().query().filter("phenomenonTime ge 2026-11-16T01:00:00+01:00").list()
    assert [one.result for one in found] == [140.0, 160.0]


def test_frost_expands_with_options_and_follows_the_inner_link(
    service: frost.SensorThingsService,
) -> None:
    expand = "Datastreams($filter=id eq 4;$expand=Observations($top=1;$orderby=phenomenonTime desc),ObservedProperty)"
    (thing,) = service.things().query().filter("id eq 3").expand(expand).list()
    (stream,) = thing.datastreams
    assert stream.observed_property.name == "water_volume"
    assert [one.result for one in stream.observations] == [160.0, 140.0, 120.0, 100.0]


def test_frost_counts(service: frost.SensorThingsService) -> None:
    assert service.observations().query().count().top(5).list().count == 148


def test_frost_creates_changes_and_deletes(own_root: str) -> None:
    service = frost.SensorThingsService(own_root)
    sensor = frost.Sensor(name="DS18B20", description="of water", encoding_type="text/plain", metadata="a sheet")
    service.create(sensor)
    assert service.sensors().find(sensor.id).name == "DS18B20"
    sensor.name = "DS18B20 in the shaft"
    service.update(sensor)
    named = "substringof('in the shaft',name)"
    assert [one.id for one in service.sensors().query().filter(named).list()] == [sensor.id]
    service.delete(sensor)
    assert list(service.sensors().query().filter(named).list()) == []


def test_frost_creates_observations(own_root: str) -> None:
    service = frost.SensorThingsService(own_root)
    stream = service.datastreams().find(4)
    entered = frost.Observation(phenomenon_time="2026-11-02T06:00:00+00:00", result=104.5, datastream=stream)
    service.create(entered)
    assert entered.id == f"4-{T + 6 * HOUR}"
    assert service.observations().find(entered.id).result == 104.5
    found = stream.get_observations().query().filter("result eq 104.5").list()
    assert [one.id for one in found] == [entered.id]


# ---- stapy -----------------------------------------------------------------------------------------------------------


def test_stapy_selects_and_filters(sta: Any) -> None:
    query = sta.Query(sta.Entity.Thing).select("name", "@iot.id").filter("properties/center eq 'environment'")
    names, ids = query.order("name").get_data_sets()
    assert (names, ids) == (["Air at Titov trg", "Shaft Žusterna"], [2, 3])


def test_stapy_follows_links(sta: Any) -> None:
    query = sta.Query(sta.Entity.Datastream).entity_id(2).sub_entity(sta.Entity.Observation)
    results, times = query.select("result", "phenomenonTime").limit(4).get_data_sets()
    assert results == [0.75 * day - 5 for day in range(21)]
    assert times[0] == "2026-11-02T12:00:00.250Z"


def test_stapy_skips_and_orders(sta: Any) -> None:
    query = sta.Query(sta.Entity.Observation).filter("Datastream/id eq 4").order("result", asc=False).offset(1).limit(2)
    assert query.select("result").get_data_sets(2) == [140.0, 120.0]


def test_stapy_expands(sta: Any) -> None:
    query = sta.Query(sta.Entity.Datastream).expand("Thing($select=name)").filter("id le 3")
    names = query.select("Thing.name").get_data_sets()
    assert names == ["Spot Semedela", "Air at Titov trg", "Air at Titov trg"]


def test_stapy_creates_and_deletes(own_root: str) -> None:
    sta = stapy_of(own_root)
    made = sta.Post.sensor("BME280", "of air", "text/plain", "a sheet")
    query = sta.Query(sta.Entity.Sensor).select("name", "@iot.id").filter(f"id ge {made - 1}").order("id")
    assert query.get_data_sets() == (["Sensor of gateway-0001", "BME280"], [made - 1, made])
    sta.Delete.entity(sta.Entity.Sensor, made)
    assert query.get_data_sets() == ("Sensor of gateway-0001", made - 1)  # one alone comes without a list


def test_stapy_enters_observations(own_root: str) -> None:
    sta = stapy_of(own_root)
    sta.Post.observations([105.5, 106.5], ["2026-11-02T07:00:00Z", "2026-11-02T08:00:00Z"], 4)
    query = sta.Query(sta.Entity.Observation).select("@iot.id", "result").filter("Datastream/id eq 4")
    ids, results = query.limit(3).get_data_sets(3)
    assert ids == [f"4-{T}", f"4-{T + 7 * HOUR}", f"4-{T + 8 * HOUR}"]
    assert results == [100.0, 105.5, 106.5]


def test_stapy_enters_one_observation_and_can_not_read_an_id_that_is_text(own_root: str) -> None:
    sta = stapy_of(own_root)
    with pytest.raises(ValueError, match="invalid literal for int"):
        sta.Post.observation("2026-11-02T07:00:00Z", 105.5, datastream_id=4)
    assert (
        sta.Query(sta.Entity.Observation).select("result").filter(f"id eq '4-{T + 7 * HOUR}'").get_data_sets() == 105.5
    )
