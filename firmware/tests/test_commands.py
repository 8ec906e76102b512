"""A command is done once, by who may ask for it, and everyone who has signed gets an answer."""

import os

from firmware import orders
from firmware.commands import LATE_MS, REMEMBERED, Commander
from firmware.signature import Keys
from firmware.tests.fake_board import finish

NOW = 1795392000000


class Board:
    now, source = NOW, "ntp"

    def now_ms(self):
        return self.now

    def monotonic_ms(self) -> int:
        return 1000

    def clock_source(self) -> str:
        return self.source


class Answers:
    """What the outbox was given; ``fails_at`` is the power that goes before an answer is kept."""

    def __init__(self) -> None:
        self.results = []
        self.is_dead = False

    def append_result(self, result: dict, _now: int, _mono: int) -> int:
        if self.is_dead:
            raise OSError("the power is gone")
        self.results.append(result)
        return len(self.results)


class Signatures(Keys):
    async def signed(self, message: dict) -> bool:
        return message.get("signature") == "of " + message["by"]


class Gate:
    """Counts how often it was really moved."""

    def __init__(self) -> None:
        self.moves = []

    async def command(self, name: str, arguments: dict, _identifier: str) -> tuple:
        self.moves.append(name)
        return await self.outcome(name, arguments)

    async def outcome(self, name: str, _arguments: dict) -> tuple:
        return ("done", {"valve_position": 0}, "") if self.moves else ("failed", {}, "not reached")


class Bench:
    def __init__(self) -> None:
        for name in ("commands.json", "commands.json.new"):
            try:
                os.remove(name)
            except OSError:
                pass
        self.board, self.outbox, self.gate = Board(), Answers(), Gate()
        self.refused = 0
        self.start()

    def start(self) -> None:
        trust = {"center-water": ["command"], "releases": ["update"]}
        self.commander = Commander(".", self.board, self.outbox, trust, {"valve-1": self.gate})

    def send(self, retained: bool = False, **changes) -> list:
        command = {"id": "c-1", "thing": "valve-1", "name": "close", "arguments": {}, "expires": NOW + 60000}
        command.update({"by": "center-water", "signature": "of center-water"})
        command.update(changes)
        command = {key: value for key, value in command.items() if value is not None}
        self.came(orders.encode_command(command), retained)
        return self.outbox.results

    def came(self, payload: bytes, retained: bool = False) -> None:
        """As the desk does it."""
        command = finish(Signatures("keys").command(payload))
        if command is None:
            self.refused += 1
        else:
            finish(self.commander.handle(command, retained))


def test_a_command_is_carried_out_and_answered():
    bench = Bench()
    assert bench.send() == [{"id": "c-1", "status": "done", "values": {"valve_position": 0}}]
    assert bench.gate.moves == ["close"]


def test_the_same_command_again_moves_nothing_also_after_a_restart():
    bench = Bench()
    bench.send()
    bench.send()
    bench.start()
    bench.send()
    assert (len(bench.outbox.results), bench.gate.moves) == (1, ["close"])


def test_what_may_not_be_done_is_answered_with_its_reason():
    for changes, status, reason in (
        ({"retained": True}, "refused", "a command must not be retained"),
        ({"expires": NOW}, "expired", None),
        ({"thing": "valve-2"}, "refused", "not my thing"),
        ({"by": "releases", "signature": "of releases"}, "refused", "releases may not ask for this"),
        ({"name": "update"}, "refused", "center-water may not ask for this"),
    ):
        bench = Bench()
        (result,) = bench.send(**changes)
        assert (result["status"], result.get("reason")) == (status, reason)
        assert bench.gate.moves == []


def test_a_clock_that_is_not_trusted_refuses():
    for source, now in (("rtc", NOW), ("none", None)):
        bench = Bench()
        bench.board.source, bench.board.now = source, now
        (result,) = bench.send()
        assert result["reason"] == "the clock is not trusted"
        assert bench.gate.moves == []


def test_strangers_get_no_answer_and_are_counted():
    bench = Bench()
    bench.send(signature=None)
    bench.send(signature="of somebody")
    bench.send(by="nobody")
    bench.came(b"{")
    bench.came(b'{"id":"c-1"}')
    assert (bench.outbox.results, bench.gate.moves) == ([], [])
    assert bench.refused == 5


def test_power_that_goes_between_act_and_answer_is_answered_by_looking():
    bench = Bench()
    bench.outbox.is_dead = True
    try:
        bench.send()
    except OSError:
        pass
    assert bench.gate.moves == ["close"]
    bench.outbox.is_dead = False
    bench.start()
    finish(bench.commander.finish())
    bench.send()
    assert bench.outbox.results == [{"id": "c-1", "status": "done", "values": {"valve_position": 0}}]
    assert bench.gate.moves == ["close"], "it was not moved again"


def test_a_thing_that_is_gone_after_the_restart_is_answered_all_the_same():
    bench = Bench()
    bench.outbox.is_dead = True
    try:
        bench.send()
    except OSError:
        pass
    bench.outbox.is_dead = False
    bench.commander = Commander(".", bench.board, bench.outbox, {}, {})
    finish(bench.commander.finish())
    assert bench.outbox.results == [{"id": "c-1", "status": "failed", "reason": "interrupted"}]


def test_more_commands_than_can_be_remembered_wait_until_some_are_forgotten():
    bench = Bench()
    for number in range(REMEMBERED):
        bench.send(id="c-" + str(number))
    assert len(bench.send(id="one-more")) == REMEMBERED
    assert (bench.commander.refused, len(bench.gate.moves)) == (1, REMEMBERED)
    bench.board.now += 60000 + LATE_MS
    assert bench.send(id="later", expires=bench.board.now + 60000)[-1]["status"] == "done"


def test_an_old_command_that_somebody_kept_is_answered_once_and_then_never():
    bench = Bench()
    bench.board.now = NOW + 60000
    for moment in (NOW + 60000, NOW + 60001, NOW + 60000 + LATE_MS, NOW + 60000 + 100 * LATE_MS):
        bench.board.now = moment
        for _ in range(3):
            bench.start()
            bench.send()
    assert [result["status"] for result in bench.outbox.results] == ["expired"]
    assert bench.gate.moves == []


def test_a_reason_that_is_too_long_for_a_result_is_cut():
    bench = Bench()
    by = "center-water/" + "č" * 120
    (result,) = bench.send(by=by, name="update", signature="of " + by)
    assert result["reason"][:13] == "center-water/"
    orders.encode_result(result)


def test_a_flash_that_is_full_moves_nothing_and_ends_nothing():
    from firmware import commands

    bench, real = Bench(), commands.replace

    def full(_path: str, _octets: bytes) -> None:
        raise OSError(28, "no space left on device")

    commands.replace = full
    try:
        (result,) = bench.send()
    finally:
        commands.replace = real
    assert (result["status"], result["reason"][:7]) == ("failed", "flash: ")
    assert bench.gate.moves == []


def test_a_damaged_journal_is_an_empty_one():
    bench = Bench()
    with open("commands.json", "w") as file:
        file.write("{")
    bench.start()
    assert bench.send()[0]["status"] == "done"
