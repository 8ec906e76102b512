"""Broken telegrams of every kind: refused as a device's fault or read, never another exception."""

import contextlib
import json
import random
from pathlib import Path

from edge.errors import DeviceError
from edge.mbus import frame, telegram
from edge.mbus.quantity import values_of
from firmware import contract

SEED = 42
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


def test_a_broken_telegram_is_a_devices_fault_and_what_is_read_the_contract_takes() -> None:
    chance = random.Random(SEED)
    read = refused = 0
    for _ in range(10_000):
        octets = mutated(chance, chance.choice(GOOD))
        try:
            found = telegram.decode(frame.decode(octets))
        except DeviceError:
            refused += 1
            continue
        read += 1
        values = values_of([found])
        if values:
            contract.check_reading({"thing": "meter", "at": 1, "values": values})
    assert read > 1000
    assert refused > 1000


def test_bytes_that_are_no_frame_are_a_devices_fault() -> None:
    chance = random.Random(SEED)
    for _ in range(10_000):
        octets = bytearray(chance.choice(GOOD))
        octets[chance.randrange(len(octets))] ^= 1 << chance.randrange(8)
        with contextlib.suppress(DeviceError):
            telegram.decode(frame.decode(bytes(octets[: chance.randrange(1, len(octets) + 1)])))
