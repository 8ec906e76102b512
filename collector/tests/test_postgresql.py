"""The tables beside the observations on a real PostgreSQL: the same statements, and several collectors at once."""

import itertools
import json
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psycopg
import pytest
from sqlalchemy.exc import DBAPIError

from collector.__main__ import _open
from collector.access.rights import Policy
from collector.city import City, open_city
from collector.config import BrokerConfig, CollectorConfig, MetadataConfig, StoreConfig
from collector.entities.inventory import Inventory
from collector.ingest import Ingest
from collector.messages.message import Message
from collector.observation import Series
from collector.running.broker import StartError
from collector.running.control import RefusedError
from collector.running.registration import Registration, inventory_file
from collector.running.verbs import verbs

from . import postgresql

NOW = 1_795_392_000_000
KEY = "gw-0001", "7f3a91c2"
_databases = itertools.count(1)


@pytest.fixture(scope="module")
def server() -> Iterator[Path]:
    place = postgresql.programs()
    if place is None:
        pytest.skip("there is no PostgreSQL here (apt install postgresql)")
    with postgresql.running(place) as folder:
        yield folder


@pytest.fixture
def url(server: Path) -> str:
    """A database nobody has used."""
    name = f"test{next(_databases)}"
    with psycopg.connect(f"postgresql://senzorika@/postgres?host={server}", autocommit=True) as connection:
        connection.execute(f"create database {name}")
    return f"postgresql://senzorika@/{name}?host={server}"


def inventory(*things: str) -> Inventory:
    names = dict.fromkeys(("sl", "it", "en"), "ž")
    return Inventory.model_validate(
        {
            "city": "koper",
            "publisher": [{"id": KEY[0], "role": "gateway", "things": things}],
            "thing": [{"id": thing, "name": names, "center": "energy"} for thing in things],
        }
    )


Open = Callable[..., City]


@pytest.fixture
def opened(url: str, tmp_path: Path) -> Open:
    def open_one(name: str = "collector", *things: str) -> City:
        return open_city(inventory(*(things or ("meter-1",))), tmp_path / name, "memory:", url, name)

    return open_one


def message(seq: int, thing: str = "meter-1", quantity: str = "energy", channel: str = "reading") -> Message:
    content: dict[str, object] = {"outbox": KEY[1], "seq": seq}
    if channel == "reading":
        content["readings"] = [{"thing": thing, "at": NOW + seq, "values": {quantity: seq / 8}}]
    else:
        content |= {"id": "c-1", "status": "done"}
    return Message(f"koper/v1/{KEY[0]}/{channel}", json.dumps(content).encode(), NOW)


def test_everything_that_is_written_beside_the_observations_is_written(opened: Open) -> None:
    city = opened()
    messages = [message(1), message(2, "meter-2"), message(3, quantity="colour"), message(4, channel="result")]
    for _ in range(2):  # the second time is a repetition
        Ingest(city).commit(messages, NOW)
    (account,) = city.ledger.read()
    assert (account.stored, account.quarantined) == (((1, 1), (4, 4)), ((2, 3),))
    reasons = {"unknown thing": 1, "reading.values.colour: unknown quantity": 1}
    assert city.quarantine.counts() == {KEY[0]: reasons}
    with city.engine.connect() as connection:
        assert connection.exec_driver_sql("select command, payload from result").all() == [("c-1", messages[3].payload)]
    assert city.registry.datastream_of(Series("meter-1", "energy"))


def test_it_is_all_there_after_a_restart_and_what_is_mended_is_released(opened: Open) -> None:
    city = opened()
    Ingest(city).commit([message(1), message(2, "meter-2")], NOW)
    again = opened("collector", "meter-1", "meter-2")
    assert [one.value for one in Ingest(again).release(NOW)] == [0.25]
    assert again.quarantine.held() == []
    assert again.ledger.read()[0].stored == ((1, 2),)
    numbers = {one.id: one.number for one in city.registry.things}
    assert numbers.items() <= {one.id: one.number for one in again.registry.things}.items()
    assert again.registry.datastreams[0] == city.registry.datastreams[0]


def test_the_oldest_makes_room_in_a_full_quarantine(opened: Open) -> None:
    city = opened()
    city.quarantine._limit = 3
    for seq in range(1, 6):
        Ingest(city).commit([message(seq, "meter-2")], NOW)
    assert city.quarantine.counts() == {KEY[0]: {"unknown thing": 3, "forgotten": 2}}


def test_several_start_at_once_and_commit_at_once(opened: Open) -> None:
    names = ["collector", "collector-2", "collector-3"]
    with ThreadPoolExecutor(3) as threads:
        cities = list(threads.map(opened, names))

        def commit(number: int) -> None:
            ingest = Ingest(cities[number])
            for seq in range(1 + number, 91, 3):
                ingest.commit([message(seq), message(1_000 + seq, "meter-2")], NOW)

        list(threads.map(commit, range(3)))
    for city in cities:
        (account,) = city.ledger.read()
        assert account.stored == ((1, 90),)
        assert account.quarantined == ((1_001, 1_090),)
        city.registry.refresh()
        assert [one.series for one in city.registry.datastreams] == [Series("meter-1", "energy")]
    assert cities[0].quarantine.counts() == {KEY[0]: {"unknown thing": 90}}


def test_a_database_that_was_restarted_costs_one_try(opened: Open, url: str) -> None:
    city = opened()
    ingest = Ingest(city)
    ingest.commit([message(1)], NOW)
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("select pg_terminate_backend(pid) from pg_stat_activity where pid != pg_backend_pid()")
    for attempt in range(2):
        try:
            ingest.commit([message(2)], NOW)
        except DBAPIError:
            assert attempt == 0
    assert city.ledger.read()[0].stored == ((1, 2),)


def config(folder: Path, url: str) -> CollectorConfig:
    metadata, store = MetadataConfig(url=url), StoreConfig(url="memory:")
    return CollectorConfig(city="koper", data=folder, metadata=metadata, store=store, broker=BrokerConfig())


def test_a_database_that_does_not_answer_is_named_in_one_line(tmp_path: Path) -> None:
    with pytest.raises(StartError, match=r"metadata\.url: .*No such file") as refused:
        _open(config(tmp_path, f"postgresql://senzorika@/none?host={tmp_path}"), inventory("meter-1"), Policy.shipped())
    assert "\n" not in str(refused.value)


async def test_a_backup_is_left_to_postgresql(opened: Open, tmp_path: Path, url: str) -> None:
    city = opened()
    file = tmp_path / "inventory.toml"
    registration = Registration(city, inventory_file(file, "koper"), Ingest(city), _NoThread())
    with pytest.raises(RefusedError, match=r"metadata\.url: PostgreSQL is copied by its own pg_dump"):
        await verbs(city, registration, config(tmp_path, url), file)["backup"]({"target": str(tmp_path / "copy")})


class _NoThread:
    async def write(self, job: Callable[[], object]) -> object:
        return job()
