"""A valve in the city: a signed command moves it once, and everyone can read where it was seen."""

import json
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from firmware import orders
from hil_tests.cities import kind_city
from hil_tests.cities.city import VirtualCity
from hil_tests.instruments.client import connected
from hil_tests.instruments.process import BenchError, find, wait_until
from hil_tests.judging.verdict import fetch
from provisioning import release
from provisioning.__main__ import main as provision

THING, NODE, CENTER = "valve-01", "node-valve-01", "center-water"

try:
    find("micropython")
except BenchError as missing:
    pytest.skip(str(missing), allow_module_level=True)


@pytest.fixture
def key() -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP256R1())


@pytest.fixture
def city(tmp_path: Path, key: ec.EllipticCurvePrivateKey) -> Iterator[VirtualCity]:
    """One valve that trusts one center."""
    settings = {
        "period_ms": 200,
        "travel_ms": 3000,
        "heartbeat_ms": 60000,
        "trust": {CENTER: ["command"]},
    }
    keys = tmp_path / "city" / NODE / "keys"
    keys.mkdir(parents=True)
    spki = serialization.PublicFormat.SubjectPublicKeyInfo
    (keys / f"{CENTER}.der").write_bytes(key.public_key().public_bytes(serialization.Encoding.DER, spki))
    plan = kind_city.plan(THING, "valve", {"travel": 0.5}, settings)
    with kind_city.running(tmp_path / "city", plan) as running:
        assert provision(["issue", str(tmp_path / "city"), CENTER, "--role", "center"]) == 0
        yield running


def positions(city: VirtualCity) -> list[Any]:
    return [one.value for one in sorted(fetch(city.door, [THING]).get((THING, "valve_position"), ()))]


def command(**changes: Any) -> dict[str, Any]:
    expires = time.time_ns() // 1_000_000 + 600_000
    return {"id": "c-1", "thing": THING, "name": "open", "arguments": {}, "expires": expires, **changes}


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_signed_command_moves_the_valve_once_and_the_city_reads_it_back(
    city: VirtualCity, key: ec.EllipticCurvePrivateKey
) -> None:
    wait_until(lambda: set(positions(city)) == {0}, "the valve is seen closed", 120)
    with connected(city.plan.directory, CENTER) as (center,):
        results: list[dict[str, Any]] = []

        def answered(count: int) -> bool:
            for topic, payload in center.everything(0.2):
                if topic.endswith("/result"):
                    result = orders.decode_result(payload)
                    if result["id"] not in {one["id"] for one in results}:
                        results.append(result)
            return len(results) >= count

        def send(message: dict[str, Any]) -> None:
            center.publish(f"koper/v1/{NODE}/command", orders.encode_command(message))

        center.subscribe(f"koper/v1/{NODE}/result")
        opened = release.signed(command(), key, CENTER)
        send(opened)
        wait_until(lambda: answered(1), f"an answer: {city.programs[NODE].log}", 120)
        assert results[0]["status"] == "done"
        assert results[0]["values"] == {"valve_position": 100}
        wait_until(lambda: positions(city)[-1] == 100, "open, at the API", 120)

        for wrong in (
            command(id="c-2", name="close", by=CENTER),  # unsigned
            {**opened, "id": "c-3", "name": "close"},  # altered
            release.signed(command(id="c-4", name="close"), ec.generate_private_key(ec.SECP256R1()), CENTER),
            release.signed(command(id="c-5", name="close"), key, "center-energy"),
        ):
            send(wrong)
        late = release.signed(command(id="c-6", name="close", expires=time.time_ns() // 1_000_000 - 1000), key, CENTER)

        def asked(count: int, *messages: dict[str, Any]) -> bool:
            """A node keeps four orders at most; the city asks again until it is answered."""
            for message in messages:
                send(message)
            return answered(count)

        repeated = partial(asked, 2, opened, late)  # the first is the same once more
        wait_until(repeated, "the answer to the expired one", 120)
        assert [(one["id"], one["status"]) for one in results] == [("c-1", "done"), ("c-6", "expired")]

        closing = release.signed(command(id="c-7", name="close"), key, CENTER)
        wait_until(partial(asked, 3, closing), "the last answer", 120)
        assert (results[-1]["id"], results[-1]["status"]) == ("c-7", "done")
    wait_until(lambda: positions(city)[-1] == 0, "closed, at the API", 120)
    relay = [json.loads(line)["values"]["relay_state"] for line in city.truth[0].read_text().splitlines()]
    moves = [state for number, state in enumerate(relay) if number == 0 or relay[number - 1] != state]
    assert moves == ["on", "off"], "it was moved twice, by two commands"
