"""The fast decoder accepts what the contract accepts, and refuses what it refuses, in the contract's words."""

import json
import random
from typing import Any

import pytest

from collector.messages.decode import decode
from firmware import contract
from firmware.contract import ContractError
from firmware.quantities import CODES, QUANTITIES

ODD: list[Any] = [
    None,
    True,
    0,
    -1,
    1.5,
    10**15,
    10**400,
    "",
    "x" * 257,
    "ž" * 200,
    "\ud800",
    [],
    {},
    [1, 2],
    [181, 0],
    [13.7, 45.5, 1e6],
    float("nan"),
    float("inf"),
    "free",
    2**53,
    "A",
    "<",
    "suspect",
    {"no2": "<"},
]


def a_value(chance: random.Random, name: str) -> Any:
    kind = QUANTITIES[name][1]
    if kind == "code":
        return chance.choice(CODES[name])
    if kind == "flags":
        return chance.randrange(2**20)
    if kind == "text":
        return chance.choice(["Odprto", "čez cesto", "", "x" * 256])
    if kind == "position":
        return [chance.uniform(-180, 180), chance.randint(-90, 90), 12][: chance.choice((2, 3))]
    return chance.choice([chance.randrange(-(10**15) + 1, 10**15), chance.uniform(-1e9, 1e9), 0, 1e-300, -0.0])


def a_message(chance: random.Random) -> dict[str, Any]:
    readings = []
    for _ in range(chance.choice((1, 1, 2, 5))):
        names = chance.sample(sorted(QUANTITIES), chance.randint(1, 4))
        keys = [name + chance.choice(("", "", ".l1", ".t1.s2", ".max", ".s1")) for name in names]
        reading: dict[str, Any] = {
            "thing": f"thing-{chance.randrange(50)}",
            "at": chance.randrange(1, 2**53),
            "values": {key: a_value(chance, key.partition(".")[0]) for key in keys},
        }
        if chance.random() < 0.3:
            reading["quality"] = {chance.choice(keys): chance.choice(contract.QUALITIES)}
        if chance.random() < 0.2:
            reading["censored"] = {chance.choice(keys): chance.choice(contract.CENSORED)}
        if chance.random() < 0.2:
            reading["period"] = chance.choice([1, 1000, 10**12])
        if chance.random() < 0.2:
            reading["source"] = "ELS-06855817-07"
        readings.append(reading)
    message: dict[str, Any] = {"readings": readings}
    if chance.random() < 0.8:
        message |= {"outbox": "7f3a91c2", "seq": chance.randrange(1, 2**53)}
    return message


def spoil(chance: random.Random, message: dict[str, Any]) -> None:
    """One change somewhere: a foreign value, a missing key, an unknown one."""
    place: Any = message
    while True:
        key = chance.choice(list(place) if isinstance(place, dict) else range(len(place)))
        if isinstance(place[key], dict | list) and place[key] and chance.random() < 0.8:
            place = place[key]
            continue
        break
    way = chance.randrange(3)
    if way == 0 and isinstance(place, dict):
        del place[key]
    elif way == 1 and isinstance(place, dict):
        place[chance.choice(["unknown", "outbox", "seq", "quality", "no2", "temperature.x", "period"])] = chance.choice(
            ODD
        )
    else:
        place[key] = chance.choice(ODD)


def verdict_of_contract(payload: bytes) -> str:
    try:
        contract.decode_reading(payload)
    except ContractError as error:
        return str(error)
    return "accepted"


def verdict(payload: bytes) -> str:
    try:
        decode(payload)
    except ContractError as error:
        return str(error)
    return "accepted"


def test_ten_thousand_messages_get_the_same_verdict_from_both() -> None:
    chance = random.Random(20261123)
    accepted = 0
    for number in range(10_000):
        message = a_message(chance)
        if number % 2:
            spoil(chance, message)
        payload = json.dumps(message).encode()
        if number % 50 == 49:
            payload = payload[: chance.randrange(len(payload))]
        expected = verdict_of_contract(payload)
        assert verdict(payload).endswith(expected), payload
        accepted += expected == "accepted"
    assert 4_500 < accepted < 8_000  # both verdicts are well represented


def test_what_is_accepted_means_the_same() -> None:
    chance = random.Random(7)
    for _ in range(1_000):
        payload = json.dumps(a_message(chance)).encode()
        plain, message = contract.decode_reading(payload), decode(payload)
        assert (plain.get("outbox", ""), plain.get("seq", 0)) == (message.outbox, message.seq)
        for before, after in zip(plain["readings"], message.readings, strict=True):
            values = {
                key: tuple(value) if isinstance(value, list) else value for key, value in before["values"].items()
            }
            assert (before["thing"], before["at"], values) == (after.thing, after.at, after.values)
            assert before.get("quality", {}) == (after.quality or {})
            assert before.get("censored", {}) == (after.censored or {})
            assert (before.get("period", 0), before.get("source", "")) == (after.period, after.source)


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b"\xff",
        b"[" * 100_000,
        b'{"readings":[]}',
        b'{"seq":1,"readings":[{"thing":"t","at":1,"values":{"co2":1}}]}',
        b'{"outbox":"","seq":1,"readings":[{"thing":"t","at":1,"values":{"co2":1}}]}',
        b'{"readings":[{"thing":"t","at":1.0,"values":{"co2":1}}]}',
        b'{"readings":[{"thing":"t","at":1,"values":{"co2":NaN}}]}',
        b'{"readings":[{"thing":"t","at":1,"values":{"co2":1e400}}]}',
        b'{"readings":[{"thing":"t","at":1,"values":{"co2":1},"period":0}]}',
        b'{"readings":[{"thing":"T","at":1,"values":{"co2":1}}]}',
        b'\xef\xbb\xbf{"readings":[{"thing":"t","at":1,"values":{"co2":1}}]}',
        b'{"readings":[{"thing":"t","at":1,"values":{"co2":1}}]} trailing',
    ],
)
def test_what_no_contract_allows_is_refused_in_the_words_of_the_contract(payload: bytes) -> None:
    assert verdict(payload) == verdict_of_contract(payload) != "accepted"
