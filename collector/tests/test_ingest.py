"""What becomes of messages: stored, corrected, held with a reason, receipted, accounted, released."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sqlalchemy import event

from collector.city import City, open_city
from collector.entities.inventory import Inventory
from collector.ingest import Ingest, Outcome
from collector.ledger import Account
from collector.messages import acceptance
from collector.messages.decode import ReadingMessage
from collector.messages.decode import decode as decode_it
from collector.messages.message import Message
from collector.observation import Series
from collector.series import series_table
from collector.series.batch import Batch
from collector.series.query import Query
from collector.store import Added, Keep, StoreError
from firmware import contract

NOW = 1_795_392_000_000
HOUR = 3_600_000
LEVEL = Series("spot-0001", "distance")


def inventory(*things: str, publisher: str = "park-0001") -> Inventory:
    return Inventory.model_validate(
        {
            "city": "koper",
            "publisher": [{"id": publisher, "role": "node", "things": things}],
            "thing": [
                {"id": name, "name": {"sl": name, "it": name, "en": name}, "center": "mobility"}
                for name in (*things, "spot-9999")
            ],
        }
    )


@pytest.fixture
def city(tmp_path: Path) -> Iterator[City]:
    opened = open_city(inventory("spot-0001"), tmp_path, "duckdb:observations.duckdb")
    yield opened
    opened.store.close()


Send = Callable[..., Outcome]


@pytest.fixture
def send(city: City) -> Send:
    ingest = Ingest(city)

    def commit(*payloads: bytes | dict[str, Any], channel: str = "reading", publisher: str = "park-0001") -> Outcome:
        topic = contract.topic("koper", publisher, channel)
        return ingest.commit([Message(topic, encoded(one), NOW) for one in payloads], NOW)

    return commit


def encoded(payload: bytes | dict[str, Any]) -> bytes:
    return payload if isinstance(payload, bytes) else json.dumps(payload).encode()


def reading(at: int = 0, thing: str = "spot-0001", **values: Any) -> dict[str, Any]:
    return {"thing": thing, "at": NOW + at, "values": values or {"distance": 0.4}}


def message(seq: int, *readings: dict[str, Any], outbox: str = "7f3a91c2") -> dict[str, Any]:
    return {"outbox": outbox, "seq": seq, "readings": list(readings) or [reading(seq)]}


@pytest.fixture
def taken_singly(monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    """What is decoded by itself; everything else is taken at once."""
    payloads: list[bytes] = []

    def decode(payload: bytes) -> ReadingMessage:
        payloads.append(payload)
        return decode_it(payload)

    monkeypatch.setattr(acceptance, "decode", decode)
    return payloads


def stored(city: City, series: Series = LEVEL) -> list[tuple[int, object]]:
    return [(one.at - NOW, one.value) for one in city.store.open_rows(Query(series)).fetch(10_000)]


def account(city: City, outbox: str = "7f3a91c2") -> Account:
    return next(one for one in city.ledger.accounts if one.outbox == outbox)


def reasons(city: City) -> list[str]:
    return [one.reason for one in city.quarantine.held()]


def test_a_message_is_stored_receipted_and_accounted(city: City, send: Send) -> None:
    outcome = send(message(1), message(2), message(3))
    assert stored(city) == [(1, 0.4), (2, 0.4), (3, 0.4)]
    assert outcome.receipts == {("park-0001", "7f3a91c2"): ((1, 3),)}
    assert (account(city).stored, account(city).missing) == (((1, 3),), ())
    assert len(outcome.kept) == 3
    assert city.registry.datastream_of(LEVEL) is not None


def test_a_repetition_is_receipted_again_and_stored_once(city: City, send: Send) -> None:
    send(message(1))
    outcome = send(message(1), message(1))
    assert outcome.receipts == {("park-0001", "7f3a91c2"): ((1, 1),)}
    assert not outcome.kept
    assert stored(city) == [(1, 0.4)]


def test_the_ledger_never_suppresses_a_write(city: City, send: Send) -> None:
    send(message(1, reading(1, distance=0.4)))
    send(message(1, reading(1, distance=0.5)))
    assert stored(city) == [(1, 0.5)]


def test_gaps_and_declared_losses_are_told_apart(city: City, send: Send) -> None:
    send(message(1), message(5))
    send({"at": NOW, "online": True, "outbox": "7f3a91c2", "next_seq": 8, "dropped": [[2, 3]]}, channel="state")
    assert account(city).dropped == ((2, 3),)
    assert account(city).missing == ((4, 4), (6, 7))


def test_a_message_that_was_declared_dropped_and_came_is_stored(city: City, send: Send) -> None:
    send({"at": NOW, "online": True, "outbox": "7f3a91c2", "next_seq": 3, "dropped": [[1, 2]]}, channel="state")
    send(message(2))
    assert (account(city).dropped, account(city).stored) == (((1, 1),), ((2, 2),))


def test_a_new_outbox_closes_the_old_one(city: City, send: Send) -> None:
    send(message(1))
    send(message(1, outbox="00000002"))
    assert [account(city).closed, account(city, "00000002").closed] == [True, False]


def test_the_ledger_survives_a_restart(city: City, send: Send, tmp_path: Path) -> None:
    send(message(1), message(3), message(4))
    before = city.ledger.accounts
    city.store.close()
    again = open_city(inventory("spot-0001"), tmp_path, "duckdb:observations.duckdb")
    assert again.ledger.accounts == before
    assert again.registry.datastreams == city.registry.datastreams
    again.store.close()


def test_a_third_party_without_outbox_is_stored_and_not_receipted(city: City, send: Send) -> None:
    outcome = send({"readings": [reading(1)]})
    assert stored(city) == [(1, 0.4)]
    assert outcome.receipts == {}


BAD = [
    (reading(1, colour=1.0), "reading.values.colour: unknown quantity"),
    (reading(1, distance=float("nan")), "reading.values.distance: not finite"),
    (reading(1, distance=True), "reading.values.distance: expected a number"),
    (reading(1, thing="spot-0002"), "unknown thing"),
    (reading(1, thing="spot-9999"), "not_yours"),
    (reading(24 * HOUR + 1), "at: more than 24 h in the future"),
    ("no object", "reading: expected an object"),
]


@pytest.mark.parametrize(("bad", "reason"), BAD)
def test_a_bad_reading_is_held_for_its_reason_and_the_good_ones_are_stored(
    city: City, send: Send, bad: dict[str, Any], reason: str
) -> None:
    outcome = send(message(7, reading(1), bad, reading(2)))
    assert stored(city) == [(1, 0.4), (2, 0.4)]
    assert reasons(city) == [reason]
    assert outcome.receipts == {("park-0001", "7f3a91c2"): ((7, 7),)}
    assert (account(city).quarantined, account(city).stored) == (((7, 7),), ())


@pytest.mark.parametrize(
    ("payload", "reason"),
    [
        (b'{"outbox":"7f3a91c2","seq":1,"readings":[{"thi', "not JSON"),
        (b"\xff\xfe", "not JSON"),
        (b"[1]", "expected an object"),
        (b"[" * 50_000, "not JSON"),
        ({"outbox": "7F", "seq": 1, "readings": [reading()]}, "outbox: expected 1 to 64 of a-z 0-9 -"),
        (
            {"outbox": "7f", "seq": 0, "readings": [reading()]},
            "seq: expected a whole number from 1 to 9007199254740992",
        ),
        ({"readings": []}, "readings: expected at least one"),
    ],
)
def test_a_message_without_readable_sequence_is_held_whole_and_gets_no_receipt(
    city: City, send: Send, payload: bytes | dict[str, Any], reason: str
) -> None:
    outcome = send(payload)
    assert outcome.receipts == {}
    (held,) = city.quarantine.held()
    assert (held.reason, held.content, held.whole) == (reason, encoded(payload), True)


def test_an_unknown_key_beside_the_readings_is_held_and_receipted(city: City, send: Send) -> None:
    outcome = send(message(1) | {"colour": 1})
    assert reasons(city) == ["colour: unknown key"]
    assert outcome.receipts == {("park-0001", "7f3a91c2"): ((1, 1),)}


def test_an_unknown_publisher_is_held_and_has_no_account(city: City, send: Send) -> None:
    send(message(1), publisher="park-6666")
    assert reasons(city) == ["unknown publisher"]
    assert city.ledger.accounts == []


@pytest.mark.parametrize(
    "topic", ["koper/v1/PARK/reading", "koper/v2/park-0001/reading", "izola/v1/park-0001/reading", "koper"]
)
def test_a_wrong_topic_is_held(city: City, topic: str) -> None:
    Ingest(city).commit([Message(topic, encoded(message(1)), NOW)], NOW)
    assert [one.topic for one in city.quarantine.held()] == [topic]
    assert reasons(city)[0].startswith("topic")


def test_a_repeated_poison_is_held_once(city: City, send: Send) -> None:
    for _ in range(3):
        send(message(1, reading(thing="spot-0002")))
    assert reasons(city) == ["unknown thing"]


def test_a_publisher_cannot_fill_the_quarantine_for_others(city: City) -> None:
    city.quarantine._limit = 3
    ingest = Ingest(city)
    for seq in range(1, 6):
        payload = encoded(message(seq, reading(seq, thing="spot-0002")))
        ingest.commit([Message("koper/v1/park-0001/reading", payload, NOW)], NOW)
    ingest.commit([Message("koper/v1/other/reading", encoded(message(1)), NOW)], NOW)
    assert city.quarantine.counts() == {
        "park-0001": {"unknown thing": 3, "forgotten": 2},
        "other": {"unknown publisher": 1},
    }
    assert [one.seq for one in city.quarantine.held("park-0001")] == [3, 4, 5]


def test_what_was_held_is_stored_once_its_cause_is_mended(city: City, send: Send, tmp_path: Path) -> None:
    send(message(1, reading(1, thing="spot-0002"), reading(1, colour=1)), message(2, reading(2, thing="spot-0002")))
    assert len(reasons(city)) == 3
    city.store.close()
    mended = open_city(inventory("spot-0001", "spot-0002"), tmp_path, "duckdb:observations.duckdb")
    released = Ingest(mended).release(NOW + HOUR)
    assert [one.at - NOW for one in released] == [1, 2]
    assert reasons(mended) == ["reading.values.colour: unknown quantity"]
    assert (account(mended).quarantined, account(mended).stored) == (((1, 1),), ((2, 2),))
    assert Ingest(mended).release(NOW + HOUR) == []
    mended.store.close()


def test_a_future_reading_is_released_when_its_time_has_come(city: City, send: Send) -> None:
    send(message(1, reading(30 * HOUR)))
    ingest = Ingest(city)
    assert ingest.release(NOW + HOUR) == []
    assert len(ingest.release(NOW + 31 * HOUR)) == 1
    assert account(city).stored == ((1, 1),)


def test_what_is_implausible_or_skewed_is_stored_and_suspect(city: City, send: Send) -> None:
    outcome = send(message(1, reading(1, distance=-5), reading(HOUR, distance=1), reading(2 * HOUR, distance=900)))
    assert [one.derived for one in outcome.kept] == ["implausible", "skewed", "implausible skewed"]
    assert {one.judged for one in outcome.kept} == {"suspect"}


def test_what_a_store_refuses_is_held(city: City, send: Send, monkeypatch: pytest.MonkeyPatch) -> None:
    add = type(city.store).add

    def refuse_second(self: Any, observations: Batch, now: int) -> Added:
        added = add(self, observations.take(np.array([0, 2])), now)
        return Added(added.kept, [(1, "field type conflict")])

    monkeypatch.setattr(type(city.store), "add", refuse_second)
    outcome = send(message(1), message(2), message(3))
    assert stored(city) == [(1, 0.4), (3, 0.4)]
    assert reasons(city) == ["field type conflict"]
    assert (account(city).stored, account(city).quarantined) == (((1, 1), (3, 3)), ((2, 2),))
    assert outcome.receipts == {("park-0001", "7f3a91c2"): ((1, 3),)}


def test_a_thing_has_so_many_series_and_no_more(city: City, send: Send, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(series_table, "MOST", 5)
    made_up = [message(number, reading(1) | {"period": number}) for number in range(1, 9)]
    outcome = send(*made_up)
    assert len(outcome.kept) == 5
    assert outcome.receipts == {("park-0001", "7f3a91c2"): ((1, 8),)}
    assert set(reasons(city)) == {"too many series of one thing: at most 5"}
    assert len(send(message(9, reading(2) | {"period": 1})).kept) == 1


def test_a_reading_of_another_age_is_held(city: City, send: Send) -> None:
    send(message(1, {"thing": "spot-0001", "at": 1, "values": {"distance": 0.4}}))
    send({"at": 1, "online": True}, channel="state")
    assert reasons(city) == ["at: more than 20 years ago"] * 2


def test_a_series_has_its_datastream_when_the_commit_before_was_cut_short(
    city: City, send: Send, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise StoreError("not now")

    with monkeypatch.context() as patch:
        patch.setattr(type(city.registry), "see", fail)
        with pytest.raises(StoreError):
            send(message(1))
    assert city.registry.datastream_of(LEVEL) is None
    assert not send(message(1)).kept
    assert city.registry.datastream_of(LEVEL) is not None


def test_one_that_is_held_does_not_hold_up_those_beside_it(city: City, send: Send) -> None:
    several = [message(number, reading(number)) for number in range(1, 200)]
    several[77] = message(78, reading(78, distance="far"))
    outcome = send(*several)
    assert len(outcome.kept) == 198
    assert outcome.receipts == {("park-0001", "7f3a91c2"): ((1, 199),)}
    assert account(city).quarantined == ((78, 78),)
    assert stored(city) == [(number, 0.4) for number in range(1, 200) if number != 78]


def test_what_comes_beyond_retention_is_held_and_receipted(city: City, send: Send) -> None:
    send(message(1, reading(-200 * 24 * HOUR)))
    city.store.limit([Keep("distance", days=30)])
    city.store.tend(NOW)
    outcome = send(message(2, reading(-150 * 24 * HOUR, distance=0.7)), message(3))
    assert outcome.receipts == {("park-0001", "7f3a91c2"): ((2, 3),)}
    assert stored(city) == [(3, 0.4)]
    (held,) = city.quarantine.held()
    assert "beyond retention" in held.reason
    assert json.loads(held.content) == reading(-150 * 24 * HOUR, distance=0.7)
    assert Ingest(city).release(NOW) == []
    assert len(city.quarantine.held()) == 1


def test_a_state_becomes_observations_of_the_publisher(city: City, send: Send) -> None:
    send({"at": NOW, "online": True, "boot": 17, "clock": "ntp", "reset": "watchdog", "extra": 1}, channel="state")
    latest = {one.series.quantity: one.value for one in city.store.latest().values()}
    assert latest == {"online": "online", "boot_count": 17, "clock": "ntp", "reset_cause": "watchdog"}
    assert {series.thing for series in city.store.latest()} == {"park-0001"}


def test_a_will_takes_its_time_of_receipt_and_is_counted_once(city: City, send: Send) -> None:
    online = Series("park-0001", "online")
    will = {"at": NOW - HOUR - 5, "online": False}
    send({"at": NOW - HOUR, "online": True}, channel="state")
    send(will, will, channel="state")
    send(will, channel="state")
    assert stored(city, online) == [(-HOUR, "online"), (0, "offline")]


def test_a_farewell_keeps_its_own_time(city: City, send: Send) -> None:
    send({"at": NOW - HOUR, "online": True}, {"at": NOW - 60_000, "online": False}, channel="state")
    assert stored(city, Series("park-0001", "online")) == [(-HOUR, "online"), (-60_000, "offline")]


@pytest.mark.parametrize("state", [b"{", {"online": True}, {"at": NOW, "online": True, "clock": "sundial"}])
def test_a_bad_state_is_held(city: City, send: Send, state: bytes | dict[str, Any]) -> None:
    send(state, channel="state")
    assert len(reasons(city)) == 1


def test_a_result_is_kept_and_receipted(city: City, send: Send) -> None:
    done = {"outbox": "7f3a91c2", "seq": 4, "id": "c-1", "status": "done", "values": {"valve_position": 0}}
    assert send(done, done, channel="result").receipts == {("park-0001", "7f3a91c2"): ((4, 4),)}
    with city.engine.connect() as connection:
        rows = connection.exec_driver_sql("select publisher, command, status from result").all()
    assert rows == [("park-0001", "c-1", "done")]


def test_our_own_state_that_comes_back_is_nothing(city: City, send: Send) -> None:
    send({"at": NOW, "online": True}, channel="state", publisher="collector")
    assert (reasons(city), city.store.latest()) == ([], {})


def test_when_the_ledger_cannot_be_written_the_batch_fails_and_can_be_given_again(city: City, send: Send) -> None:
    def full(*_: object) -> None:
        raise StoreError("disk full")

    event.listen(city.engine, "commit", full)
    with pytest.raises(StoreError):
        send(message(1, reading(1), reading(2, thing="spot-0002")))
    assert city.ledger.accounts == []
    event.remove(city.engine, "commit", full)
    assert send(message(1, reading(1), reading(2, thing="spot-0002"))).receipts
    assert stored(city) == [(1, 0.4)]
    assert reasons(city) == ["unknown thing"]


def test_what_was_accepted_once_is_taken_at_once_from_then_on(
    send: Send, city: City, taken_singly: list[bytes]
) -> None:
    send(message(1))
    send(*map(message, range(2, 50)), message(50, reading(50, thing="spot-9999")), message(51))
    assert taken_singly == [encoded(message(1)), encoded(message(50, reading(50, thing="spot-9999")))]
    assert stored(city) == [(seq, 0.4) for seq in range(1, 52) if seq != 50]


def test_of_many_that_are_new_some_teach_the_rest(send: Send, city: City, taken_singly: list[bytes]) -> None:
    outcome = send(*map(message, range(1, 501)))
    assert len(taken_singly) == acceptance.SOME
    assert len(stored(city)) == 500
    assert outcome.receipts == {("park-0001", "7f3a91c2"): ((1, 500),)}


def test_of_two_contents_of_one_instant_the_later_arrival_counts_however_they_are_taken(
    send: Send, city: City, taken_singly: list[bytes]
) -> None:
    send(message(1))
    odd = message(3, reading(7, distance=0.12345678901234567))  # more digits than are taken at once
    send(message(2, reading(7, distance=0.1)), odd, message(4, reading(7, distance=0.3)))
    assert taken_singly == [encoded(message(1)), encoded(odd)]
    assert stored(city) == [(1, 0.4), (7, 0.3)]
