"""A version stays when a receipt came and it ran for a minute; a configuration when it ran; neither stays otherwise."""

from firmware.tests.fake_board import Board, finish
from firmware.trial import CONFIG_STAYS, PATIENCE_MS, STEADY_MS, VERSION_RESTS, VERSION_STAYS, Trial


class RestartError(Exception):
    """The board starts again."""


class Chip(Board):
    """Time passes while somebody sleeps; ``happens`` maps a moment to what happens then."""

    def __init__(self, happens: dict) -> None:
        super().__init__({})
        self._happens = happens

    async def sleep_ms(self, duration: int) -> None:
        self.ms += duration
        for moment in sorted(self._happens):
            if moment <= self.ms:
                self._happens.pop(moment)()

    def restart(self) -> None:
        raise RestartError


class Tried:
    """In place of a version and of a configuration."""

    def __init__(self) -> None:
        self.confirmed_at = None
        self.rests = 0


class Bench:
    def __init__(self, slots: bool = False, config: bool = False) -> None:
        self.slots, self.config = Tried(), Tried()
        self.is_offline = False
        self.happens = {}
        self.chip = Chip(self.happens)
        self.trial = Trial(slots, config, self.chip, lambda: self.is_offline, self.judge)

    def judge(self, verdict: str) -> None:
        if verdict == VERSION_RESTS:
            self.slots.rests += 1
            return
        judged = {VERSION_STAYS: self.slots, CONFIG_STAYS: self.config}[verdict]
        assert judged.confirmed_at is None, "once"
        judged.confirmed_at = self.chip.ms

    def runs(self) -> str:
        try:
            finish(self.trial.run())
        except RestartError:
            return "restarted"
        return "ended"


def test_nothing_on_trial_is_nothing_to_do():
    bench = Bench()
    assert (bench.runs(), bench.chip.ms) == ("ended", 0)


def test_a_version_is_confirmed_after_a_minute_and_a_receipt():
    bench = Bench(slots=True)
    bench.trial.answered()
    assert (bench.runs(), bench.slots.confirmed_at) == ("ended", STEADY_MS)


def test_a_receipt_that_comes_late_confirms_at_once():
    bench = Bench(slots=True)
    bench.happens[STEADY_MS * 2] = bench.trial.answered
    bench.runs()
    assert bench.slots.confirmed_at in (STEADY_MS * 2, STEADY_MS * 2 + 1000)


def test_a_version_that_hears_nothing_starts_again():
    bench = Bench(slots=True)
    assert (bench.runs(), bench.chip.ms, bench.slots.confirmed_at) == ("restarted", PATIENCE_MS, None)


def test_while_the_collector_says_it_is_away_nobody_loses_patience():
    bench = Bench(slots=True)
    bench.is_offline = True

    def comes_back() -> None:
        bench.is_offline = False

    bench.happens[PATIENCE_MS * 10] = comes_back
    bench.happens[PATIENCE_MS * 10 + 5000] = bench.trial.answered
    assert bench.runs() == "ended"
    assert bench.slots.confirmed_at >= PATIENCE_MS * 10 + 5000


def test_a_configuration_needs_a_minute_and_no_receipt():
    bench = Bench(config=True)
    assert (bench.runs(), bench.config.confirmed_at, bench.slots.confirmed_at) == ("ended", STEADY_MS, None)


def test_a_node_that_sleeps_confirms_before_it_does():
    bench = Bench(slots=True, config=True)
    bench.chip.ms = 900
    bench.trial.answered()
    bench.trial.sleeps()
    assert (bench.slots.confirmed_at, bench.config.confirmed_at) == (900, 900)


def test_a_node_that_sleeps_without_a_receipt_has_not_failed():
    bench = Bench(slots=True, config=True)
    bench.trial.sleeps()
    assert (bench.slots.confirmed_at, bench.slots.rests) == (None, 1)
    assert bench.config.confirmed_at == 0
    bench = Bench()
    bench.trial.sleeps()
    assert bench.slots.rests == 0
