"""Commands: only what is signed, allowed, in time and new reaches a device, and each is answered once."""

import asyncio
import io
import json
from base64 import urlsafe_b64encode
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from edge import commands, signature
from edge.commands import Commander
from edge.config import Config, Meter
from edge.errors import ConfigError, DeviceError
from edge.mbus.quantity import Values
from edge.modbus.register import Table
from edge.outbox import URGENT, Outbox, open_outbox
from edge.owner import Owner
from edge.signature import PublicKey
from firmware import orders
from firmware.chain import Chain, verify

NOW = 1_795_392_000_000
ENVIRONMENT, COLLECTOR, STRANGER = (ec.generate_private_key(ec.SECP256R1()) for _ in range(3))


def command(key: ec.EllipticCurvePrivateKey | None = ENVIRONMENT, **changes: Any) -> dict[str, Any]:
    message: dict[str, Any] = {
        "id": "c-1", "thing": "valve-1", "name": "close", "arguments": {}, "expires": NOW + 60_000,
        "by": "environment/ana", "reason": "burst main",
    }  # fmt: skip
    message |= changes
    if key is not None:
        r, s = decode_dss_signature(key.sign(orders.signed_bytes(message), ec.ECDSA(SHA256())))
        octets = r.to_bytes(32, "big") + s.to_bytes(32, "big")
        message["signature"] = urlsafe_b64encode(octets).rstrip(b"=").decode()
    return message


class Valves:
    """A bus of valves that go where they are told, unless stuck."""

    def __init__(self) -> None:
        self.positions = {"valve-1": 100, "valve-2": 100, "valve-3": 100}
        self.writes: list[tuple[str, int]] = []
        self.is_stuck = self.is_dead = False

    async def read(self, meter: Meter) -> Values:
        if self.is_dead:
            raise DeviceError("no answer")
        return {"valve_position": (self.positions[meter.thing], 0)}

    async def write(self, meter: Meter, table: Table, address: int, words: list[int]) -> None:
        self.writes.append((meter.thing, words[0]))
        if not self.is_stuck:
            self.positions[meter.thing] = words[0]

    def close(self) -> None:
        return


def configuration() -> Config:
    meters = [
        {"thing": f"valve-{n}", "unit_id": n, "period": 86400, "profile": "generic_valve"} for n in (1, 2, 3)
    ]  # fmt: skip
    files = {"ca": "ca", "certificate": "c", "key": "k"}
    return Config.model_validate(
        {
            "city": "koper", "publisher": "gw-1", "broker": files,
            "center": {"environment": {"key": "e"}, "mobility": {"key": "m", "things": ["spot-1"]}},
            "interlock": [{"things": ["valve-1", "valve-2"], "quantity": "valve_position"}],
            "line": [{"name": "main", "kind": "modbus-rtu", "port": "/dev/x", "meter": meters}],
        }
    )  # fmt: skip


class Bench:
    def __init__(self, path: Path) -> None:
        self.path = path
        self.valves = Valves()
        self.now = NOW
        self.is_trusted = True
        self.again: list[int] = []
        self.audit = io.BytesIO()
        self.start()

    def start(self) -> None:
        """Also after a crash: the outbox and the audit are what is left."""
        self.outbox: Outbox = open_outbox(self.path, 2**20)
        config = configuration()
        self.owner = Owner("main", self.valves, config.line[0].meter, lambda _thing, _values: None)
        keys = {name: PublicKey(key.public_key()) for name, key in KEYS.items()}
        self.commander = Commander(
            lambda: config, keys, {"main": self.owner}, self.outbox, Chain(self.audit, lambda: None, NOW),
            publish_again=self.again.append, clock=lambda: self.now, is_clock_trusted=lambda: self.is_trusted,
        )  # fmt: skip
        self.polling = asyncio.create_task(self.owner.run())

    async def send(self, message: dict[str, Any], *, is_retained: bool = False) -> list[dict[str, Any]]:
        await self.commander.handle(json.dumps(message).encode(), is_retained)
        return self.results()

    def results(self) -> list[dict[str, Any]]:
        return [
            orders.decode_result(message.payload)
            for message in self.outbox.unreceived(URGENT, 0, 99)
            if message.channel == "result"
        ]

    def steps(self) -> list[str]:
        lines = self.audit.getvalue().splitlines(keepends=True)
        verify(lines)
        return [json.loads(line)["event"]["step"] for line in lines]

    async def crash(self) -> None:
        self.polling.cancel()
        await asyncio.gather(self.polling, return_exceptions=True)
        self.outbox.close()


KEYS = {"environment": ENVIRONMENT, "mobility": STRANGER, "collector": COLLECTOR}


@pytest.fixture
async def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Bench]:
    monkeypatch.setattr(commands, "_LOOK", 0.01)
    made = Bench(tmp_path / "outbox.sqlite")
    yield made
    await made.crash()


async def test_a_signed_command_is_written_read_back_and_answered(bench: Bench) -> None:
    (result,) = await bench.send(command())
    assert bench.valves.writes == [("valve-1", 0)]
    assert result == {
        "id": "c-1", "status": "done", "at": NOW, "values": {"valve_position": 0}, "outbox": bench.outbox.id, "seq": 1,
    }  # fmt: skip
    assert bench.steps() == ["taken on", "writing", "written", "done"]


async def test_a_set_point_goes_where_it_is_told(bench: Bench) -> None:
    (result,) = await bench.send(command(name="set_position", thing="valve-3", arguments={"position": 35}))
    assert (bench.valves.writes, result["values"]) == ([("valve-3", 35)], {"valve_position": 35})


REFUSED: list[tuple[str, dict[str, Any], str]] = [
    ("unsigned", command(None), "not signed by environment"),
    ("signed by another", command(STRANGER), "not signed by environment"),
    ("changed after signing", command() | {"thing": "valve-3"}, "not signed by environment"),
    ("a signature that is none", command(None, signature="?"), "not signed by environment"),
    ("an unknown center", command(by="economy"), "economy may not ask for close here"),
    ("a center without a say", command(STRANGER, by="mobility"), "mobility has no say over valve-1"),
    ("the collector", command(COLLECTOR, by="collector"), "collector may not ask for close here"),
    ("an unknown thing", command(thing="valve-9"), "valve-9 is not on a line"),
    ("not in the profile", command(name="explode"), "allows no explode"),
    ("an argument too many", command(arguments={"position": 1}), "arguments: only none is known"),
    ("no argument", command(name="set_position"), "arguments.position: expected a number"),
    ("beyond the limit", command(name="set_position", arguments={"position": 101}), "expected 0 to 100"),
    ("no whole step", command(name="set_position", arguments={"position": 1.5}), "no whole number of steps"),
]  # fmt: skip


@pytest.mark.parametrize(("message", "reason"), [row[1:] for row in REFUSED], ids=[row[0] for row in REFUSED])
async def test_what_is_refused_never_reaches_the_line(bench: Bench, message: dict[str, Any], reason: str) -> None:
    (result,) = await bench.send(message)
    assert result["status"] == "refused"
    assert reason in result["reason"]
    assert bench.valves.writes == []
    assert bench.steps()[-1].startswith("refused: ")


async def test_a_retained_command_is_refused(bench: Bench) -> None:
    (result,) = await bench.send(command(), is_retained=True)
    assert (result["status"], result["reason"], bench.valves.writes) == ("refused", "retained: it may be old", [])


async def test_an_expired_command_is_answered_as_expired(bench: Bench) -> None:
    bench.now = NOW + 60_000
    (result,) = await bench.send(command())
    assert (result["status"], bench.valves.writes) == ("expired", [])


async def test_nothing_is_done_while_the_clock_is_not_trusted(bench: Bench) -> None:
    bench.is_trusted = False
    (result,) = await bench.send(command())
    assert (result["reason"], bench.valves.writes) == ("the clock is not trusted", [])


async def test_the_second_branch_is_not_closed_while_the_first_one_is(bench: Bench) -> None:
    await bench.send(command())
    _, second = await bench.send(command(id="c-2", thing="valve-2"))
    assert (second["status"], bench.valves.writes) == ("refused", [("valve-1", 0)])
    assert "interlock: valve-1 has no valve_position above 0" in second["reason"]
    await bench.send(command(id="c-3", name="open"))
    *_, fourth = await bench.send(command(id="c-4", thing="valve-2"))
    assert fourth["status"] == "done"


async def test_an_interlock_that_cannot_be_read_holds(bench: Bench) -> None:
    bench.valves.is_dead = True
    (result,) = await bench.send(command())
    assert "interlock: valve-2 can not be read: no answer" in result["reason"]
    assert bench.valves.writes == []


async def test_a_valve_that_does_not_move_is_answered_as_failed(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    bench.valves.is_stuck = True
    model = commands.profile.load("generic_valve")
    monkeypatch.setitem(model.command[1].__dict__, "within", 0)
    (result,) = await bench.send(command())
    assert (result["status"], result["reason"]) == ("failed", "not reached within 0 s: valve_position reads (100, 0)")


async def test_a_repeated_command_is_not_carried_out_again(bench: Bench) -> None:
    await bench.send(command())
    bench.valves.positions["valve-1"] = 100  # somebody opened it by hand
    assert len(await bench.send(command())) == 1  # its answer waits for a receipt and is sent anyway
    bench.outbox.received([[1, 1]])
    (again,) = await bench.send(command())
    assert (again["status"], again["seq"], bench.valves.writes) == ("done", 2, [("valve-1", 0)])


async def test_an_id_that_was_used_for_another_command_is_not_carried_out(bench: Bench) -> None:
    await bench.send(command())
    await bench.send(command(thing="valve-3"))
    assert bench.valves.writes == [("valve-1", 0)]
    assert "refused: its id was used for another command" in bench.steps()


async def test_after_a_crash_between_write_and_answer_it_is_answered_and_not_written_again(bench: Bench) -> None:
    assert bench.outbox.take_on(command())
    bench.valves.positions["valve-1"] = 0  # the write had happened
    await bench.crash()
    bench.start()
    running = asyncio.create_task(bench.commander.run())
    async with asyncio.timeout(120):
        while not bench.results():  # noqa: ASYNC110 - the answer is in a file
            await asyncio.sleep(0.01)
    running.cancel()
    await bench.send(command())
    (result,) = bench.results()
    assert (result["status"], bench.valves.writes) == ("done", [])
    assert bench.steps()[:2] == ["found unanswered", "done"]


async def test_read_now_reads_and_answers(bench: Bench) -> None:
    (result,) = await bench.send(command(name="read"))
    assert (result["status"], bench.valves.writes) == ("done", [])


async def test_the_collector_asks_for_messages_again(bench: Bench) -> None:
    for number in range(1, 6):
        bench.outbox.append([{"thing": "valve-1", "at": number, "values": {"valve_position": 1}}])
    bench.outbox.received([[1, 5]])
    wanted = {"outbox": bench.outbox.id, "from": 2, "to": 4}
    ask = {"by": "collector", "name": "replay", "thing": "gw-1", "arguments": wanted}
    (result,) = await bench.send(command(COLLECTOR, **ask))
    assert result["status"] == "done"
    assert [message.seq for message in bench.outbox.unreceived(0, 0, 9)] == [2, 3, 4]
    assert 2 in bench.again


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"outbox": "beef0000"}, "another one"),
        ({"from": "2"}, "expected sequence numbers"),
        ({"from": 5}, "expected sequence numbers"),
        ({}, "none of 2 to 4 is kept"),
    ],
)
async def test_a_replay_that_is_not_possible_says_why(bench: Bench, change: dict[str, Any], reason: str) -> None:
    wanted = {"outbox": bench.outbox.id, "from": 2, "to": 4} | change
    ask = {"by": "collector", "name": "replay", "thing": "gw-1", "arguments": wanted}
    (result,) = await bench.send(command(COLLECTOR, **ask))
    assert result["status"] == "refused"
    assert reason in result["reason"]


async def test_a_center_cannot_ask_for_a_replay(bench: Bench) -> None:
    (result,) = await bench.send(command(name="replay"))
    assert result["reason"] == "environment may not ask for replay here"


async def test_what_is_no_command_is_not_answered(bench: Bench) -> None:
    await bench.commander.handle(b"{}", False)
    assert bench.results() == []


def test_a_key_is_read_from_a_public_key_and_refused_when_it_is_none(tmp_path: Path) -> None:
    pem = tmp_path / "environment.pem"
    pem.write_bytes(ENVIRONMENT.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
    assert signature.load("center.environment.key", pem).signed(command())
    pem.write_text("no key")
    with pytest.raises(ConfigError, match=r"center\.environment\.key: "):
        signature.load("center.environment.key", pem)
    other = ec.generate_private_key(ec.SECP384R1()).public_key()
    pem.write_bytes(other.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
    with pytest.raises(ConfigError, match="expected an EC P-256 key"):
        signature.load("collector.key", pem)
