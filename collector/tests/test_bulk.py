"""Readings taken at once mean what they mean one by one; what is doubted is left to be taken one by one."""

import json
import random
from pathlib import Path
from typing import Any

import pytest

from collector.batch import Batch
from collector.bulk import Bulk
from collector.city import open_city
from collector.decode import decode
from collector.ingest import Ingest
from collector.message import FUTURE, PAST, SKEW, Message
from collector.observation import Observation, Series
from collector.registry import Publisher
from collector.series_table import SeriesTable
from collector.tests.test_decode import a_message, spoil
from collector.tests.test_ingest import NOW, inventory
from firmware.contract import ContractError

TOPIC = "koper/v1/park-0001/reading"
THINGS = [f"thing-{number}" for number in range(50)]


class Registry:
    """What ``Bulk`` asks of the real one."""

    city = "koper"

    def __init__(self) -> None:
        self.publishers = {"park-0001": Publisher("park-0001", "node", frozenset(THINGS))}


@pytest.fixture
def bulk() -> Bulk:
    return Bulk(Registry(), SeriesTable())  # type: ignore[arg-type]


def run(*payloads: dict[str, Any] | bytes, received: int = NOW) -> list[Message]:
    encoded = [one if isinstance(one, bytes) else json.dumps(one).encode() for one in payloads]
    return [Message(TOPIC, one, received) for one in encoded]


def reading(**more: Any) -> dict[str, Any]:
    return {"thing": "thing-1", "at": NOW, "values": {"distance": 0.5}} | more


def message(*readings: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"outbox": "7f3a91c2", "seq": 1, "readings": list(readings) or [reading()]} | more


def one_by_one(messages: list[Message]) -> list[tuple[Any, ...]] | None:
    """What ``firmware.contract`` makes of them; None when it refuses one or a value needs a look."""
    found = []
    for one in messages:
        try:
            decoded = decode(one.payload)
        except ContractError:
            return None
        for each in decoded.readings:
            if each.thing not in THINGS or not one.received - PAST <= each.at <= one.received + FUTURE:
                return None
            for key, value in each.values.items():
                marks = ((each.quality or {}).get(key, ""), (each.censored or {}).get(key, ""), each.source)
                found.append((Series(each.thing, key, each.period), each.at, value, *marks))
    return found


def test_ten_thousand_messages_mean_the_same_at_once_and_one_by_one(bulk: Bulk) -> None:
    chance = random.Random(11)
    taken_runs = 0
    for _ in range(2_500):
        several = [a_message(chance) for _ in range(4)]
        for each in (each for one in several for each in one["readings"]):
            each["at"] = NOW - each["at"] % 10**9
        if chance.random() < 0.4:
            spoil(chance, chance.choice(several))
        messages = [Message(TOPIC, json.dumps(one).encode(), NOW) for one in several]
        taken, expected = bulk.take(messages), one_by_one(messages)
        if taken is None:
            continue
        assert expected is not None
        assert [(one.series, one.at, *one.content) for one in taken.observations] == expected
        taken_runs += 1
    assert taken_runs > 1_000


def test_every_value_is_counted_to_its_message(bulk: Bulk) -> None:
    taken = bulk.take(run(message(reading(), reading(at=NOW + 1)), message(reading(at=NOW + 2), seq=2)))
    assert taken is not None
    assert taken.begins.tolist() == [0, 2]
    assert taken.numbers == {("park-0001", "7f3a91c2"): {1, 2}}


def test_a_third_party_has_no_numbers(bulk: Bulk) -> None:
    taken = bulk.take(run({"readings": [reading()]}))
    assert taken is not None
    assert taken.numbers == {}


@pytest.mark.parametrize(
    "doubted",
    [
        b"{",
        b'{"readings":[{"thing":"thing-1","at":1,"values":{"distance":0.5}}]}\n{}',
        b"\xff",
        message(outbox=""),
        message(seq=0),
        message(outbox="UPPER"),
        {"outbox": "7f3a91c2", "readings": [reading()]},
        {"seq": 1, "readings": [reading()]},
        message(reading(thing="thing-99")),
        message(reading(thing="THING-1")),
        message(reading(at=NOW + FUTURE + 1)),
        message(reading(at=NOW - PAST - 1)),
        message(reading(values={"distance": "far"})),
        message(reading(values={"distance": True})),
        message(reading(values={"distance": None})),
        message(reading(values={"distance": 10**15})),
        message(reading(values={"distance": 1e39})),
        message(reading(values={"occupancy": 1.0})),
        message(reading(values={"occupancy": "maybe"})),
        message(reading(values={"error_flags": 1.5})),
        message(reading(values={"error_flags": -1})),
        message(reading(values={"no_such": 1.0})),
        message(reading(values={"distance.s1.t1": 1.0})),
        message(reading(quality={"occupancy": "suspect"})),
        message(reading(censored={"distance": "="})),
        message(reading(quality=None)),
        message(reading(source="x" * 257)),
    ],
)
def test_what_could_be_refused_is_doubted_with_all_its_run(bulk: Bulk, doubted: dict[str, Any] | bytes) -> None:
    assert bulk.take(run(message())) is not None
    assert bulk.take(run(message(), doubted, message(seq=3))) is None


def test_numbers_written_without_a_point_are_numbers(bulk: Bulk) -> None:
    taken = bulk.take(run(message(reading(values={"distance": 2, "error_flags": 513, "occupancy": "free"}))))
    assert taken is not None
    assert [one.value for one in taken.observations] == [2.0, 513, "free"]
    assert [type(one.value) for one in taken.observations] == [float, int, str]


def test_what_is_implausible_or_skewed_is_marked(bulk: Bulk) -> None:
    ahead = NOW + SKEW + 1
    taken = bulk.take(run(message(reading(values={"distance": -5.0}), reading(at=ahead), reading(at=NOW + 2))))
    assert taken is not None
    assert [one.derived for one in taken.observations] == ["implausible", "skewed", ""]


def test_only_topics_of_registered_publishers_are_ordinary(bulk: Bulk) -> None:
    ordinary = [TOPIC, "koper/v1/park-0002/reading", "piran/v1/park-0001/reading", "koper/v1/park-0001/state", "x"]
    assert [bulk.is_ordinary(one) for one in ordinary] == [True, False, False, False, False]


def test_a_batch_reads_as_the_observations_it_was_made_of() -> None:
    several = [
        Observation(Series("spot-1", "distance"), 1, 0.5, "suspect", "<", "a", "skewed", 7),
        Observation(Series("spot-1", "occupancy"), 2, "free"),
        Observation(Series("bus-1", "location"), 3, (13.7, 45.5, 2.0)),
        Observation(Series("em-1", "error_flags"), 4, 513),
        Observation(Series("bus-1", "notice"), 5, ""),
    ]
    table = SeriesTable()
    batch = Batch.of(table, several)
    assert list(batch) == several
    assert list(batch[1:3]) == several[1:3]
    assert list(Batch.joined(table, [batch[3:], batch[:1]])) == [several[3], several[4], several[0]]
    assert list(Batch.joined(table, [])) == []


def test_a_changed_registry_is_seen(tmp_path: Path) -> None:
    city = open_city(inventory("spot-0001"), tmp_path, "memory:")
    ingest = Ingest(city)
    known = [Message(TOPIC, json.dumps(message(reading(thing="spot-0001"))).encode(), NOW)]
    ingest.commit(known, NOW)
    city.registry.publishers = {"park-0001": Publisher("park-0001", "node", frozenset())}
    later = [Message(TOPIC, json.dumps(message(reading(thing="spot-0001", at=NOW + 1), seq=2)).encode(), NOW)]
    assert not ingest.commit(later, NOW).kept
    assert [one.reason for one in city.quarantine.held()] == ["not_yours"]
