"""What is registered while the collector runs is taken at once; what cannot be used is refused and named."""

import json
import os
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

import pytest

from collector.city import City, open_city
from collector.entities.inventory import ConfigError, Inventory
from collector.ingest import Ingest
from collector.messages.message import Message
from collector.observation import Observation
from collector.running.registration import Registration, Released, inventory_file
from collector.running.watched import Watched
from collector.store import StoreError

NOW = 1_795_392_000_000
T = TypeVar("T")


def text(*things: str, center: str = "mobility", city: str = "koper") -> str:
    entry = '\n[[thing]]\nid = "{0}"\nname = {{ sl = "{0}", it = "{0}", en = "{0}" }}\ncenter = "{1}"\n'
    listed = "".join(entry.format(thing, center) for thing in things)
    publisher = f'\n[[publisher]]\nid = "park-0001"\nrole = "node"\nthings = {json.dumps(list(things))}\n'
    return f'city = "{city}"\n{listed}{publisher if things else ""}'


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "inventory.toml"
    path.write_text(text("spot-0001"))
    return path


@pytest.fixture
def file(path: Path) -> Watched[Inventory]:
    return inventory_file(path, "koper")


@pytest.fixture
def city(file: Watched[Inventory], tmp_path: Path) -> Iterator[City]:
    opened = open_city(file.read(), tmp_path / "data", "memory:")
    yield opened
    opened.store.close()


class SameThread:
    """Writes at once."""

    async def write(self, job: Callable[[], T]) -> T:
        return job()


@pytest.fixture
def registration(city: City, file: Watched[Inventory]) -> Registration:
    return Registration(city, file, Ingest(city), SameThread())


def stands(path: Path, text: str) -> None:
    path.write_text(text)


def arrive(city: City, seq: int, thing: str, publisher: str = "park-0001") -> None:
    reading = {"thing": thing, "at": NOW + seq, "values": {"distance": 0.4}}
    payload = json.dumps({"outbox": "7f3a91c2", "seq": seq, "readings": [reading]}).encode()
    Ingest(city).commit([Message(f"koper/v1/{publisher}/reading", payload, NOW)], NOW)


def things(file: Watched[Inventory]) -> list[str]:
    inventory = file.look()
    return [one.id for one in inventory.thing] if inventory else []


def test_what_has_not_changed_is_not_read_again(file: Watched[Inventory]) -> None:
    file.read()
    assert file.look() is None


def test_a_change_is_read_once_two_looks_find_the_same(file: Watched[Inventory], path: Path) -> None:
    file.read()
    path.write_text(text("spot-0001", "spot-0002"))
    assert things(file) == []
    path.write_text(text("spot-0001", "spot-0002", "spot-0003"))  # who writes it had not finished
    assert things(file) == []
    assert things(file) == ["spot-0001", "spot-0002", "spot-0003"]
    assert things(file) == []


def test_the_same_text_in_another_file_is_read(file: Watched[Inventory], path: Path) -> None:
    file.read()
    other = path.with_suffix(".new")
    other.write_text(path.read_text())
    other.replace(path)
    assert things(file) == []
    assert things(file) == ["spot-0001"]


@pytest.mark.parametrize(
    ("wrong", "expected"),
    [
        (text("spot-0001", center="parking"), "inventory.toml: thing.0.center: "),
        (text("spot-0001")[:-30], "inventory.toml: "),
        (text("spot-0001", city="izola"), "inventory.toml: city: izola is not the koper of the configuration"),
        ("", "inventory.toml: city: Field required"),
        (None, "inventory.toml: No such file"),
    ],
)
def test_what_cannot_be_used_is_refused_once_with_its_key(
    file: Watched[Inventory], path: Path, wrong: str | None, expected: str
) -> None:
    file.read()
    if wrong is None:
        path.unlink()
    else:
        path.write_text(wrong)
    assert file.look() is None
    with pytest.raises(ConfigError, match=expected):
        file.look()
    assert file.look() is None
    path.write_text(text("spot-0001", "spot-0002"))
    assert things(file) == []
    assert things(file) == ["spot-0001", "spot-0002"]


async def test_a_new_thing_frees_what_was_held_for_it_and_everybody_sees_it(
    city: City, registration: Registration, path: Path
) -> None:
    arrive(city, 1, "spot-0002")
    arrive(city, 2, "spot-0009")
    numbers = {one.id: one.number for one in city.registry.things}
    with city.feed.subscribe() as stored:
        stands(path, text("spot-0001", "spot-0002"))
        await registration.look()
        assert len(city.quarantine.held()) == 2
        await registration.look()
        assert [one.series.thing for one in await anext(aiter(stored))] == ["spot-0002"]
    assert [one.reason for one in city.quarantine.held()] == ["unknown thing"]
    assert city.ledger.accounts[0].stored == ((1, 1),)
    assert numbers.items() <= {one.id: one.number for one in city.registry.things}.items()


async def test_a_new_publisher_may_speak_and_one_that_is_gone_may_not(
    city: City, registration: Registration, path: Path
) -> None:
    stands(path, text("spot-0001").replace('id = "park-0001"', 'id = "park-0002"'))
    await registration.look()
    await registration.look()
    arrive(city, 1, "spot-0001")
    arrive(city, 1, "spot-0001", "park-0002")
    assert [(one.publisher, one.reason) for one in city.quarantine.held()] == [("park-0001", "unknown publisher")]
    gone = city.registry.thing("park-0001")
    assert gone
    assert not gone.listed


async def test_a_bad_inventory_ails_the_collector_until_it_is_mended(
    city: City, registration: Registration, path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    stands(path, text("spot-0002", center="parking"))
    for _ in range(4):
        await registration.look()
    assert "thing.0.center" in city.health.reasons["inventory"]
    assert caplog.text.count("inventory refused") == 1
    assert city.registry.thing("spot-0001")
    stands(path, text("spot-0001"))
    await registration.look()
    await registration.look()
    assert city.health.reasons == {}


class FailingOnce:
    """A store that is down for the first release."""

    def __init__(self, city: City) -> None:
        self._ingest = Ingest(city)
        self._has_failed = False

    def release(self, now: int, publisher: str | None = None) -> list[Observation]:
        if not self._has_failed:
            self._has_failed = True
            raise StoreError("disk full")
        return self._ingest.release(now, publisher)


async def test_what_a_store_cannot_take_now_is_released_later(city: City, file: Watched[Inventory], path: Path) -> None:
    registration = Registration(city, file, FailingOnce(city), SameThread())
    arrive(city, 1, "spot-0002")
    stands(path, text("spot-0001", "spot-0002"))
    await registration.look()
    await registration.look()
    assert len(city.quarantine.held()) == 1
    await registration.look()
    assert city.quarantine.held() == []


async def test_who_asks_need_not_wait_for_the_next_look(city: City, registration: Registration, path: Path) -> None:
    arrive(city, 1, "spot-0002")
    arrive(city, 2, "spot-0009")
    arrive(city, 1, "spot-0001", "park-6666")
    stands(path, text("spot-0001", "spot-0002"))
    assert await registration.release("park-0001") == Released(stored=1, held=1)
    assert await registration.release() == Released(stored=0, held=2)
    assert await registration.release("park-7777") == Released(stored=0, held=0)


async def test_who_asks_with_a_bad_inventory_is_told(registration: Registration, city: City, path: Path) -> None:
    stands(path, "city = ")
    with pytest.raises(ConfigError):
        await registration.release()
    assert "inventory" in city.health.reasons


async def test_what_is_released_is_written_where_everything_is_written(
    city: City, file: Watched[Inventory], path: Path
) -> None:
    written = []

    class Noting:
        async def write(self, job: Callable[[], T]) -> T:
            written.append(threading.get_ident())
            return job()

    arrive(city, 1, "spot-0002")
    os.utime(path)
    await Registration(city, file, Ingest(city), Noting()).release()
    assert len(written) == 3  # what is protected, the inventory, and the one publisher that has something held
