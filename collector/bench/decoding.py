"""How long do decoding and checking one message take, beside ``json.loads`` alone?"""

import json
import statistics
import time
from collections.abc import Callable
from typing import NamedTuple

from collector.bench.load import payload
from collector.bench.town import PUBLISHERS, things_of
from collector.compiled import library
from collector.entities.registry import Publisher
from collector.messages.acceptance import CHUNK
from collector.messages.decode import decode, parse
from collector.messages.message import Message
from collector.messages.ordinary.bulk import Bulk, Taken
from collector.messages.ordinary.reader import C_SOURCE
from collector.series.series_table import SeriesTable
from firmware.contract import decode_reading

ROUNDS = 7
MESSAGES = 5_000
NOW = 1_795_392_000_000


class Times(NamedTuple):
    """Microseconds per message, median of interleaved rounds."""

    json: float
    parse: float
    bulk: float
    decode: float
    contract: float


NAMES = {
    "json": "json.loads, nothing checked",
    "parse": "decoded, types and ranges (msgspec)",
    "bulk": "fully checked, in columns (bulk)",
    "decode": "fully checked, one by one (decode)",
    "contract": "fully checked (firmware.contract)",
}


class _Registry:
    """What ``Bulk`` asks of a registry."""

    city = "koper"
    publishers = {one: Publisher(one, "node", frozenset(things_of(one))) for one in PUBLISHERS}  # noqa: RUF012


def measure(readings: int) -> Times:
    payloads = [payload(PUBLISHERS[seq % 10], seq, readings, NOW) for seq in range(1, MESSAGES + 1)]
    messages = [
        Message(f"koper/v1/{PUBLISHERS[seq % 10]}/reading", one, NOW + 10**9) for seq, one in enumerate(payloads, 1)
    ]
    bulk = Bulk(_Registry(), SeriesTable(), library(C_SOURCE))  # type: ignore[arg-type]
    for one in messages:
        bulk.learn(one.topic, decode(one.payload))

    def at_once() -> None:
        for start in range(0, MESSAGES, CHUNK):
            for part in bulk.take(messages[start : start + CHUNK]):
                if not isinstance(part, Taken):
                    raise RuntimeError("a good message was left alone: is there a C compiler?")  # noqa: TRY004  # of no wrong type

    ways: list[Callable[[], object]] = [
        lambda: _each(json.loads, payloads),
        lambda: _each(parse, payloads),
        at_once,
        lambda: _each(decode, payloads),
        lambda: _each(decode_reading, payloads),
    ]
    rounds = [[_time(way) for way in ways] for _ in range(ROUNDS)]
    plain, parsed, bulked, decoded, contract = (
        statistics.median(column) / MESSAGES * 1e6 for column in zip(*rounds, strict=True)
    )
    return Times(plain, parsed, bulked, decoded, contract)


def _each(way: Callable[[bytes], object], payloads: list[bytes]) -> None:
    for one in payloads:
        way(one)


def _time(way: Callable[[], object]) -> float:
    started = time.perf_counter()
    way()
    return time.perf_counter() - started
