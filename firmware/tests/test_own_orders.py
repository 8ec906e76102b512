"""An update is answered whatever happens to it: when it came and stayed, when it did not come, when it went."""

import os

from firmware import own_orders
from firmware.own_orders import OwnOrders
from firmware.tests.fake_board import finish
from firmware.update import UpdateError


class RestartError(Exception):
    """The board starts again."""


class Versions:
    """In place of slots and updater."""

    def __init__(self) -> None:
        self.active, self.trial, self.running, self.error = "a", None, 1, ""

    def release(self, _slot: str) -> int:
        return self.running

    def try_idle(self) -> None:
        self.running, self.trial = 2, 0

    async def fill(self, url: str) -> int:
        assert url == "https://h/2"
        if self.error:
            raise UpdateError(self.error)
        return 2


class Bench:
    def __init__(self) -> None:
        for name in ("update.json", "update.json.new"):
            try:
                os.remove(name)
            except OSError:
                pass
        self.versions, self.answers = Versions(), []
        self.start()

    def start(self) -> None:
        """The node starts."""

        def restart() -> None:
            raise RestartError

        def answer(identifier: str, outcome: tuple) -> None:
            self.answers.append((identifier, outcome[0], outcome[2]))

        self.own = OwnOrders(".", lambda: self.versions, lambda _slots: self.versions, answer, restart)
        self.own.judge()

    def update(self) -> bool:
        """Asked for and carried out; whether the node starts again."""
        assert self.own.take("update", {"url": "https://h/2"}, "u-1") == ("accepted", {}, "")
        return self.carry_out()

    def carry_out(self) -> bool:
        try:
            finish(self.own.carry_out())
        except RestartError:
            return True
        return False


def test_an_update_that_stays_is_done():
    bench = Bench()
    assert bench.update()
    bench.start()
    assert bench.answers == []
    bench.versions.trial = None
    bench.own.confirm()
    assert bench.answers == [("u-1", "done", "")]
    bench.start()
    assert len(bench.answers) == 1


def test_power_that_goes_between_confirmation_and_answer_is_answered_at_the_next_start():
    bench = Bench()
    bench.update()
    bench.versions.trial = None
    bench.start()
    assert bench.answers == [("u-1", "done", "")]


def test_an_update_that_went_has_failed():
    bench = Bench()
    bench.update()
    bench.start()
    bench.versions.running, bench.versions.trial = 1, None
    bench.start()
    assert bench.answers == [("u-1", "failed", "went back to release 1")]


def test_an_update_that_did_not_come_has_failed_and_the_next_may_come():
    bench = Bench()
    bench.versions.error = "not signed by releases"
    assert not bench.update()
    assert bench.answers == [("u-1", "failed", "not signed by releases")]
    bench.versions.error = ""
    assert bench.update()


def test_an_update_that_a_restart_cuts_short_has_failed():
    bench = Bench()
    bench.own.take("update", {"url": "https://h/2"}, "u-1")
    bench.start()
    assert bench.answers == [("u-1", "failed", "interrupted")]
    assert bench.update()


def test_only_one_update_at_a_time():
    bench = Bench()
    bench.update()
    bench.start()
    assert bench.own.take("update", {"url": "x"}, "u-2") == ("refused", {}, "another update is on its way")


def test_a_flash_that_is_full_fails_the_update_and_nothing_else():
    bench, real = Bench(), own_orders.replace

    def full(_path: str, _octets: bytes) -> None:
        raise OSError(28, "no space left on device")

    own_orders.replace = full
    try:
        assert bench.own.take("update", {"url": "https://h/2"}, "u-1")[0] == "refused"
        own_orders.replace = real
        bench.own.take("update", {"url": "https://h/2"}, "u-2")
        own_orders.replace = full
        assert not bench.carry_out()
    finally:
        own_orders.replace = real
    assert [(identifier, status) for identifier, status, _ in bench.answers] == [("u-2", "failed")]
    assert bench.versions.running == 1


def test_what_it_does_not_know_is_refused_and_a_restart_is_done():
    bench = Bench()
    assert bench.own.take("dance", {}, "o-1") == ("refused", {}, "unknown command")
    for arguments in ({}, {"url": 7}):
        assert bench.own.take("update", arguments, "o-2") == ("refused", {}, "arguments.url: expected text")
    assert bench.own.take("restart", {}, "o-3") == ("done", {}, "")
    assert bench.carry_out()
    assert bench.own.outcome("restart", {}) == ("done", {}, "")
    assert bench.own.outcome("update", {}) == ("failed", {}, "interrupted")
