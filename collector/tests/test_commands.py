"""Two people, one reason, one signature: how a valve is told to close."""

import json
import os
from base64 import urlsafe_b64decode
from pathlib import Path
from typing import Any

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256
from fastapi.testclient import TestClient

from collector.access.asker import Asker, Grant
from collector.access.openness import load_rules
from collector.access.rights import Policy
from collector.city import City, now, open_city
from collector.command_book import WAITS, CommandBook
from collector.entities.center import load_centers
from collector.entities.inventory import Inventory
from collector.metadata import result
from collector.running.dispatch import Dispatch
from collector.tests.asking import client_of
from firmware import orders

VALVE = {"id": "valve-1", "name": {"sl": "v", "it": "v", "en": "v"}, "center": "environment"}
INVENTORY = Inventory.model_validate(
    {
        "city": "koper",
        "thing": [VALVE, {**VALVE, "id": "lamp-1", "center": "energy"}, {**VALVE, "id": "alone-1"}],
        "publisher": [
            {"id": "gw-1", "role": "gateway", "things": ["valve-1", "lamp-1"]},
            {"id": "gw-2", "role": "gateway", "things": ["lamp-1"]},
        ],
    }
)
WANTED = {"thing": "valve-1", "name": "close", "reason": "burst in Semedela"}


def operator(name: str, center: str = "environment") -> Asker:
    return Asker(name, frozenset((Grant(center, "operator"),)))


@pytest.fixture
def key(tmp_path: Path) -> ec.EllipticCurvePrivateKey:
    made = ec.generate_private_key(ec.SECP256R1())
    (tmp_path / "keys").mkdir()
    pem = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    file = tmp_path / "keys" / "environment.key"
    file.write_bytes(made.private_bytes(*pem))
    file.chmod(0o600)
    return made


@pytest.fixture
def city(tmp_path: Path, key: ec.EllipticCurvePrivateKey) -> City:
    policy = Policy(load_centers(), load_rules(), tmp_path / "keys")
    return open_city(INVENTORY, tmp_path / "data", "memory:", policy=policy)


def as_one(city: City, name: str, center: str = "environment") -> TestClient:
    return client_of(city, operator(name, center))


def asked(city: City, name: str = "ana", **more: Any) -> str:
    answer = as_one(city, name).post("/api/commands", json={**WANTED, **more})
    assert answer.status_code == 201, answer.text
    assert answer.json()["status"] == "asked"
    identifier: str = answer.json()["id"]
    return identifier


def events(tmp_path: Path) -> list[tuple[str, str]]:
    lines = (tmp_path / "data" / "audit.log").read_text().splitlines()
    return [(one["event"]["event"], one["event"]["who"]) for one in map(json.loads, lines)]


async def test_what_one_asks_and_another_approves_is_signed_and_sent(
    city: City, key: ec.EllipticCurvePrivateKey, tmp_path: Path
) -> None:
    sent: list[tuple[str, bytes]] = []

    def publish(topic: str, payload: bytes) -> bool:
        sent.append((topic, payload))
        return True

    dispatch = Dispatch(city, city.commands, publish)
    identifier = asked(city, arguments={"speed": 2}, valid_for=60)
    assert await dispatch.send() == 0
    approved = as_one(city, "bor").post(f"/api/commands/{identifier}/approval")
    assert approved.json()["status"] == "sent"
    assert city.approved.is_set()
    assert await dispatch.send() == 1
    assert await dispatch.send() == 1, "again, until there is an answer"
    ((topic, payload),) = set(sent)
    assert topic == "koper/v1/gw-1/command"
    message = orders.decode_command(payload)
    assert (message["by"], message["approved_by"]) == ("environment/ana", "bor")
    assert (message["reason"], message["arguments"]) == ("burst in Semedela", {"speed": 2})
    assert 0 < message["expires"] - now() <= 60_000
    assert is_signed(message, key)
    assert not is_signed({**message, "approved_by": "cene"}, key)
    assert events(tmp_path) == [("command asked", "ana"), ("command approved", "bor")]


def is_signed(message: dict[str, Any], key: ec.EllipticCurvePrivateKey) -> bool:
    octets = urlsafe_b64decode(message["signature"] + "==")
    numbers = (int.from_bytes(octets[:32], "big"), int.from_bytes(octets[32:], "big"))
    try:
        key.public_key().verify(encode_dss_signature(*numbers), orders.signed_bytes(message), ec.ECDSA(SHA256()))
    except InvalidSignature:
        return False
    return True


def answer(city: City, identifier: str, status: str, publisher: str = "gw-1") -> None:
    payload = orders.encode_result({"id": identifier, "status": status, "outbox": "aaaaaaaa", "seq": 1})
    values = {"publisher": publisher, "command": identifier, "status": status, "received": now(), "payload": payload}
    with city.engine.begin() as connection:
        connection.execute(result.insert().values(**values, digest=os.urandom(8).hex()))


@pytest.mark.parametrize("status", ["done", "refused", "failed", "expired"])
async def test_a_final_answer_ends_the_sending(city: City, status: str) -> None:
    identifier = asked(city)
    as_one(city, "bor").post(f"/api/commands/{identifier}/approval")
    dispatch = Dispatch(city, city.commands, lambda _topic, _payload: True)
    answer(city, identifier, "done", publisher="gw-2")
    answer(city, identifier, "accepted")
    assert await dispatch.send() == 1, "accepted is no end, and another's answer is none"
    answer(city, identifier, status)
    assert await dispatch.send() == 0
    shown = as_one(city, "ana").get(f"/api/commands/{identifier}").json()
    assert shown["status"] == status
    assert [one["status"] for one in shown["results"]] == ["accepted", status]


def test_nobody_approves_his_own_command(city: City) -> None:
    identifier = asked(city)
    refused = as_one(city, "ana").post(f"/api/commands/{identifier}/approval")
    assert refused.status_code == 403
    assert "somebody else approves" in refused.text
    assert city.commands.to_send() == []


@pytest.mark.parametrize("role", ["viewer", "analyst"])
def test_only_operators_and_admins_ask_or_approve(city: City, role: Any) -> None:
    other = client_of(city, Asker("eva", frozenset((Grant("*", role),))))
    identifier = asked(city)
    for method, path in [("post", ""), ("post", f"/{identifier}/approval"), ("delete", f"/{identifier}")]:
        body = {"json": WANTED} if path == "" else {}
        assert getattr(other, method)(f"/api/commands{path}", **body).status_code == 403
    assert other.get("/api/commands").status_code == 403


def test_an_operator_of_another_center_has_no_say(city: City) -> None:
    identifier = asked(city)
    other = as_one(city, "eva", "energy")
    assert other.post("/api/commands", json=WANTED).status_code == 403
    assert other.post(f"/api/commands/{identifier}/approval").status_code == 403
    assert other.get(f"/api/commands/{identifier}").status_code == 403
    assert other.get("/api/commands").json() == {"commands": []}
    assert len(as_one(city, "bor").get("/api/commands").json()["commands"]) == 1


def test_what_is_withdrawn_or_approved_is_so_once(city: City) -> None:
    first, second = asked(city), asked(city)
    bor = as_one(city, "bor")
    assert bor.delete(f"/api/commands/{first}").json()["status"] == "withdrawn"
    assert "it is withdrawn already" in bor.post(f"/api/commands/{first}/approval").text
    assert bor.post(f"/api/commands/{second}/approval").status_code == 200
    assert "it is sent already" in bor.post(f"/api/commands/{second}/approval").text
    assert "it is sent already" in bor.delete(f"/api/commands/{second}").text


def test_what_nobody_approves_within_an_hour_lapses_and_what_is_late_is_not_sent(city: City) -> None:
    clock = [now()]
    book = CommandBook(city.engine, city.access.audit, city.access.policy.keys, lambda: clock[0])
    first = book.find(asked(city))
    clock[0] = first.asked + WAITS
    assert book.find(first.id).status(clock[0]) == "lapsed"
    second = asked(city, valid_for=10)
    clock[0] = now()
    book.approve(operator("bor"), second)
    assert [one.id for one in book.to_send()] == [second]
    clock[0] += 10_000
    assert book.to_send() == []
    assert book.find(second).status(clock[0]) == "expired"


REFUSED: dict[str, tuple[dict[str, Any], int, str]] = {
    "a thing that is not there": ({"thing": "moon"}, 404, "thing: there is no moon"),
    "a thing for which nobody speaks": ({"thing": "alone-1"}, 400, "thing: nobody speaks for alone-1"),
    "a publisher of something else": ({"publisher": "gw-2"}, 400, "publisher: gw-2 does not speak for valve-1"),
    "no reason": ({"reason": " "}, 400, "reason: expected why"),
    "no name": ({"name": ""}, 422, "name"),
    "arguments too long for a node": ({"arguments": {"x": "y" * 5000}}, 400, "4096"),
    "longer than an hour": ({"valid_for": 3601}, 422, "valid_for"),
    "an unknown key": ({"force": True}, 422, "force"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_a_command_that_cannot_be_is_refused_by_name(city: City, case: str, tmp_path: Path) -> None:
    more, status, message = REFUSED[case]
    refused = as_one(city, "ana").post("/api/commands", json={**WANTED, **more})
    assert refused.status_code == status, refused.text
    assert message in refused.text
    assert events(tmp_path) == []


def test_where_several_speak_the_publisher_is_named(city: City) -> None:
    energy = as_one(city, "eva", "energy")
    refused = energy.post("/api/commands", json={**WANTED, "thing": "lamp-1"})
    assert "publisher: several speak for lamp-1: gw-1 gw-2" in refused.text
    assert energy.post("/api/commands", json={**WANTED, "thing": "lamp-1", "publisher": "gw-2"}).status_code == 201


def test_without_the_centers_key_nothing_is_approved(city: City, tmp_path: Path) -> None:
    identifier = asked(city)
    bor = as_one(city, "bor")
    file = tmp_path / "keys" / "environment.key"
    file.chmod(0o640)
    assert "others can read it" in bor.post(f"/api/commands/{identifier}/approval").text
    file.chmod(0o600)
    text = file.read_bytes()
    file.write_text("no key")
    assert "access.keys" in bor.post(f"/api/commands/{identifier}/approval").text
    file.unlink()
    assert "there is no key of environment" in bor.post(f"/api/commands/{identifier}/approval").text
    assert city.commands.find(identifier).approved is None
    file.write_bytes(text)
    file.chmod(0o600)
    assert bor.post(f"/api/commands/{identifier}/approval").status_code == 200


def test_a_command_that_is_not_there_is_said_so(city: City) -> None:
    assert as_one(city, "bor").post("/api/commands/c-0/approval").status_code == 404


def test_what_cannot_be_logged_is_not_approved(city: City) -> None:
    identifier = asked(city)
    city.access.audit.close()
    with pytest.raises(ValueError, match="closed file"):
        as_one(city, "bor").post(f"/api/commands/{identifier}/approval")
    assert city.commands.find(identifier).approved is None
