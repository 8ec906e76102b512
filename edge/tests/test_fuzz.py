"""Broken telegrams of every kind: refused as a device's fault or read, never another exception."""

import json
import random
import time
from pathlib import Path

import pytest

from edge.errors import DeviceError
from edge.mbus import frame, record, telegram
from edge.mbus.quantity import values_of
from edge.mbus.telegram import Telegram
from firmware import contract

SEED = 42
LONGEST = 0.05  # s for one frame
GOOD = [
    bytes.fromhex(entry["hex"])
    for line in (Path(__file__).with_name("frames") / "mbus.jsonl").read_text().splitlines()
    if (entry := json.loads(line))["kind"] == "good"
]


def mutated(chance: random.Random, octets: bytes) -> bytes:
    """The frame with up to four bytes changed, or cut, and its length and checksum right again."""
    content = frame.decode(octets)
    payload = bytearray(content.payload)
    for _ in range(chance.randint(1, 4)):
        payload[chance.randrange(len(payload))] = chance.randrange(256)
    if chance.random() < 0.3:
        del payload[chance.randrange(len(payload)) :]
    return frame.encode(content._replace(payload=bytes(payload)))


class Slowest:
    """The longest time of the processor that one frame took, in seconds: what a busy machine does not change."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def decode(self, octets: bytes) -> Telegram | None:
        """What is read of it; None when it is refused as a device's fault. Any other exception is a bug."""
        begun = time.thread_time()
        try:
            return telegram.decode(frame.decode(octets))
        except DeviceError:
            return None
        finally:
            self.seconds = max(self.seconds, time.thread_time() - begun)


@pytest.mark.parametrize("count", [10_000, pytest.param(50_000, marks=pytest.mark.slow)])
def test_a_broken_telegram_is_a_devices_fault_and_what_is_read_the_contract_takes(count: int) -> None:
    chance, slowest = random.Random(SEED), Slowest()
    read = 0
    for _ in range(count):
        found = slowest.decode(mutated(chance, chance.choice(GOOD)))
        if found is None:
            continue
        read += 1
        keys = record.keys_of(found.records)
        assert len(set(keys)) == len(keys)
        values = values_of([found])
        if values:
            contract.check_reading({"thing": "meter", "at": 1, "values": values})
    assert read > count / 10
    assert count - read > count / 10
    assert slowest.seconds < LONGEST


@pytest.mark.parametrize("count", [10_000, pytest.param(50_000, marks=pytest.mark.slow)])
def test_bytes_that_are_no_frame_are_a_devices_fault(count: int) -> None:
    chance, slowest = random.Random(SEED), Slowest()
    for _ in range(count):
        octets = bytearray(chance.choice(GOOD))
        octets[chance.randrange(len(octets))] ^= 1 << chance.randrange(8)
        slowest.decode(bytes(octets[: chance.randrange(1, len(octets) + 1)]))
    assert slowest.seconds < LONGEST
