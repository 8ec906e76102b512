"""How long do decoding and checking one message take, beside ``json.loads`` alone?"""

import json
import statistics
import time
from collections.abc import Callable
from typing import NamedTuple

from collector.bench.load import payload
from collector.decode import decode
from firmware.contract import decode_reading

ROUNDS = 7
MESSAGES = 5_000


class Times(NamedTuple):
    """Microseconds per message, median of interleaved rounds."""

    json: float
    fast: float
    contract: float


def measure() -> Times:
    payloads = [payload(seq, 1_795_392_000_000 + seq) for seq in range(1, MESSAGES + 1)]
    ways: tuple[Callable[[bytes], object], ...] = (json.loads, decode, decode_reading)
    rounds = [[_time(way, payloads) for way in ways] for _ in range(ROUNDS)]
    return Times(*(statistics.median(column) for column in zip(*rounds, strict=True)))


def _time(way: Callable[[bytes], object], payloads: list[bytes]) -> float:
    started = time.perf_counter()
    for one in payloads:
        way(one)
    return (time.perf_counter() - started) / len(payloads) * 1e6
