"""Which telegrams become readings, and what is counted of the others."""

import random
import time
from contextlib import suppress

import pytest

from edge.config import RadioMeter
from edge.errors import DeviceError
from edge.keys import Keys
from edge.wmbus import frame, security
from edge.wmbus.frame import SND_NR, Frame
from edge.wmbus.hearing import Hearing
from edge.wmbus.receivers import Received
from edge.wmbus.telegram import Listener

KEY = bytes(range(16))
ADDRESS = frame.address("KAM", "76348799", 0x1B, 0x16)
METER = RadioMeter(thing="wm-76348799", identification="76348799")
PLAIN = bytes.fromhex("7a2a000000") + bytes.fromhex("0413e8030000")


def sent(payload: bytes, address: bytes = ADDRESS) -> Received:
    return Received(frame.encode(Frame(SND_NR, address, payload)), -71)


def hearing(key: bytes | None = KEY, meter: RadioMeter = METER) -> Hearing:
    return Hearing([meter], Keys({"76348799": key} if key else {}), silent_after=600, now=0)


def hidden(key: bytes = KEY) -> bytes:
    block = b"\x2f\x2f" + bytes.fromhex("0413e8030000") + b"\x2f" * 8
    return bytes.fromhex("7a2a001005") + security.hide_mode5(key, ADDRESS, 0x2A, block)


def test_a_telegram_of_our_meter_is_a_reading() -> None:
    found = hearing().take(sent(PLAIN), 1)
    assert found is not None
    assert found.thing == "wm-76348799"
    assert found.values["water_volume"] == (1000, -3)
    assert found.values["status_code"] == "ok"
    assert found.values["signal_strength"] == (-71, 0)


def test_a_repeated_telegram_is_taken_once() -> None:
    ear = hearing()
    assert ear.take(sent(PLAIN), 1)
    assert ear.take(sent(PLAIN), 2) is None
    assert ear.take(sent(PLAIN.replace(b"\x2a", b"\x2b")), 3)
    assert (ear.counts["telegrams"], ear.counts["repeated"], ear.counts["kept"]) == (3, 1, 2)


def test_an_index_that_stands_still_is_read_again_when_its_access_number_returns() -> None:
    ear = hearing()
    assert ear.take(sent(PLAIN), 1)
    assert ear.take(sent(PLAIN), 300) is None
    assert ear.take(sent(PLAIN), 301)


def test_a_repeaters_copy_is_a_repetition() -> None:
    ear = hearing()
    assert ear.take(sent(bytes.fromhex("8c2091") + b"\x78" + PLAIN[5:]), 1)
    assert ear.take(sent(bytes.fromhex("8c3291") + b"\x78" + PLAIN[5:]), 2) is None
    assert ear.counts["repeated"] == 1


def test_repetitions_are_remembered_in_bounded_memory() -> None:
    ear = hearing()
    for number in range(12_000):
        ear.take(sent(PLAIN + number.to_bytes(2, "big"), frame.address("KAM", "00000001", 1, 7)), 1)
    assert len(ear._seen) == 10_000


@pytest.mark.parametrize(("key", "state"), [(None, "no_key"), (bytes(16), "wrong_key")], ids=["no key", "wrong key"])
def test_what_can_not_be_opened_is_counted_with_its_reason(key: bytes | None, state: str) -> None:
    ear = hearing(key)
    assert ear.take(sent(hidden()), 1) is None
    assert ear.counts[state] == 1
    assert ear.reasons == {"wm-76348799": state.replace("_", " ")}
    assert hearing(KEY).take(sent(hidden()), 1)


def test_meters_that_are_not_listed_are_counted_only() -> None:
    ear = hearing()
    assert ear.take(sent(PLAIN, frame.address("KAM", "76348700", 0x1B, 0x16)), 1) is None
    assert ear.counts["unlisted"] == 1
    other_maker = hearing(meter=METER.model_copy(update={"manufacturer": "ELS"}))
    assert other_maker.take(sent(PLAIN), 1) is None
    assert other_maker.counts["unlisted"] == 1


def test_a_broken_telegram_is_counted_and_the_next_one_heard() -> None:
    ear = hearing()
    assert ear.take(Received(b"\x18\x44"), 1) is None
    assert ear.take(sent(bytes.fromhex("7a2a")), 2) is None
    assert ear.counts["broken"] == 2
    assert "truncated" in ear.reasons["wm-76348799"]
    assert ear.take(sent(PLAIN), 3)
    assert ear.reasons == {}


def test_a_telegram_without_quantities_says_so() -> None:
    ear = hearing()
    assert ear.take(sent(bytes.fromhex("7a2a0000000f0102")), 1) is None
    assert ear.counts["without_values"] == 1


def test_liveness_is_telegrams_per_hour() -> None:
    ear = hearing()
    for second in range(0, 7200, 60):
        ear.take(sent(PLAIN + bytes((second // 60,))), second)
    assert ear.telegrams_per_hour(7200) == 60
    assert not ear.is_silent(7700)
    assert ear.is_silent(7741)
    assert ear.telegrams_per_hour(12_000) == 0


def test_no_log_and_no_error_ever_shows_a_key(caplog: pytest.LogCaptureFixture) -> None:
    keys = Keys({"76348799": KEY})
    ear = Hearing([METER], keys, 600, 0)
    ear.take(sent(hidden(bytes(16))), 1)
    shown = f"{keys!r} {keys} {ear.counts} {ear.reasons} {caplog.text}"
    assert KEY.hex() not in shown
    assert repr(KEY) not in shown
    assert repr(keys) == "<1 keys>"


def mutated(count: int, seed: int) -> float:
    """Longest time of one telegram on the processor, s; only DeviceError may come out."""
    chance = random.Random(seed)
    telegrams = [frame.encode(Frame(SND_NR, ADDRESS, payload)) for payload in (PLAIN, hidden())]
    telegrams.append(frame.encode(Frame(SND_NR, ADDRESS, bytes.fromhex("8d2091d37cac01b4a6780413e8030000"))))
    telegrams.append(frame.encode(Frame(SND_NR, ADDRESS, bytes.fromhex("900f002c25") + bytes(12) + hidden())))
    listener, longest = Listener(Keys({"76348799": KEY})), 0.0
    for _ in range(count):
        octets = bytearray(chance.choice(telegrams))
        for _ in range(chance.randrange(1, 5)):
            octets[chance.randrange(len(octets))] = chance.randrange(256)
        if chance.random() < 0.3:
            del octets[chance.randrange(1, len(octets)) :]
        octets[0] = (len(octets) - 1) & 0xFF
        began = time.thread_time()
        with suppress(DeviceError):
            listener.hear(frame.decode(bytes(octets)))
        longest = max(longest, time.thread_time() - began)
    return longest


def test_broken_telegrams_give_our_errors_only() -> None:
    assert mutated(20_000, 42) < 0.05


@pytest.mark.slow
def test_a_hundred_thousand_broken_telegrams_give_our_errors_only() -> None:
    assert mutated(100_000, 43) < 0.05
