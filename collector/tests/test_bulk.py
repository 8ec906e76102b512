"""What is taken at once means what it means one by one; what was never accepted before is left for one by one."""

import json
import random
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import pytest

from collector.city import open_city
from collector.compiled import library
from collector.entities.registry import Publisher
from collector.ingest import Ingest
from collector.messages.decode import ReadingMessage, decode
from collector.messages.message import FUTURE, PAST, SKEW, Message
from collector.messages.ordinary import reader
from collector.messages.ordinary.bulk import Bulk, Taken
from collector.messages.ordinary.reader import C_SOURCE
from collector.observation import Observation, Series
from collector.series.batch import Batch
from collector.series.series_table import SeriesTable
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
    compiled = library(C_SOURCE)
    assert compiled, "these tests need the C compiler that setup.sh installs"
    return Bulk(Registry(), SeriesTable(), compiled)  # type: ignore[arg-type]


def run(*payloads: dict[str, Any] | bytes, received: int = NOW) -> list[Message]:
    encoded = [one if isinstance(one, bytes) else json.dumps(one).encode() for one in payloads]
    return [Message(TOPIC, one, received) for one in encoded]


def reading(**more: Any) -> dict[str, Any]:
    return {"thing": "thing-1", "at": NOW, "values": {"distance": 0.5}} | more


def message(*readings: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"outbox": "7f3a91c2", "seq": 1, "readings": list(readings) or [reading()]} | more


def accepted(message: Message) -> ReadingMessage | None:
    """As ``Ingest`` judges it, for the registry above."""
    try:
        decoded = decode(message.payload)
    except ContractError:
        return None
    for each in decoded.readings:
        if each.thing not in THINGS or not message.received - PAST <= each.at <= message.received + FUTURE:
            return None
    return decoded


def rows_of(decoded: ReadingMessage) -> list[tuple[Any, ...]]:
    return [
        (
            *(Series(each.thing, key, each.period), each.at, value),
            *((each.quality or {}).get(key, ""), (each.censored or {}).get(key, ""), each.source),
        )
        for each in decoded.readings
        for key, value in each.values.items()
    ]


def teach(bulk: Bulk, messages: Iterable[Message]) -> None:
    for one in messages:
        if decoded := accepted(one):
            bulk.learn(one.topic, decoded)


def taken_of(bulk: Bulk, messages: Sequence[Message]) -> Taken:
    """All of them, at once."""
    (part,) = bulk.take(messages)
    assert isinstance(part, Taken)
    return part


def as_accepted(bulk: Bulk, messages: list[Message]) -> int:
    """How many were taken at once; each of them means what it means one by one, and all others are left, in order."""
    found, count = [], 0
    for part in bulk.take(messages):
        several = part.messages if isinstance(part, Taken) else part
        found += several
        if not isinstance(part, Taken):
            continue
        expected = [accepted(one) for one in several]
        assert None not in expected
        rows = [row for one in expected if one for row in rows_of(one)]
        assert [(one.series, one.at, *one.content) for one in part.observations] == rows
        numbers = {one.seq for one in expected if one and one.seq}
        assert set().union(*part.numbers.values()) == numbers
        count += len(several)
    assert found == messages
    return count


def recent(chance: random.Random) -> dict[str, Any]:
    message = a_message(chance)
    for each in message["readings"]:
        each["at"] = NOW - each["at"] % 10**9
    return message


def test_ten_thousand_messages_mean_the_same_at_once_and_one_by_one(bulk: Bulk) -> None:
    chance = random.Random(11)
    count = 0
    for _ in range(100):
        several = [recent(chance) for _ in range(100)]
        for one in several:
            if chance.random() < 0.3:
                spoil(chance, one)
        spaces = chance.choice([(",", ":"), (", ", ": "), (" ,\n", "\t: ")])
        messages = [Message(TOPIC, json.dumps(one, separators=spaces).encode(), NOW) for one in several]
        teach(bulk, messages)
        count += as_accepted(bulk, messages)
    assert count > 1_500  # most have a text, a position or a number of 17 digits


def test_ten_thousand_damaged_messages_mean_the_same_or_are_left(bulk: Bulk) -> None:
    chance = random.Random(12)
    count = 0
    for _ in range(100):
        sound = [json.dumps(ordinary_message(chance)).encode() for _ in range(100)]
        teach(bulk, [Message(TOPIC, one, NOW) for one in sound])
        count += as_accepted(bulk, [Message(TOPIC, damaged(chance, one), NOW) for one in sound])
    assert count > 200  # most damage leaves no JSON


def ordinary_message(chance: random.Random) -> dict[str, Any]:
    marks = {"quality": {"distance": "suspect"}, "censored": {"temperature": "<"}, "period": 1000, "source": "a-1"}
    values = {"distance": chance.randrange(999) / 1000, "temperature": -chance.randrange(30), "occupancy": "free"}
    more = {name: mark for name, mark in marks.items() if chance.random() < 0.3}
    several = [reading(at=NOW - chance.randrange(10**6), values=values, **more) for _ in range(chance.choice((1, 3)))]
    return message(*several, seq=chance.randrange(1, 10**6))


def damaged(chance: random.Random, payload: bytes) -> bytes:
    """Octets overwritten, left out, said twice, or put in."""
    octets = bytearray(payload)
    for _ in range(chance.choice((1, 1, 1, 3))):
        place = chance.randrange(len(octets))
        end = place + chance.randint(1, 12)
        match chance.randrange(5):
            case 0:
                octets[place] = chance.randrange(256)
            case 1:
                octets[place] = ord(chance.choice('0123456789.-+eE{}[]",: \0\\'))
            case 2:
                del octets[place:end]
            case 3:
                octets[place:place] = octets[place:end]
            case 4:
                octets[place:place] = chance.choice([b"0", b"-", b".5", b"e9", b"E-3", b" ", b",", b'"', b"{}", b"\0"])
        octets = octets or bytearray(b"{")
    return bytes(octets)


def test_ten_thousand_numbers_are_read_as_python_reads_them(bulk: Bulk) -> None:
    chance = random.Random(13)
    texts = [a_number(chance) for _ in range(10_000)]
    messages = [Message(TOPIC, with_number(text), NOW) for text in texts]
    teach(bulk, [Message(TOPIC, with_number("0.5"), NOW)])
    assert as_accepted(bulk, messages) > 6_000


def a_number(chance: random.Random) -> str:
    digits = "".join(chance.choices("0123456789", k=chance.randint(1, 17)))
    match chance.randrange(6):
        case 0:
            return str(int(digits))
        case 1:
            return repr(chance.uniform(-1, 1) * 10 ** chance.randint(-9, 9))
        case 2:
            return f"{int(digits)}e{chance.randint(-25, 25)}"
        case 3:
            return f"{int(digits[:4])}.{digits}E{chance.choice(['', '+', '-'])}{chance.randint(0, 9)}"
        case 4:
            return f"-{int(digits[:3])}.{digits}"
        case _:
            return chance.choice(
                ["-0", "-0.0", "0.0", "00", "01", "1.", ".5", "+1", "1e", "1e+", "--1", "0x1", "1e400"]
            )


def with_number(text: str) -> bytes:
    return b'{"readings":[{"thing":"thing-1","at":%d,"values":{"temperature":%b}}]}' % (NOW, text.encode())


def test_every_value_is_counted_to_its_message(bulk: Bulk) -> None:
    several = run(message(reading(), reading(at=NOW + 1)), message(reading(at=NOW + 2), seq=2))
    teach(bulk, several)
    taken = taken_of(bulk, several)
    assert taken.begins.tolist() == [0, 2]
    assert taken.numbers == {("park-0001", "7f3a91c2"): {1, 2}}


def test_a_third_party_has_no_numbers(bulk: Bulk) -> None:
    several = run({"readings": [reading()]})
    teach(bulk, several)
    assert taken_of(bulk, several).numbers == {}


@pytest.mark.parametrize(
    "odd",
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
def test_what_could_be_refused_is_left_alone_and_nothing_else(bulk: Bulk, odd: dict[str, Any] | bytes) -> None:
    messages = run(message(), odd, message(seq=3))
    teach(bulk, messages)
    before, left, behind = bulk.take(messages)
    assert isinstance(before, Taken)
    assert left == messages[1:2]
    assert isinstance(behind, Taken)


@pytest.mark.parametrize(
    "strange",
    [
        message(outbox="another"),
        message(reading(thing="thing-2")),
        message(reading(period=1000)),
        message(reading(source="new")),
        message(reading(values={"temperature": 20.5})),
        message(reading(values={"occupancy": "free"})),
    ],
)
def test_what_was_never_accepted_before_is_left_alone_once(bulk: Bulk, strange: dict[str, Any]) -> None:
    teach(bulk, run(message()))
    assert list(bulk.take(run(strange))) == [run(strange)]
    teach(bulk, run(strange))
    assert taken_of(bulk, run(strange)).messages == run(strange)


@pytest.mark.parametrize(
    "unusual",
    [
        b'{"readings":[{"thing":"thing-1","at":%d,"at":%d,"values":{"distance":0.5}}]}' % (NOW, NOW),
        b'{"readings":[{"thing":"thing-1","at":%d,"values":{"distance":0.5,"distance":0.6}}]}' % NOW,
        b'{"readings":[{"thing":"thing-1","at":%d,"values":{"d\\u0069stance":0.5}}]}' % NOW,
        b'{"readings":[{"thing":"thing-1","at":%d,"values":{"distance":0.12345678901234567}}]}' % NOW,
        message(reading(source="čez cesto")),
        message(reading(values={"location": [13.7, 45.5]})),
        message(reading(values={"notice": "Odprto"})),
    ],
)
def test_what_is_unusual_is_always_taken_one_by_one(bulk: Bulk, unusual: dict[str, Any] | bytes) -> None:
    teach(bulk, run(message(), unusual))
    assert accepted(run(unusual)[0])
    assert list(bulk.take(run(unusual))) == [run(unusual)]


def test_nobody_may_speak_for_a_thing_because_another_may() -> None:
    registry, compiled = Registry(), library(C_SOURCE)
    registry.publishers["park-0002"] = Publisher("park-0002", "node", frozenset())
    bulk = Bulk(registry, SeriesTable(), compiled)  # type: ignore[arg-type]
    (own,) = run({"readings": [reading()]})
    teach(bulk, [own])
    foreign = own._replace(topic="koper/v1/park-0002/reading")
    taken, left = bulk.take([own, foreign])
    assert isinstance(taken, Taken)
    assert left == [foreign]


def test_when_there_is_no_room_for_words_all_are_learned_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reader, "MOST_WORDS", 8)
    bulk = Bulk(Registry(), SeriesTable(), library(C_SOURCE))  # type: ignore[arg-type]
    several = run(*(message(reading(thing=thing), seq=seq) for seq, thing in enumerate(THINGS, 1)))
    teach(bulk, several)
    assert as_accepted(bulk, several) == 3
    bulk.sort_out(several)
    assert list(bulk.take(several)) == [several]
    teach(bulk, several[:2])
    assert as_accepted(bulk, several) == 2


def test_without_a_compiler_all_are_taken_one_by_one() -> None:
    bulk = Bulk(Registry(), SeriesTable(), None)  # type: ignore[arg-type]
    teach(bulk, run(message()))
    assert list(bulk.take(run(message()))) == [run(message())]


def test_numbers_written_without_a_point_are_numbers(bulk: Bulk) -> None:
    several = run(message(reading(values={"distance": 2, "error_flags": 513, "occupancy": "free"})))
    teach(bulk, several)
    taken = taken_of(bulk, several)
    assert [one.value for one in taken.observations] == [2.0, 513, "free"]
    assert [type(one.value) for one in taken.observations] == [float, int, str]


def test_what_is_implausible_or_skewed_is_marked(bulk: Bulk) -> None:
    ahead = NOW + SKEW + 1
    several = run(message(reading(values={"distance": -5.0}), reading(at=ahead), reading(at=NOW + 2)))
    teach(bulk, several)
    taken = taken_of(bulk, several)
    assert [one.derived for one in taken.observations] == ["implausible", "skewed", ""]


def test_only_topics_of_registered_publishers_are_ordinary(bulk: Bulk) -> None:
    topics = [TOPIC, "koper/v1/park-0002/reading", "piran/v1/park-0001/reading", "koper/v1/park-0001/state", "x"]
    messages = [Message(topic, b"", NOW) for topic in topics]
    assert bulk.sort_out(messages) == (messages[:1], messages[1:])
    assert bulk.sort_out(messages[:1]) == (messages[:1], ())


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
